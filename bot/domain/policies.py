"""What a policy says of an action: who approves it, how many of them, when it may be done, how often.

Pure. Made from `lightship.yaml` by `bot.bootstrap`; asked by the approving engines and, for who may press, by
the doors. Each answer is a typed reason with a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from bot.domain.bounds import ResourceBounds, ScaleBounds
from bot.domain.hours import DAYS, within
from bot.domain.reachable import left_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.domain.hours import Hours
    from bot.domain.remedies import Action, Target

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalRule:
    """What holds for one action on one target.

    `approvals` people of `approvers` must agree; the requester counts only where `requester_may_approve`.
    `lifetime` is how long a request waits. Outside of `hours` (empty: none are set) nothing is asked for or
    granted. `at_most_an_hour` counts what was begun on the target. `is_needed` is False where the policy
    says in so many words that nobody is asked. `scale` and `resources` bound those two actions.
    `break_glass_after` is None where the requester can never
    approve alone. Within `undo_grace` after an approval, those who gave it may take the action back without
    asking again.
    """

    approvers: tuple[str, ...] = ()
    approvals: int = 1
    requester_may_approve: bool = False
    lifetime: timedelta = timedelta(minutes=30)
    undo_grace: timedelta = timedelta(0)
    hours: tuple[Hours, ...] = ()
    at_most_an_hour: int | None = None
    is_needed: bool = True
    break_glass_after: timedelta | None = None
    scale: ScaleBounds = field(default_factory=ScaleBounds)
    resources: ResourceBounds = field(default_factory=ResourceBounds)


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleFor:
    """A rule for some actions, and for some targets where patterns such as `deployment shop/*` are given."""

    actions: frozenset[Action]
    targets: tuple[str, ...] = ()
    rule: ApprovalRule

    def holds_for(self, action: Action, target: Target) -> bool:
        """Whether this is about that."""
        named = not self.targets or any(fnmatchcase(str(target), pattern) for pattern in self.targets)
        return action in self.actions and named


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalPolicy:
    """A service's policy: the first of `special` that fits, else the `general` rule.

    Nothing is ever done for a service that is looked at only.
    """

    general: ApprovalRule = ApprovalRule()
    special: tuple[RuleFor, ...] = ()
    protected_namespaces: frozenset[str] = frozenset()
    is_looked_at_only: bool = False

    def of(self, action: Action, target: Target) -> ApprovalRule:
        """The rule for an action on a target."""
        return next((one.rule for one in self.special if one.holds_for(action, target)), self.general)


class PolicyReason(StrEnum):
    """Why a policy keeps an action from being asked for or granted."""

    LOOKED_AT_ONLY = "looked_at_only"
    PROTECTED_NAMESPACE = "protected_namespace"
    OUT_OF_HOURS = "out_of_hours"
    TOO_OFTEN = "too_often"
    NOBODY_LEFT = "nobody_left"


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRefusal:
    """A refusal with its sentence for the person."""

    reason: PolicyReason
    sentence: str


def may_be_done(
    policy: ApprovalPolicy, action: Action, target: Target, *, now: datetime, begun: Sequence[datetime]
) -> PolicyRefusal | None:
    """Why the policy forbids it now; else None. `begun` is when it was last begun on the target.

    An undo is not begun anew: it is asked with nothing begun.
    """
    rule = policy.of(action, target)
    if policy.is_looked_at_only:
        words = "This service is looked at only (`remediation.enabled` is false). Nothing was done."
        return PolicyRefusal(reason=PolicyReason.LOOKED_AT_ONLY, sentence=words)
    if target.namespace in policy.protected_namespaces:
        words = f"The namespace {target.namespace} is protected; nothing in it is changed."
        return PolicyRefusal(reason=PolicyReason.PROTECTED_NAMESPACE, sentence=words)
    if not within(rule.hours, now):
        allowed = " and ".join(str(hours) for hours in rule.hours)
        words = (
            f"The policy allows {action.value} only {allowed}; it is {DAYS[now.weekday()]} {now:%H:%M} UTC. "
            "Nothing was done."
        )
        return PolicyRefusal(reason=PolicyReason.OUT_OF_HOURS, sentence=words)
    recent = [moment for moment in begun if now - moment < HOUR]
    if rule.at_most_an_hour is not None and len(recent) >= rule.at_most_an_hour:
        minutes = max(1, -(-int((min(recent) + HOUR - now).total_seconds()) // 60))
        words = (
            f"The policy allows {action.value} on {target} {_times(rule.at_most_an_hour)} an hour; "
            f"the next is possible in {minutes} min. Nothing was done."
        )
        return PolicyRefusal(reason=PolicyReason.TOO_OFTEN, sentence=words)
    return None


def may_be_asked(rule: ApprovalRule, action: Action, requester: str) -> PolicyRefusal | None:
    """Why nobody can approve what this person asks for; None where somebody can, or may break the glass."""
    left = left_for(rule, requester)
    if not rule.is_needed or left is None or left >= rule.approvals or rule.break_glass_after is not None:
        return None
    if not rule.approvers:
        words = f"Nobody is named as an approver of {action.value} in lightship.yaml, so it is never done."
    else:
        need = "One approval is" if rule.approvals == 1 else f"{rule.approvals} approvals are"
        own = "" if rule.requester_may_approve else " other than yours"
        words = (
            f"{need} needed{own}, and {_people(left)} named as an approver of {action.value}. "
            "Let somebody else ask. Nothing was done."
        )
    return PolicyRefusal(reason=PolicyReason.NOBODY_LEFT, sentence=words)


def _people(count: int) -> str:
    if count == 0:
        return "nobody else is"
    return "only 1 more person is" if count == 1 else f"only {count} more people are"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
