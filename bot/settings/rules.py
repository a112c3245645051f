"""A service's own approval rule, and an exception written over it, as the engines know rules.

Called by the review of the configuration and by `bot.bootstrap.policies`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.domain.bounds import ResourceBounds, ScaleBounds
from bot.domain.policies import ApprovalRule
from bot.domain.quantities import parse_quantity
from bot.settings.policies import ApprovalWord

if TYPE_CHECKING:
    from bot.settings.models import ServiceSettings
    from bot.settings.policies import ApprovalRuleSettings, ResourceException, ScaleException


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
        scale=ScaleBounds(
            minimum=wished.scale.min,
            maximum=wished.scale.max,
            max_factor=float(wished.scale.max_factor),
        ),
        resources=ResourceBounds(
            cpu=parse_quantity(wished.resources.cpu) or 0.0,
            memory=parse_quantity(wished.resources.memory) or 0.0,
            max_factor=float(wished.resources.max_factor),
        ),
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
        "scale": _scale_over(general.scale, exception.scale),
        "resources": _resources_over(general.resources, exception.resources),
    }
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(general, **said, is_needed=exception.approval is ApprovalWord.REQUIRED)


def _scale_over(general: ScaleBounds, said: ScaleException | None) -> ScaleBounds:
    if said is None:
        return general
    return ScaleBounds(
        minimum=general.minimum if said.min is None else said.min,
        maximum=general.maximum if said.max is None else said.max,
        max_factor=general.max_factor if said.max_factor is None else float(said.max_factor),
    )


def _resources_over(general: ResourceBounds, said: ResourceException | None) -> ResourceBounds:
    if said is None:
        return general
    return ResourceBounds(
        cpu=general.cpu if said.cpu is None else parse_quantity(said.cpu) or 0.0,
        memory=general.memory if said.memory is None else parse_quantity(said.memory) or 0.0,
        max_factor=general.max_factor if said.max_factor is None else float(said.max_factor),
    )
