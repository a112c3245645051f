"""From `lightship.yaml` to the drift reports of the services, and the jobs and loops that make them.

Called by `bot.bootstrap.assembly` and by `lightship drift run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from bot.domain.comparisons import DriftComparison, PredictionPaths, WatchedDrift
from bot.drift.as_json import report_json
from bot.engines.cron import Cron
from bot.engines.drifting import GRACE, Drifting
from bot.engines.tracking import Tracking
from bot.rendering.drift_pages import drift_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from bot.bootstrap.outside import Outside
    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftPoint, DriftRun, Tracked
    from bot.engines.noticing import Noticing
    from bot.engines.scheduling import Scheduling
    from bot.settings import ServiceSettings, Settings
    from bot.settings.models import DriftSettings

CATCH_UP_POLL: Final = 30.0
NOTICE_REST: Final = timedelta(minutes=15)
TRACK_POLL: Final = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Drifts:
    """The engines and what they watch; `tracking` is None where no MLflow is configured."""

    drifting: Drifting
    watched: Mapping[str, WatchedDrift]
    tracking: Tracking | None

    def schedule(self, scheduling: Scheduling) -> None:
        """Add a job for each service that has a schedule."""
        for one in self.watched.values():
            if one.schedule:
                scheduling.by_cron(one.job, Cron(one.schedule), partial(self.drifting.tick, one.service))

    def loops(self) -> Iterator[tuple[str, Callable[[], Awaitable[int]], float]]:
        """Name, step, and seconds between two looks of each loop."""
        # The first look has no grace: a tick that was missed while nobody was there is run at once.
        graces = iter((timedelta(0),))

        async def catch_up() -> int:
            return await self.drifting.catch_up(grace=next(graces, GRACE))

        yield "drift-catch-up", catch_up, CATCH_UP_POLL
        if self.tracking is not None:
            yield "drift-tracking", self.tracking.step, TRACK_POLL


def make_drifts(settings: Settings, outside: Outside, *, folder: Path, noticing: Noticing) -> Drifts | None:
    """Put them together; None where nothing compares, as in a rehearsal, or nothing is configured."""
    watched = watched_drifts(settings, folder)
    if outside.comparer is None or not watched:
        return None

    async def tell(run: DriftRun) -> None:
        again = "The next run tries again by itself." if run.may_pass else "Somebody has to change something."
        await noticing.tell(
            f"drift/{run.service}",
            title=f"No drift report of {run.service}",
            text=f"The drift run failed: {run.reason}. {again} The score on /metrics stays the last one.",
        )

    drifting = Drifting(
        store=outside.store,
        clock=outside.clock,
        ids=outside.ids,
        comparer=outside.comparer,
        watched=watched,
        models=outside.readers.models,
        tracked=outside.tracker is not None,
        on_failed=tell,
    )
    tracking = None
    if outside.tracker is not None:
        tracking = Tracking(store=outside.store, tracker=outside.tracker, page_of=_page, json_of=_json)
    return Drifts(drifting=drifting, watched=watched, tracking=tracking)


def _page(tracked: Tracked, trend: tuple[DriftPoint, ...]) -> str:
    run = tracked.run
    return drift_page(tracked.report, title=f"Drift of {run.service}", run=run, trend=trend)


def _json(report: DriftReport) -> str:
    return report_json(report)


def watched_drifts(settings: Settings, folder: Path) -> dict[str, WatchedDrift]:
    """The services that have `drift` in the configuration."""
    return {
        name: _watched(name, one, one.drift, folder)
        for name, one in settings.services.items()
        if one.drift is not None
    }


def _watched(name: str, service: ServiceSettings, drift: DriftSettings, folder: Path) -> WatchedDrift:
    def resolved(location: str) -> str:
        return location if "://" in location else str(folder / location)

    given = drift.predictions
    predictions = None
    if given is not None:
        predictions = PredictionPaths(
            reference=resolved(given.reference), current=resolved(given.current), column=given.column
        )
    return WatchedDrift(
        service=name,
        channel=service.channel,
        schedule=drift.schedule or "",
        model=service.model.name if service.model else "",
        model_alias=service.model.alias if service.model else "",
        time_column=drift.window.column if drift.window else "",
        last=drift.window.last if drift.window else None,
        pushgateway=drift.pushgateway or "",
        comparison=DriftComparison(
            reference=resolved(drift.reference),
            current=resolved(drift.current),
            target=drift.target or "",
            exclude=drift.exclude,
            features=drift.features,
            weights={column: float(weight) for column, weight in drift.weights.items()},
            predictions=predictions,
            memory=drift.memory,
            time_limit=drift.time_limit,
        ),
    )
