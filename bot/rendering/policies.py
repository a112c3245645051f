"""A service's approval policy in plain sentences, for `lightship check --explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.domain.policies import ApprovalPolicy, ApprovalRule, RuleFor
    from bot.domain.services import WatchedService


def policy_words(service: WatchedService, *, enabled: bool) -> tuple[str, ...]:
    """What may be done to a service, who says so, and when."""
    policy = service.approval
    lines = [f"{service.name}: every action, unless said otherwise below"]
    lines += [f"  {line}" for line in _rule(policy.general)]
    for special in policy.special:
        lines.append(f"{service.name}: {_about(special)}")
        lines += [f"  {line}" for line in _rule(special.rule)]
    scale = service.scale
    lines.append(
        f"{service.name}: scaling stays between {scale.minimum} and {scale.maximum} replicas, and changes "
        f"them by at most {scale.max_factor:g} times at once."
    )
    lines += _everywhere(policy, service.name, enabled=enabled)
    return tuple(lines)


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


def _everywhere(policy: ApprovalPolicy, name: str, *, enabled: bool) -> Iterator[str]:
    if policy.protected_namespaces:
        yield f"{name}: nothing is changed in {', '.join(sorted(policy.protected_namespaces))}."
    if not enabled:
        yield f"{name}: nothing is done at all, because `remediations.enabled` is false."
