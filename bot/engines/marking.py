"""Marking incidents and remediations in Grafana's graphs, so that a bend in a curve says what was done.

A job by the clock, on one replica a tick, where `grafana` is configured. It compares what the store knows of
the last day with what stands in Grafana and sends the difference: nothing is remembered here, and a Grafana
that was away for hours is brought up to date by the next look.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.marks import changes
from bot.rendering.marks import marks_of

if TYPE_CHECKING:
    from bot.domain.marks import Mark
    from bot.ports.marks import MarkBoard
    from bot.ports.stores import Store

LOOK_BACK: Final = timedelta(days=1)
MOST_INCIDENTS: Final = 50
AT_ONCE: Final = 20
_EVENTS: Final = 500


class Marking:
    """The job. Raises what the board raises: the scheduler counts a run that failed, and comes again."""

    def __init__(self, *, store: Store, board: MarkBoard) -> None:
        self._store = store
        self._board = board

    async def step(self) -> int:
        """Bring Grafana nearer to the store; how many marks were sent."""
        wanted = await self._wanted()
        if not wanted:
            return 0
        held = await self._board.held(since=min(mark.at for mark in wanted) - timedelta(seconds=1))
        due = changes(wanted, held)[:AT_ONCE]
        for change in due:
            if change.held is None:
                await self._board.add(change.mark)
            else:
                await self._board.change(change.held.number, change.mark)
        return len(due)

    async def _wanted(self) -> list[Mark]:
        async with self._store.transaction() as tx:
            newest = await tx.incidents.recent(limit=MOST_INCIDENTS)
            of_today = [one for one in newest if one.opened_at > tx.now - LOOK_BACK]
            return [
                mark
                for incident in of_today
                for mark in marks_of(incident, await tx.events.of_incident(incident.id, limit=_EVENTS))
            ]
