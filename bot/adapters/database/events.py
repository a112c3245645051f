"""What happened (`bot.ports.stores.Events`); rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from bot.adapters.database.rows import EVENT
from bot.adapters.database.tables import events

if TYPE_CHECKING:
    from bot.adapters.database.engine import Link
    from bot.domain.events import Event


@dataclass(frozen=True, slots=True)
class EventTable:
    """Events in the order in which they were committed."""

    link: Link

    async def add(self, event: Event) -> None:
        """Append one."""
        values = {
            "id": event.id,
            "at": event.at,
            "kind": event.kind.value,
            "service": event.service,
            "incident_id": event.incident_id,
            "body": EVENT.dump(event),
        }
        await self.link.run(insert(events).values(values))

    async def get(self, event_id: str) -> Event | None:
        """By id."""
        row = await self.link.first(select(events.c.body).where(events.c.id == event_id))
        return EVENT.load(row.body) if row else None

    async def of_incident(self, incident_id: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """Oldest first."""
        query = select(events.c.body).where(events.c.incident_id == incident_id)
        rows = await self.link.all(query.order_by(events.c.seq).limit(limit))
        return tuple(EVENT.load(row.body) for row in rows)
