"""Telling MLflow: owed until it has the run, whatever it answers; the names that the experiment has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.tracking import metrics_of, unique_names
from bot.domain.errors import Permanent, Temporary
from bot.drift.as_json import report_json
from bot.engines.tracking import GIVE_UP_AFTER, Tracking
from bot.testing import FrozenClock
from tests.drift_runs.making import keep_success, make_run
from tests.making import make_drift_report
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.drift_runs import DriftPoint, Tracked
    from bot.domain.errors import LightshipError


class Shelf:
    """A tracker that keeps what it is told, or fails."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, bytes | None]] = []
        self.error: LightshipError | None = None

    async def log(self, tracked: Tracked, *, page: str, report_json: str) -> str:
        """Keep it."""
        if self.error is not None:
            raise self.error
        assert '"score"' in report_json
        self.kept.append((tracked.run.id, page, tracked.profile))
        return f"mlflow-{tracked.run.id}"


class Bench:
    """One run that is owed."""

    def __init__(self, store: SqlStore, clock: FrozenClock) -> None:
        self.store = store
        self.clock = clock
        self.shelf = Shelf()
        self.tracking = Tracking(store=store, tracker=self.shelf, page_of=_page, json_of=report_json)

    async def waiting(self) -> int:
        """How many runs are owed."""
        async with self.store.transaction() as tx:
            return await tx.tracked_runs.waiting("churn")


def _page(tracked: Tracked, trend: tuple[DriftPoint, ...]) -> str:
    return f"page of {tracked.run.id} with {len(trend)} points"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A run of nine o'clock, some minutes later, and an older one."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        await keep_success(store, make_run("run-0"))
        await keep_success(store, make_run("run-1"))
        async with store.transaction() as tx:
            await tx.tracked_runs.owe("run-1", profile=b"profile")
        await clock.advance(seconds=60)
        yield Bench(store, clock)


async def test_a_run_is_told_once_with_report_and_profile(bench: Bench) -> None:
    """Its trend ends with itself; the tracker's own id is kept."""
    assert await bench.tracking.step() == 1
    assert await bench.tracking.step() == 0
    assert bench.shelf.kept == [("run-1", "page of run-1 with 2 points", b"profile")]
    async with bench.store.transaction() as tx:
        assert await tx.tracked_runs.tracker_id("run-1") == "mlflow-run-1"


@pytest.mark.parametrize("error", [Temporary("MLflow is away"), Permanent("MLflow does not let us in")])
async def test_mlflow_being_away_loses_nothing(bench: Bench, error: LightshipError) -> None:
    """The report stays published, and MLflow gets it with the profile once it is there, days later."""
    bench.shelf.error = error
    for _ in range(50):
        await bench.tracking.step()
        await bench.clock.advance(seconds=3600)
    assert await bench.waiting() == 1
    async with bench.store.transaction() as tx:
        assert await tx.drift_reports.of_run("run-1") == make_drift_report()
    bench.shelf.error = None
    assert await bench.tracking.step() == 1
    assert bench.shelf.kept == [("run-1", "page of run-1 with 2 points", b"profile")]
    assert await bench.waiting() == 0


async def test_after_a_week_it_is_given_up(bench: Bench) -> None:
    """A queue that nobody empties has an end."""
    bench.shelf.error = Temporary("away")
    await bench.clock.advance(seconds=(GIVE_UP_AFTER + timedelta(minutes=1)).total_seconds())
    assert await bench.tracking.step() == 1
    assert await bench.waiting() == 0


def test_the_experiment_has_the_names_that_it_always_had() -> None:
    """Overall score, features with drift, a p-value for each; what is not known is left out."""
    named = metrics_of(make_drift_report(score=0.42))
    assert named["overall_drift_score"] == 0.42
    assert named["features_with_drift"] == 2
    assert named["drift_pvalue_tenure"] == 0.0001
    assert named["drift_effect_tenure"] == 0.8
    assert "prediction_drift_score" not in named
    assert "overall_drift_score" not in metrics_of(make_drift_report(score=None))


def test_columns_with_names_that_mlflow_refuses_keep_a_metric_each() -> None:
    """Signs are replaced, and no column takes another's place."""
    assert unique_names(["a:b", "a;b", "umsätze €", ""]) == {
        "a:b": "a_b", "a;b": "a_b_2", "umsätze €": "ums_tze _", "": "_",
    }  # fmt: skip
