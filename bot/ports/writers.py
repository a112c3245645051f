"""Changing the world. Cluster writers demand a `Grant`; silences, by the contract, do not.

Only remediations, the remediating and silencing engines, adapters, testing and bootstrap may import this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.domain.remedies import Action

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.domain.approvals import Grant
    from bot.domain.matchers import Matcher
    from bot.ports.readers import KubeObject


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleTo:
    """One PATCH of `deployments/scale`, with the optimistic lock that the plan rests on."""

    namespace: str
    name: str
    replicas: int
    resource_version: str
    field_manager: str

    def misfit(self, grant: Grant) -> str:
        """In what this order is not what the grant allows; empty where it fits. Every scaler asks first."""
        plan = grant.plan
        if not grant.is_intact:
            return "the plan is not the one that was approved"
        if plan.action is not Action.SCALE or plan.target.kind != "Deployment":
            return f"the approval is for {plan.action.value} of a {plan.target.kind}"
        if (plan.target.namespace, plan.target.name) != (self.namespace, self.name):
            return f"the approval is for {plan.target}"
        if plan.arguments.get("replicas") != self.replicas:
            return f"the approval is for {plan.arguments.get('replicas')} replicas"
        if self.field_manager != grant.field_manager:
            return "the field manager does not carry the approval's id"
        return ""


class DeploymentScaler(Protocol):
    """Sets the replicas of a deployment."""

    async def scale(self, grant: Grant, order: ScaleTo) -> KubeObject:
        """Patch once, never repeat. Raises Conflict, Ambiguous (it may have happened) or Permanent."""
        ...


class Silencer(Protocol):
    """Creates and ends Alertmanager silences."""

    async def create(
        self,
        *,
        matchers: Sequence[Matcher],
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
    ) -> str:
        """The new silence's id. Raises Ambiguous where it may have been created."""
        ...

    async def expire(self, silence_id: str) -> None:
        """End a silence now; an ended one is no error."""
        ...
