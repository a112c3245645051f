"""A service's own approval rule, and an exception written over it, as the engines know rules.

Called by the review of the configuration and by `bot.bootstrap.policies`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.domain.policies import ApprovalRule
from bot.settings.policies import ApprovalWord

if TYPE_CHECKING:
    from bot.settings.models import ServiceSettings
    from bot.settings.policies import ApprovalRuleSettings


def own_rule(service: ServiceSettings) -> ApprovalRule:
    """What holds where no exception fits."""
    wished = service.remediation
    return ApprovalRule(
        approvers=service.approvers,
        approvals=wished.approvals,
        requester_may_approve=wished.requester_may_approve,
        lifetime=wished.approval_timeout,
        undo_grace=wished.undo_grace,
        hours=wished.hours,
        at_most_an_hour=wished.at_most_an_hour,
    )


def rule_over(general: ApprovalRule, exception: ApprovalRuleSettings) -> ApprovalRule:
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
