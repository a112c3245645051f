"""Marking results that have grown old: a message tells the age of when it was drawn, so it is drawn anew.

Run by the clock. Each open incident's message is due once more when a finding passes its age limit.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.domain.findings import Finding
    from bot.ports.stores import Store

WORST: Final = 20
"""Incidents of a service that are looked through at a time, the worst first: edits are few in a storm."""
LOOK_BACK: Final = timedelta(days=1)
LOOKED: Final = "ageing/looked"


class Ageing:
    """Finds what has passed its age limit since any replica looked last, at most `LOOK_BACK` ago."""

    def __init__(self, *, store: Store, services: Iterable[str]) -> None:
        self._store = store
        self._services = tuple(services)

    async def mark(self) -> int:
        """Make the messages due whose findings have grown old; how many those are."""
        marked = 0
        async with self._store.transaction() as tx:
            last, now = await tx.heartbeats.last(LOOKED), tx.now
        since = max(last or now - LOOK_BACK, now - LOOK_BACK)
        for service in self._services:
            async with self._store.transaction() as tx:
                for number in await tx.incidents.unresolved_ids(service=service, limit=WORST):
                    if _has_aged(await tx.findings.of_incident(number), since=since, now=now):
                        await tx.messages.touch(MessageKind.INCIDENT, str(number))
                        marked += 1
        async with self._store.transaction() as tx:
            # Last: a start that dies before it is followed by one that marks some of them once more.
            await tx.heartbeats.beat(LOOKED, now)
        return marked


def _has_aged(findings: Iterable[Finding], *, since: datetime, now: datetime) -> bool:
    limits = (finding.observed_at + finding.fresh_for for finding in findings)
    return any(since <= limit < now for limit in limits)
