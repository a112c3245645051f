"""`/churn jobs`: what Lightship runs by the clock, with last run, outcome and next tick."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.errors import Permanent
from bot.engines.jobs import Jobs
from bot.rendering.jobs import jobs_answer
from bot.rendering.likeness import likeness
from bot.testing import START, FrozenClock
from tests.drift_runs.making import keep_success, make_run
from tests.drift_runs.test_running import WATCHED
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.comparisons import WatchedDrift

LATER = START + timedelta(hours=1, minutes=20)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Twenty past ten; runs began at nine and at ten."""
    clock = FrozenClock(LATER)
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as opened:
        yield opened


async def told(store: SqlStore, watched: WatchedDrift = WATCHED) -> str:
    """What the command answers, as text."""
    jobs = await Jobs(store=store, watched={"churn": watched}).of("churn")
    answer = jobs_answer(jobs, None, now=LATER)
    return likeness({"text": answer.text, "blocks": list(answer.blocks)})


async def test_a_job_that_never_ran_says_when_it_will(store: SqlStore) -> None:
    """Its schedule, and the next tick."""
    said = await told(store)
    assert "drift-churn" in said
    assert "it has not run yet" in said
    assert "in 40 min" in said


async def test_the_last_success_is_told_with_its_score(store: SqlStore) -> None:
    """When, how it came about, and the run's id, which metrics and MLflow show too."""
    await keep_success(store, make_run("run-1"), score=0.42)
    said = await told(store)
    assert "✅ 1 h 19 min ago, score 0.42, took 3 s" in said
    assert "by the clock" in said
    assert "run-1" in said


async def test_a_failure_is_told_beside_the_last_success(store: SqlStore) -> None:
    """With its reason."""
    await keep_success(store, make_run("run-1"), score=0.42)
    failed = make_run("run-2", started_at=START + timedelta(hours=1))
    async with store.transaction() as tx:
        await tx.drift_runs.begin(failed)
        await tx.drift_runs.end(failed.failed(Permanent("data/x does not exist"), at=LATER))
    said = await told(store)
    assert "❌ failed just now: data/x does not exist" in said
    assert "Last success: ✅ 1 h 19 min ago" in said


async def test_a_run_under_way_and_a_schedule_elsewhere_are_told(store: SqlStore) -> None:
    """A CronJob of the cluster runs it: no next tick of ours is promised."""
    async with store.transaction() as tx:
        await tx.drift_runs.begin(make_run("run-1", started_at=LATER - timedelta(minutes=2)))
    said = await told(store, replace(WATCHED, schedule=""))
    assert "⏳ running for 2 min" in said
    assert "Next" not in said
    assert "somebody else's" in said


async def test_a_service_without_drift_has_no_job(store: SqlStore) -> None:
    """The command falls back to the cluster's own jobs."""
    assert await Jobs(store=store, watched={}).of("churn") == ()
