"""A service's approval policy in plain sentences, for `lightship check --explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.access import Role
from bot.domain.durations import format_duration
from bot.domain.quantities import format_bytes
from bot.domain.remedies import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import timedelta

    from bot.domain.policies import ApprovalRule, RuleFor
    from bot.domain.services import WatchedService


def policy_words(service: WatchedService, *, enabled: bool, longest_silence: timedelta) -> tuple[str, ...]:
    """What may be done to a service, who says so, and when."""
    policy = service.approval
    name, asking = service.name, ", ".join(service.policy.named(Role.RESPONDER))
    quiet = format_duration(longest_silence)
    lines = [
        f"{name}: {asking or 'every full member of the workspace'} may ask for actions in {service.channel}.",
        f"{name}: they may silence an incident's alerts without approval, for {quiet} at most.",
        f"{name}: every action, unless said otherwise below",
    ]
    lines += [f"  {line}" for line in (*_rule(policy.general), *_limits(policy.general, frozenset(Action)))]
    for special in policy.special:
        lines.append(f"{name}: {_about(special)}")
        lines += [f"  {line}" for line in (*_rule(special.rule), *_limits(special.rule, special.actions))]
    lines += _everywhere(service, enabled=enabled)
    return tuple(lines)


def _limits(rule: ApprovalRule, actions: Collection[Action]) -> Iterator[str]:
    """How far the actions may go that have numbers."""
    scale, resources = rule.scale, rule.resources
    if Action.SCALE in actions:
        yield (
            f"Scaling stays between {scale.minimum} and {scale.maximum} replicas, and changes them by at "
            f"most {scale.max_factor:g} times at once."
        )
    if Action.RESOURCES in actions:
        yield (
            f"A container gets at most {resources.cpu:g} CPU and {format_bytes(resources.memory)} memory, "
            f"and changes by at most {resources.max_factor:g} times at once."
        )


def _about(special: RuleFor) -> str:
    actions = " and ".join(sorted(action.value for action in special.actions))
    return f"{actions} on {' or '.join(special.targets)}" if special.targets else actions


def _rule(rule: ApprovalRule) -> Iterator[str]:
    if not rule.is_needed:
        yield "Nobody is asked: it is done at once when somebody asks for it. It stands in the audit."
    elif not rule.approvers:
        yield "Nobody can approve it, because no approver is named; it is never done."
    else:
        count = "One of them" if rule.approvals == 1 else f"{rule.approvals} different people of them"
        own = "the requester may be one" if rule.requester_may_approve else "never the requester"
        yield f"Approvers: {', '.join(rule.approvers)}. {count} must approve, {own}."
        yield f"A request without an answer expires after {format_duration(rule.lifetime)}."
    if rule.undo_grace and rule.is_needed:
        grace = format_duration(rule.undo_grace)
        yield f"Who approved it may undo it within {grace} without asking again."
    if rule.hours:
        yield f"Only {' and '.join(str(hours) for hours in rule.hours)}."
    if rule.at_most_an_hour is not None:
        times = "once" if rule.at_most_an_hour == 1 else f"{rule.at_most_an_hour} times"
        yield f"At most {times} an hour on one target."
    if rule.break_glass_after is not None and rule.is_needed:
        yield (
            f"Break glass: for a P1 incident the requester may approve alone after "
            f"{format_duration(rule.break_glass_after)}, with a reason; all approvers are called."
        )


def _everywhere(service: WatchedService, *, enabled: bool) -> Iterator[str]:
    name, protected = service.name, service.approval.protected_namespaces
    if service.bounds.may_be_reverted:
        yield f"{name}: what KEDA, Argo CD or Flux will take back may be done all the same."
    if service.bounds.nodes_may_grow:
        yield f"{name}: too little room on the nodes is a warning, because nodes are added on demand."
    if service.approval.is_looked_at_only:
        yield f"{name}: nothing is done for it at all, because its `remediation.enabled` is false."
    if protected:
        yield f"{name}: nothing is changed in {', '.join(sorted(protected))}."
    if not enabled:
        yield f"{name}: nothing is done at all, because `remediations.enabled` is false."
