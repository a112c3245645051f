"""Changing the world. Writers demand a `Grant` and send its plan's call; silences, by the contract, do not.

Only remediations, the executing and silencing engines, adapters, testing and bootstrap may import this.
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


class ClusterWriter(Protocol):
    """Sends the one call of an approved plan to a cluster, once; what it sends follows from the grant alone.

    Every method raises Conflict, NotFound, Forbidden or another Permanent where nothing was done, Temporary
    where it was not taken, and Ambiguous where it may have been done. A grant for another call is Permanent.
    """

    async def edit(self, grant: Grant, *, resource_version: str) -> KubeObject:
        """Patch the object, if it still has this version."""
        ...

    async def create(self, grant: Grant) -> KubeObject:
        """Create the object under the name that the approval gives it."""
        ...

    async def evict(self, grant: Grant) -> None:
        """Evict the pod that was approved, by its uid. Raises Protected where a budget forbids it now."""
        ...


class ModelWriter(Protocol):
    """Moves aliases of the model registry."""

    async def set_alias(self, grant: Grant) -> None:
        """Point the alias at the approved version, and mark that version with the approval's id.

        Raises Conflict where the alias is no longer what the plan saw, and as `ClusterWriter` does.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Writers:
    """All writers that demand a grant."""

    cluster: ClusterWriter
    models: ModelWriter


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
