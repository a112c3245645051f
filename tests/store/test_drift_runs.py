"""Runs of drift reports come back as they were, end once, and tell what is owed to the tracker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.drift_runs import DriftRunState
from bot.domain.errors import Permanent, Temporary
from bot.testing import START
from tests.drift_runs.making import keep_success, make_run
from tests.making import make_drift_report

if TYPE_CHECKING:
    from tests.store.conftest import World


async def test_a_run_is_kept_from_its_beginning_and_ends_once(world: World) -> None:
    """It is the newest while it runs; what ended it first stays."""
    run = make_run("run-1")
    failed = run.failed(Temporary("it needs more memory than it may have"), at=START + timedelta(minutes=1))
    late = run.succeeded(
        make_drift_report(), at=START + timedelta(minutes=2), model_version="", shown_with=""
    )
    async with world.store.transaction() as tx:
        await tx.drift_runs.begin(run)
        assert await tx.drift_runs.newest("churn") == run
        assert await tx.drift_runs.newest("other") is None
        assert await tx.drift_runs.unfinished("churn", begun_before=START) == ()
        assert await tx.drift_runs.unfinished("churn", begun_before=START + timedelta(seconds=1)) == (run,)
        assert await tx.drift_runs.end(failed)
        assert not await tx.drift_runs.end(late)
        assert await tx.drift_runs.get("run-1") == failed
        assert await tx.drift_runs.last_success("churn") is None
    assert failed.state is DriftRunState.FAILED
    assert failed.may_pass


async def test_the_trend_is_of_the_newest_successes_the_oldest_first(world: World) -> None:
    """Failures leave no point, too little data leaves one without a score."""
    for number, score in enumerate((0.1, 0.2, None, 0.45)):
        await keep_success(
            world.store, make_run(f"run-{number}", started_at=START + timedelta(hours=number)), score=score
        )
    broken = make_run("run-9", started_at=START + timedelta(hours=9))
    await keep_success(world.store, make_run("elsewhere", service="other"), score=0.9)
    async with world.store.transaction() as tx:
        await tx.drift_runs.begin(broken)
        await tx.drift_runs.end(broken.failed(Permanent("gone"), at=broken.started_at))
        trend = await tx.drift_runs.trend("churn", limit=3)
        latest = await tx.drift_reports.latest("churn")
        of_first = await tx.drift_reports.of_run("run-0")
    assert [(point.run_id, point.score) for point in trend] == [
        ("run-1", 0.2),
        ("run-2", None),
        ("run-3", 0.45),
    ]
    assert trend[0].at == START + timedelta(hours=1, seconds=3)
    assert latest is not None
    assert latest.run is not None
    assert latest.newest is not None
    assert (latest.run.id, latest.newest.id, len(latest.trend)) == ("run-3", "run-9", 4)
    assert of_first == make_drift_report(score=0.1)


async def test_what_the_tracker_is_owed_waits_until_it_is_told(world: World) -> None:
    """Given once a while with report and profile, again after a failure, and never once it is told."""
    done = await keep_success(world.store, make_run("run-1"))
    hour = timedelta(hours=1)
    async with world.store.transaction() as tx:
        await tx.tracked_runs.owe("run-1", profile=b"profile")
        now = tx.now
    async with world.store.transaction() as tx:
        (owed,) = await tx.tracked_runs.claim(until=now + hour, limit=5)
        assert await tx.tracked_runs.claim(until=now + hour, limit=5) == ()
        assert (owed.run, owed.report, owed.profile, owed.attempts) == (
            done, make_drift_report(), b"profile", 1,
        )  # fmt: skip
        await tx.tracked_runs.failed("run-1", error="MLflow is away", retry_at=now)
        assert await tx.tracked_runs.waiting("churn") == 1
    async with world.store.transaction() as tx:
        (again,) = await tx.tracked_runs.claim(until=now + hour, limit=5)
        assert (again.profile, again.attempts) == (b"profile", 2)
        await tx.tracked_runs.told("run-1", tracker_id="f00")
        assert await tx.tracked_runs.tracker_id("run-1") == "f00"
        assert await tx.tracked_runs.tracker_id("run-2") == ""
        assert await tx.tracked_runs.waiting("churn") == 0


@pytest.mark.parametrize("ended", [DriftRunState.SUCCEEDED, DriftRunState.FAILED])
def test_a_run_that_ended_ends_no_second_time(ended: DriftRunState) -> None:
    """Its states have one table; what is not in it is a defect."""
    run = make_run("run-1", state=ended)
    with pytest.raises(ValueError, match="cannot become failed"):
        run.failed(Temporary("x"), at=START)
