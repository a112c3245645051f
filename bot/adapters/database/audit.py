"""The audit's chain (`bot.ports.stores.Audit`); rows are only ever added, one writer at a time.

The head's row is locked as the last thing that a transaction does: who waits for it waits for commits alone,
and two transactions cannot hold what the other wants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sqlalchemy import insert, select, update

from bot.adapters.database.rows import EVENT
from bot.adapters.database.tables import audit, audit_head, events
from bot.domain.auditing import AUDITED, Entry, Head, follow, is_audited

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.adapters.database.engine import Link

_ONLY = audit_head.c.id == 1


@dataclass(frozen=True, slots=True)
class AuditTable:
    """The chain and its head."""

    link: Link

    async def head(self) -> Head:
        """The newest entry's number and hash."""
        row = await self.link.first(select(audit_head.c.number, audit_head.c.hash).where(_ONLY))
        return Head(number=row.number, hash=row.hash) if row else Head()

    async def append(self, written: Sequence[tuple[str, str]], *, key: bytes) -> Head:
        """Link events (id and text) to the chain; the new head. Until the commit nobody else does."""
        query = select(audit_head.c.number, audit_head.c.hash).where(_ONLY)
        row = await self.link.first(query.with_for_update() if self.link.postgres else query)
        if row is None:
            await self.link.run(insert(audit_head).values(id=1, number=0, hash=Head().hash))
        entries = follow(Head(number=row.number, hash=row.hash) if row else Head(), written, key=key)
        await self.link.run(
            insert(audit),
            [
                {
                    "number": one.number,
                    "event_id": one.event_id,
                    "body": one.body,
                    "previous": one.previous,
                    "hash": one.hash,
                    "mac": one.mac,
                }
                for one in entries
            ],
        )
        newest = Head(number=entries[-1].number, hash=entries[-1].hash)
        await self.link.run(update(audit_head).where(_ONLY).values(number=newest.number, hash=newest.hash))
        return newest

    async def entries(self, *, after: int, limit: int) -> tuple[tuple[Entry, str | None], ...]:
        """Entries behind a number, in order, each with the text of its event where that is there."""
        query = (
            select(
                audit.c.number,
                audit.c.event_id,
                audit.c.body,
                audit.c.previous,
                audit.c.hash,
                audit.c.mac,
                events.c.body,
            )
            .outerjoin(events, events.c.id == audit.c.event_id)
            .where(audit.c.number > after)
            .order_by(audit.c.number)
            .limit(limit)
        )
        # Unpacked, not asked by name: with as many rows as a long audit has that is a third of the time.
        rows = cast("Sequence[tuple[int, str, str, str, str, str, str | None]]", await self.link.all(query))
        return tuple(
            (
                Entry(number=number, event_id=event_id, body=body, previous=previous, hash=made, mac=mac),
                recorded,
            )
            for number, event_id, body, previous, made, mac, recorded in rows
        )

    async def numbers(self, incident_id: int) -> Mapping[str, int]:
        """The numbers of the entries about an incident, by their events' ids."""
        query = (
            select(audit.c.number, audit.c.event_id)
            .join(events, events.c.id == audit.c.event_id)
            .where(events.c.incident_id == incident_id)
        )
        return {row.event_id: row.number for row in await self.link.all(query)}

    async def unchained(self, *, limit: int) -> tuple[str, ...]:
        """Ids of events that belong into the audit and are in no entry, oldest first."""
        query = (
            select(events.c.id, events.c.body)
            .outerjoin(audit, audit.c.event_id == events.c.id)
            .where(events.c.kind.in_(sorted(AUDITED)), audit.c.number.is_(None))
            .order_by(events.c.seq)
        )
        found = (EVENT.load(row.body) for row in await self.link.all(query))
        return tuple(one.id for one in found if is_audited(one.kind, one.actor.kind))[:limit]
