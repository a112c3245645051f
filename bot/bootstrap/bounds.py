"""What may be done to a service, from its configuration and the runbook that something is asked from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.bounds import Bounds, ScaleBounds

if TYPE_CHECKING:
    from bot.domain.remedies import RemediationRequest
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService


def bounds_of(service: WatchedService, request: RemediationRequest, runbook: Runbook | None) -> Bounds | None:
    """What the policy says for that action on that target, narrowed by the runbook's remediation.

    None where the service has no objects.
    """
    if not service.namespace and not service.model:
        return None
    remediation = runbook.remediation(request.remediation) if runbook else None
    rule = service.approval.of(request.action, request.target)
    limits, bounds = (remediation.limits if remediation else None), rule.scale
    return replace(
        service.bounds,
        namespace=service.namespace,
        deployment=service.deployment,
        cronjob=service.cronjob,
        model=service.model,
        alias=service.model_alias,
        resources=rule.resources,
        scale=ScaleBounds(
            minimum=max(bounds.minimum, (limits and limits.minimum) or bounds.minimum),
            maximum=min(bounds.maximum, (limits and limits.maximum) or bounds.maximum),
            max_factor=min(bounds.max_factor, (limits and limits.max_factor) or bounds.max_factor),
        ),
    )
