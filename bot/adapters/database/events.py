"""What happened (`bot.ports.stores.Events`); rows are only ever added.

They are written together, when the transaction ends or before it asks for events: each statement costs a trip
while the writer is held. What belongs into the audit is put into `audited` and linked to the chain after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, bindparam, insert, select

from bot.adapters.database.rows import EVENT
from bot.adapters.database.tables import events
from bot.domain.auditing import is_audited

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.adapters.database.engine import Link
    from bot.domain.events import Event, EventKind


_BY_ID: Final = select(events.c.body).where(events.c.id == bindparam("name"))
_OF_INCIDENT: Final = (
    select(events.c.body)
    .where(events.c.incident_id == bindparam("number"))
    .order_by(events.c.seq)
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class EventTable:
    """Events in the order in which they were committed."""

    link: Link
    audited: list[tuple[str, str]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)

    async def add(self, event: Event) -> None:
        """Append one, once the transaction ends."""
        body = EVENT.dump(event)
        self.added.append(
            {
                "id": event.id,
                "at": event.at,
                "kind": event.kind.value,
                "service": event.service,
                "incident_id": event.incident_id,
                "body": body,
            }
        )
        if is_audited(event.kind, event.actor.kind):
            self.audited.append((event.id, body))

    async def write(self) -> None:
        """Write what was added; the store does so as its transaction ends."""
        if self.added:
            added, self.added[:] = list(self.added), []
            await self.link.run(insert(events), added)

    async def get(self, event_id: str) -> Event | None:
        """By id."""
        await self.write()
        row = await self.link.first(_BY_ID, {"name": event_id})
        return EVENT.load(row.body) if row else None

    async def of_incident(self, incident_id: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """Oldest first."""
        await self.write()
        rows = await self.link.all(_OF_INCIDENT, {"number": incident_id, "most": limit})
        return EVENT.load_each(row.body for row in rows)

    async def newest(self, incident_id: int, kinds: Collection[EventKind]) -> Event | None:
        """The last of these kinds."""
        await self.write()
        query = select(events.c.body).where(
            events.c.incident_id == incident_id, events.c.kind.in_([kind.value for kind in kinds])
        )
        row = await self.link.first(query.order_by(events.c.seq.desc()).limit(1))
        return EVENT.load(row.body) if row else None
