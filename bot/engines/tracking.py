"""Telling the experiment tracker (MLflow) of drift runs: owed until it has them, however long it is away.

A loop calls `step`; so does `lightship drift run` at its end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.backoff import Backoff
from bot.domain.errors import LightshipError
from bot.domain.messages import MessageKind
from bot.logs import Log, LogAction
from bot.telemetry import DRIFT_TRACKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftPoint, Tracked
    from bot.ports.comparing import Tracker
    from bot.ports.stores import Store

AT_ONCE: Final = 4
TELL_WITHIN: Final = timedelta(minutes=5)
GIVE_UP_AFTER: Final = timedelta(days=7)
TREND: Final = 60
_WAITS: Final = Backoff(first=timedelta(seconds=20), longest=timedelta(minutes=30))
_LOG = Log("tracking")


class Tracking:
    """Tells. `page_of` and `json_of` make the report for people and for programs."""

    def __init__(
        self,
        *,
        store: Store,
        tracker: Tracker,
        page_of: Callable[[Tracked, tuple[DriftPoint, ...]], str],
        json_of: Callable[[DriftReport], str],
    ) -> None:
        self._store = store
        self._tracker = tracker
        self._page_of = page_of
        self._json_of = json_of

    async def step(self) -> int:
        """Tell of those that are due; how many there were."""
        async with self._store.transaction() as tx:
            due = await tx.tracked_runs.claim(until=tx.now + TELL_WITHIN, limit=AT_ONCE)
        for tracked in due:
            await self._tell(tracked)
        return len(due)

    async def _tell(self, tracked: Tracked) -> None:
        run = tracked.run
        async with self._store.transaction() as tx:
            trend = await tx.drift_runs.trend(run.service, limit=TREND)
        upto = tuple(point for point in trend if run.ended_at is None or point.at <= run.ended_at)
        try:
            tracker_id = await self._tracker.log(
                tracked, page=self._page_of(tracked, upto), report_json=self._json_of(tracked.report)
            )
        except LightshipError as error:
            return await self._failed(tracked, error)
        DRIFT_TRACKED.labels(outcome="told").inc()
        _LOG.info(LogAction.DRIFT_TRACKED, run=run.id, tracker_id=tracker_id)
        async with self._store.transaction() as tx:
            await tx.tracked_runs.told(run.id, tracker_id=tracker_id)
            await tx.messages.touch(MessageKind.DRIFT, run.shown_with)
        return None

    async def _failed(self, tracked: Tracked, error: LightshipError) -> None:
        """It is told again, whatever the error: somebody may have mended the tracker by then."""
        run = tracked.run
        async with self._store.transaction() as tx:
            late = tx.now - run.started_at > GIVE_UP_AFTER
            retry_at = None if late else tx.now + _WAITS.after(tracked.attempts, of=run.id)
            await tx.tracked_runs.failed(run.id, error=str(error), retry_at=retry_at)
        DRIFT_TRACKED.labels(outcome="given_up" if late else "postponed").inc()
        _LOG.warning(LogAction.DRIFT_TRACKED, run=run.id, again=not late, error=str(error))
