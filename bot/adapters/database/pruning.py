"""Forgetting what is old, a batch at a time (`bot.ports.stores.Pruning`).

Nothing of an incident goes while it is open, while something happened to it lately, or while the chat does
not show all of it. Rows that somebody else has locked are left for the next time, so nobody waits for this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, exists, select, tuple_, update

from bot.adapters.database.message_rows import DIRTY
from bot.adapters.database.tables import (
    approvals,
    deliveries,
    escalations,
    events,
    executions,
    files,
    findings,
    incidents,
    messages,
    verifications,
)
from bot.domain.incidents import IncidentState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select, Table

    from bot.adapters.database.engine import Link

_LOGS: Final = "logs"
_OVER: Final = incidents.c.state == IncidentState.RESOLVED.value


@dataclass(frozen=True, slots=True)
class PruningTable:
    """What may go; each method removes at most `limit` and says how many it removed."""

    link: Link

    async def payloads(self, *, before: datetime, limit: int) -> int:
        """Accepted webhooks that no try could merge; merged ones are gone at once."""
        old = select(deliveries.c.seq).where(deliveries.c.received_at < before, deliveries.c.attempts > 0)
        chosen = await self._chosen(old.order_by(deliveries.c.seq).limit(limit), deliveries)
        await self.link.run(delete(deliveries).where(deliveries.c.seq.in_(chosen)))
        return len(chosen)

    async def findings(self, *, before: datetime, logs_before: datetime, limit: int) -> int:
        """Results of checks of incidents that are over; those of the check `logs` have their own time."""
        removed = 0
        for which, limit_of in (
            (findings.c.check_name != _LOGS, before),
            (findings.c.check_name == _LOGS, logs_before),
        ):
            query = (
                select(findings.c.incident_id, findings.c.check_name)
                .join(incidents, incidents.c.id == findings.c.incident_id)
                .where(_quiet_since(limit_of), which)
                .order_by(findings.c.incident_id, findings.c.check_name)
                .limit(limit - removed)
                .with_for_update(of=findings, skip_locked=True)
            )
            keys = [(row.incident_id, row.check_name) for row in await self.link.all(query)]
            if keys:
                key = tuple_(findings.c.incident_id, findings.c.check_name)
                await self.link.run(delete(findings).where(key.in_(keys)))
            removed += len(keys)
        return removed

    async def excerpts(self, *, before: datetime, limit: int) -> int:
        """What files hold (logs, pictures) of incidents that are over; that there was a file stays."""
        query = (
            select(files.c.id)
            .join(incidents, incidents.c.id == files.c.incident_id)
            .where(files.c.content.is_not(None), files.c.created_at < before, _quiet_since(before))
            .order_by(files.c.created_at, files.c.id)
            .limit(limit)
        )
        chosen = await self._chosen(query, files)
        await self.link.run(update(files).where(files.c.id.in_(chosen)).values(content=None, draw_at=None))
        return len(chosen)

    async def incidents(self, *, before: datetime, limit: int) -> int:
        """Incidents that are over, with all that belongs to them; the audit keeps its copy."""
        query = select(incidents.c.id).where(_quiet_since(before)).order_by(incidents.c.id).limit(limit)
        chosen = await self._chosen(query, incidents)
        if not chosen:
            return 0
        asked = select(approvals.c.id).where(approvals.c.incident_id.in_(chosen))
        for table in (verifications, executions):
            await self.link.run(delete(table).where(table.c.approval_id.in_(asked)))
        for table in (approvals, findings, escalations, files, events):
            await self.link.run(delete(table).where(table.c.incident_id.in_(chosen)))
        for in_thread in (messages.c.thread_of.is_not(None), messages.c.thread_of.is_(None)):
            await self.link.run(delete(messages).where(messages.c.incident_id.in_(chosen), in_thread))
        await self.link.run(delete(incidents).where(incidents.c.id.in_(chosen)))
        return len(chosen)

    async def _chosen(self, query: Select[tuple[object]], of: Table) -> Collection[object]:
        rows = await self.link.all(query.with_for_update(of=of, skip_locked=True))
        return [row[0] for row in rows]


def _quiet_since(before: datetime) -> ColumnElement[bool]:
    """Of `incidents`: over, opened before, nothing happened since, and nothing waits to be shown."""
    lately = exists().where(events.c.incident_id == incidents.c.id, events.c.at >= before)
    waiting = exists().where(messages.c.incident_id == incidents.c.id, DIRTY)
    return _OVER & (incidents.c.opened_at < before) & ~lately & ~waiting
