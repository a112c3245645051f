"""All remediations by action, with the rights that they need; the engine and `lightship rbac` read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.remedies import Action
from bot.domain.rights import Right
from bot.ports.readers import Resource
from bot.remediations.deployments import RolloutProgress, observe
from bot.remediations.scale_plans import plan_scale
from bot.remediations.scaling import Applied, ApplyState, apply, progress, recover

if TYPE_CHECKING:
    from collections.abc import Mapping

RIGHTS: Final[Mapping[Action, tuple[Right, ...]]] = {
    Action.SCALE: (
        Resource.DEPLOYMENTS.right("get"),
        Resource.HORIZONTAL_POD_AUTOSCALERS.right("list"),
        Right(verb="patch", group="apps", resource="deployments/scale"),
    ),
}
"""What an action cannot do without."""

OPTIONAL_RIGHTS: Final[Mapping[Action, tuple[Right, ...]]] = {
    Action.SCALE: (
        Resource.POD_DISRUPTION_BUDGETS.right("list"),
        Resource.RESOURCE_QUOTAS.right("list"),
    ),
}
"""What makes its plans tell more."""

__all__ = [
    "OPTIONAL_RIGHTS",
    "RIGHTS",
    "Applied",
    "ApplyState",
    "RolloutProgress",
    "apply",
    "observe",
    "plan_scale",
    "progress",
    "recover",
]
