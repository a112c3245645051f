"""What a policy can have wrong although every word of it is right: rules that nobody can ever fulfil.

Called by `bot.settings.loading`. More approvals than approvers are named, nobody but approvers may ask and
none of them may approve, a glass that breaks after the request has expired, a rule that an earlier one hides,
limits that hold for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.documents.finding import find
from bot.domain.reachable import can_be_reached, people_of
from bot.domain.remedies import Action
from bot.settings.rules import own_rule, rule_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.documents import Document
    from bot.domain.faults import Fault
    from bot.domain.policies import ApprovalRule
    from bot.settings.models import ServiceSettings, Settings
    from bot.settings.policies import ApprovalRuleSettings

Place = tuple[str | int, ...]

_DECIDING: Final = {"approvers", "approvals", "requester_may_approve", "approval"}
_DEADLOCK: Final = (
    "it can never be approved: only approvers may ask (`responders` names nobody else), and without "
    "whoever asked too few are left; name another responder or approver, or set `requester_may_approve: true`"
)


def policy_faults(document: Document, settings: Settings) -> Iterator[Fault]:
    """Every rule of every service that can never be fulfilled or never holds."""
    for name, service in settings.services.items():
        place: Place = ("services", name, "remediation")
        general = own_rule(service)
        yield from _of_rule(document, service, general, place)
        for number, exception in enumerate(service.remediation.rules):
            where = (*place, "rules", number)
            if exception.model_fields_set & _DECIDING:
                yield from _of_rule(document, service, rule_over(general, exception), where)
            yield from _of_limits(document, exception, rule_over(general, exception), where)
            yield from _hidden(document, service.remediation.rules[:number], exception, where)
        yield from _of_glass(document, service, place)


def _of_rule(
    document: Document, service: ServiceSettings, rule: ApprovalRule, path: Place
) -> Iterator[Fault]:
    if not rule.approvers and rule.approvals == 1:
        return  # nobody is named: that is how to say that something is never done
    if not can_be_reached(rule, None):
        count = len(people_of(rule.approvers) or ())
        named = "nobody is" if count == 0 else "only 1 is" if count == 1 else f"only {count} are"
        words = (
            f"{rule.approvals} people must approve, but {named} named in `approvers`, so it can never be "
            "approved; name more people or a user group, or lower `approvals`"
        )
        yield _placed(document, path, "approvals", words)
    elif not can_be_reached(rule, _requesters(service, rule)):
        yield _placed(document, path, "requester_may_approve", _DEADLOCK)


def _requesters(service: ServiceSettings, rule: ApprovalRule) -> frozenset[str] | None:
    """Who may ask; None where that is everybody, or a user group is among them."""
    if not service.responders:
        return None
    return people_of((*service.responders, *service.approvers, *rule.approvers))


def _of_limits(
    document: Document, exception: ApprovalRuleSettings, rule: ApprovalRule, path: Place
) -> Iterator[Fault]:
    """Limits of an action that the rule is not about, and bounds that leave no number."""
    for action, said in ((Action.SCALE, exception.scale), (Action.RESOURCES, exception.resources)):
        if said is not None and action not in exception.actions:
            words = f"these limits never hold: the rule is not about `{action}`; name it in `actions`"
            yield document.key_place((*path, action.value)).fault(words)
    if exception.scale is not None and rule.scale.minimum > rule.scale.maximum:
        words = f"min ({rule.scale.minimum}) is above max ({rule.scale.maximum}); the service's own holds"
        yield document.place((*path, "scale")).fault(f"{words} where the rule gives none")


def _hidden(
    document: Document,
    earlier: tuple[ApprovalRuleSettings, ...],
    exception: ApprovalRuleSettings,
    path: Place,
) -> Iterator[Fault]:
    """A rule of which nothing is left, because the first that fits holds."""
    left = set(exception.actions)
    for one in earlier:
        takes_all = not one.targets or (exception.targets and set(exception.targets) <= set(one.targets))
        left -= set(one.actions) if takes_all else set()
    if not left:
        words = "this rule never holds: the rules before it take all its actions; put it before them"
        yield document.place(path).fault(words)


def _of_glass(document: Document, service: ServiceSettings, path: Place) -> Iterator[Fault]:
    wished = service.remediation
    glass = wished.break_glass
    if glass is not None and glass.after >= wished.approval_timeout:
        words = "the glass never breaks: requests expire earlier (`approval_timeout`); make `after` shorter"
        yield document.place((*path, "break_glass", "after")).fault(words)


def _placed(document: Document, path: Place, key: str, words: str) -> Fault:
    """At the key where it is written there, else at what it belongs to."""
    written = any(True for _ in find(document.value, *path, key))
    return (document.place((*path, key)) if written else document.key_place(path)).fault(words)
