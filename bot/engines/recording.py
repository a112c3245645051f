"""Reading the record: what doors and the command line show of incidents, approvals and what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.events import Event, EventKind
from bot.engines.noting import append

if TYPE_CHECKING:
    from bot.domain.actors import Actor
    from bot.domain.approvals import Approval
    from bot.domain.incidents import Incident
    from bot.domain.messages import Message
    from bot.ports.clock import Ids
    from bot.ports.stores import Store


class Recording:
    """Questions to the store, each in a transaction of its own, and the note of a press that was refused."""

    def __init__(self, *, store: Store, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    async def incident(self, incident_id: int) -> Incident | None:
        """An incident by number."""
        async with self._store.transaction() as tx:
            return await tx.incidents.peek(incident_id)

    async def unresolved(self, service: str | None = None) -> tuple[Incident, ...]:
        """The open incidents, worst and oldest first."""
        async with self._store.transaction() as tx:
            return await tx.incidents.unresolved(service=service)

    async def recent(self, service: str | None = None, limit: int = 20) -> tuple[Incident, ...]:
        """The newest incidents, whatever their state."""
        async with self._store.transaction() as tx:
            return await tx.incidents.recent(service=service, limit=limit)

    async def events(self, incident_id: int) -> tuple[Event, ...]:
        """What happened to an incident, oldest first."""
        async with self._store.transaction() as tx:
            return await tx.events.of_incident(incident_id)

    async def approval(self, approval_id: str) -> Approval | None:
        """A request for approval by id."""
        async with self._store.transaction() as tx:
            return await tx.approvals.get(approval_id)

    async def by_message(self, channel: str, ts: str) -> Message | None:
        """What the chat's message with that timestamp id shows."""
        async with self._store.transaction() as tx:
            return await tx.messages.by_ts(channel=channel, ts=ts)

    async def press_refused(
        self, service: str, actor: Actor, what: str, why: str, incident_id: int | None = None
    ) -> None:
        """Keep that somebody tried what they may not."""
        async with self._store.transaction() as tx:
            await append(
                tx,
                self._ids,
                EventKind.PRESS_REFUSED,
                service=service,
                incident_id=incident_id,
                actor=actor,
                detail={"what": what, "why": why},
            )
