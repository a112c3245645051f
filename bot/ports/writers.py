"""Changing the world. Cluster writers demand a `Grant`; silences, by the contract, do not.

Only remediations, the remediating and silencing engines, adapters, testing and bootstrap may import this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
