"""From `lightship.yaml` to a service's policy: its own rule, and the exceptions that are written over it.

Called by `bot.bootstrap.services`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.domain.policies import ApprovalPolicy, ApprovalRule, RuleFor
from bot.domain.remedies import Action
from bot.settings.policies import ApprovalWord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from bot.settings import ApprovalRuleSettings, RemediationSettings, ServiceSettings


def approval_policy(service: ServiceSettings, *, protected: Iterable[str]) -> ApprovalPolicy:
    """The general rule, and one for each action that an exception names or the glass may be broken for."""
    wished = service.remediation
    general = ApprovalRule(
        approvers=service.approvers,
        approvals=wished.approvals,
        requester_may_approve=wished.requester_may_approve,
        lifetime=wished.approval_timeout,
        undo_grace=wished.undo_grace,
        hours=wished.hours,
        at_most_an_hour=wished.at_most_an_hour,
    )
    return ApprovalPolicy(
        general=general, special=tuple(_special(wished, general)), protected_namespaces=frozenset(protected)
    )


def _special(wished: RemediationSettings, general: ApprovalRule) -> Iterator[RuleFor]:
    for exception in wished.rules:
        for action in exception.actions:
            rule = replace(_over(general, exception), break_glass_after=_glass(wished, action))
            yield RuleFor(actions=frozenset({action}), targets=exception.targets, rule=rule)
    for action in Action:
        after = _glass(wished, action)
        if after is not None:
            yield RuleFor(actions=frozenset({action}), rule=replace(general, break_glass_after=after))


def _glass(wished: RemediationSettings, action: Action) -> timedelta | None:
    glass = wished.break_glass
    return glass.after if glass is not None and action in glass.actions else None


def _over(general: ApprovalRule, exception: ApprovalRuleSettings) -> ApprovalRule:
    """The general rule with what an exception says in its place."""
    given = {
        "approvers": exception.approvers,
        "approvals": exception.approvals,
        "requester_may_approve": exception.requester_may_approve,
        "lifetime": exception.approval_timeout,
        "hours": exception.hours,
        "at_most_an_hour": exception.at_most_an_hour,
    }
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(general, **said, is_needed=exception.approval is ApprovalWord.REQUIRED)
