"""Gathering an incident's timeline, and putting it into the thread as a file. For doors and command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bot.domain.files import Attachment
from bot.engines.attaching import attach
from bot.rendering.timelines import Graphs, timeline_markdown
from bot.rendering.views import TimelineView

if TYPE_CHECKING:
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

_ONCE_IN: Final = 60


async def timeline_view(tx: Transaction, incident_id: int) -> TimelineView | None:
    """What happened to an incident, oldest first; None where there is no such incident."""
    incident = await tx.incidents.peek(incident_id)
    if incident is None:
        return None
    return TimelineView(
        incident=incident,
        events=await tx.events.of_incident(incident_id),
        findings=await tx.findings.of_incident(incident_id),
        pictures=await tx.files.pictures_of(incident_id),
        audited=await tx.audit.numbers(incident_id),
        head=await tx.audit.head(),
        now=tx.now,
    )


class Timelines:
    """Puts timelines into threads, one of an incident a minute at most."""

    def __init__(self, *, store: Store, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    async def post(self, incident_id: int) -> bool:
        """Put the Markdown timeline into the thread; False where one was put there a moment ago."""
        async with self._store.transaction() as tx:
            view = await timeline_view(tx, incident_id)
            minute = datetime.fromtimestamp(tx.now.timestamp() // _ONCE_IN * _ONCE_IN, tz=UTC)
            if view is None or not await tx.heartbeats.win(f"timeline/{incident_id}", minute):
                return False
            file = Attachment(
                name=f"incident-{incident_id}-timeline.md",
                title=f"Timeline of incident {incident_id}",
                text=timeline_markdown(view, graphs=Graphs.EMBEDDED),
            )
            await attach(tx, self._ids, view.incident, file)
        return True
