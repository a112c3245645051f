"""What Lightship runs by the clock for a service: last run, outcome, next tick. Asked by the doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.engines.cron import Cron
from bot.rendering.views import JobView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.comparisons import WatchedDrift
    from bot.ports.stores import Store


class Jobs:
    """The jobs of services, from the store: whichever replica ran them."""

    def __init__(self, *, store: Store, watched: Mapping[str, WatchedDrift]) -> None:
        self._store = store
        self._watched = watched

    async def of(self, service: str) -> tuple[JobView, ...]:
        """A service's jobs; none where nothing is configured."""
        watched = self._watched.get(service)
        if watched is None:
            return ()
        async with self._store.transaction() as tx:
            last = await tx.drift_runs.newest(service)
            success = await tx.drift_runs.last_success(service)
            now = tx.now
        return (
            JobView(
                name=watched.job,
                does="drift report",
                schedule=watched.schedule,
                last=last,
                last_success=success,
                next_at=Cron(watched.schedule).next(now) if watched.schedule else None,
            ),
        )
