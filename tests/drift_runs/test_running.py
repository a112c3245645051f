"""Drift runs: each tick once, a missed one made up for, failures with their reason, lost runs found."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.comparisons import Compared, DriftComparison, WatchedDrift
from bot.domain.drift_runs import DriftRun, DriftRunState, DriftTrigger
from bot.domain.errors import Permanent, Temporary
from bot.engines.drifting import GRACE, LOST_AFTER, SIGN_OF_LIFE_EVERY, Drifting
from bot.rehearsal.faults import Faults
from bot.rehearsal.models import RehearsalModels
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_drift_report
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.drift import DriftReport
    from bot.domain.errors import LightshipError

HOUR = timedelta(hours=1)
WATCHED = WatchedDrift(
    service="churn",
    channel="C0CHURN",
    comparison=DriftComparison(reference="reference.parquet", current="current"),
    schedule="0 * * * *",
    time_column="at",
    last=timedelta(days=1),
)


class Bench:
    """A comparer that does as it is told, and replicas over one store."""

    def __init__(self, store: SqlStore, clock: FrozenClock) -> None:
        self.store = store
        self.clock = clock
        self.outcome: DriftReport | LightshipError = make_drift_report(score=0.1)
        self.hang: asyncio.Event | None = None
        self.asked: list[DriftComparison] = []
        self.told: list[DriftRun] = []
        self._replicas = 0

    async def compare(self, comparison: DriftComparison) -> Compared:
        """The outcome, after having waited where that is wanted."""
        self.asked.append(comparison)
        if self.hang is not None:
            await self.hang.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Compared(report=self.outcome, profile=b"profile")

    def replica(self) -> Drifting:
        """One more."""
        self._replicas += 1

        async def tell(run: DriftRun) -> None:
            self.told.append(run)

        return Drifting(
            store=self.store,
            clock=self.clock,
            ids=SequentialIds(f"run-{self._replicas}"),
            comparer=self,
            watched={"churn": WATCHED},
            models=RehearsalModels(Faults()),
            tracked=True,
            on_failed=tell,
        )

    async def newest(self) -> DriftRun | None:
        """The newest run of the service."""
        async with self.store.transaction() as tx:
            return await tx.drift_runs.newest("churn")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """At nine o'clock sharp."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        yield Bench(store, clock)


async def test_a_run_is_published_with_all_that_belongs_to_it(bench: Bench) -> None:
    """Report, window up to the tick, trend, and what the tracker is owed."""
    await bench.clock.advance(seconds=4)
    await bench.replica().tick("churn", START)
    async with bench.store.transaction() as tx:
        latest = await tx.drift_reports.latest("churn")
        owed = await tx.tracked_runs.claim(until=tx.now + HOUR, limit=5)
    assert latest is not None
    assert latest.run is not None
    assert latest.report == make_drift_report(score=0.1)
    assert (latest.run.state, latest.run.trigger) == (DriftRunState.SUCCEEDED, DriftTrigger.SCHEDULE)
    assert (latest.run.tick, latest.run.model_version) == (START, "7")
    assert [point.score for point in latest.trend] == [0.1]
    assert [(one.run.id, one.profile) for one in owed] == [(latest.run.id, b"profile")]
    (asked,) = bench.asked
    assert asked.window is not None
    assert (asked.window.start, asked.window.end) == (START - timedelta(days=1), START)


@pytest.mark.parametrize("error", [Temporary("the disk is away"), Permanent("data/x does not exist")])
async def test_a_run_that_fails_is_on_record_and_told_once(bench: Bench, error: LightshipError) -> None:
    """The scheduler hears of each, people only when the reason is news; the last report stays."""
    drifting = bench.replica()
    await drifting.tick("churn", START)
    bench.outcome = error
    for hour in (1, 2):
        with pytest.raises(type(error), match=str(error)):
            await drifting.tick("churn", START + hour * HOUR)
    newest = await bench.newest()
    assert newest is not None
    assert (newest.state, newest.reason, newest.may_pass) == (
        DriftRunState.FAILED, str(error), isinstance(error, Temporary),
    )  # fmt: skip
    assert [run.reason for run in bench.told] == [str(error)]
    async with bench.store.transaction() as tx:
        latest = await tx.drift_reports.latest("churn")
    assert latest is not None
    assert latest.newest == newest
    assert latest.run != newest


async def test_a_tick_that_nobody_was_there_for_is_made_up_for_once(bench: Bench) -> None:
    """Several replicas start after hours of silence: the newest tick runs, once, and no older one."""
    await bench.replica().tick("churn", START)
    await bench.clock.advance(seconds=5 * 3600 + 600)
    replicas = [bench.replica() for _ in range(3)]
    made_up = await asyncio.gather(*(one.catch_up(grace=timedelta(0)) for one in replicas))
    assert sorted(made_up) == [0, 0, 1]
    newest = await bench.newest()
    assert newest is not None
    assert (newest.trigger, newest.tick) == (DriftTrigger.MISSED, START + 5 * HOUR)
    assert len(bench.asked) == 2
    assert await bench.replica().catch_up(grace=timedelta(0)) == 0


async def test_nothing_is_missed_where_nothing_ever_succeeded_or_all_is_done(bench: Bench) -> None:
    """A new service waits for its first tick; a failed tick is not repeated before the next."""
    drifting = bench.replica()
    await bench.clock.advance(seconds=600)
    assert await drifting.catch_up(grace=timedelta(0)) == 0
    await drifting.run("churn", trigger=DriftTrigger.COMMAND)
    assert await drifting.catch_up(grace=timedelta(0)) == 0
    await bench.clock.advance(seconds=3000)
    async with bench.store.transaction() as tx:
        assert await tx.heartbeats.win("drift-churn", START + HOUR)
    bench.outcome = Temporary("away")
    with pytest.raises(Temporary):
        await drifting.tick("churn", START + HOUR)
    assert await drifting.catch_up(grace=timedelta(0)) == 0
    assert len(bench.asked) == 2


async def test_a_run_whose_replica_died_is_found_and_run_again_once(bench: Bench) -> None:
    """It ends as failed, may pass by itself, and another replica makes up for its tick."""
    await bench.replica().tick("churn", START)
    await bench.clock.advance(seconds=3600)
    bench.hang = asyncio.Event()
    async with bench.store.transaction() as tx:
        assert await tx.heartbeats.win("drift-churn", START + HOUR)
    dying = asyncio.create_task(bench.replica().tick("churn", START + HOUR))
    while len(bench.asked) < 2:  # noqa: ASYNC110 - turns of the loop, no time
        await asyncio.sleep(0)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    bench.hang = None
    other = bench.replica()
    await bench.clock.advance(seconds=LOST_AFTER.total_seconds() - 1)
    assert await other.catch_up(grace=timedelta(0)) == 0
    await bench.clock.advance(seconds=2)
    assert await other.catch_up(grace=timedelta(0)) == 1
    async with bench.store.transaction() as tx:
        newest = await tx.drift_runs.newest("churn")
        assert newest is not None
        lost = await tx.drift_runs.before(newest)
    assert lost is not None
    assert (lost.state, lost.may_pass) == (DriftRunState.FAILED, True)
    assert "ended in the middle" in lost.reason
    assert (newest.trigger, newest.tick, newest.state) == (
        DriftTrigger.MISSED, START + HOUR, DriftRunState.SUCCEEDED,
    )  # fmt: skip


async def test_a_tick_whose_winner_died_before_it_began_is_made_up_for(bench: Bench) -> None:
    """There is no run to find then, and the tick is taken; several replicas look, and one runs it."""
    await bench.replica().tick("churn", START)
    await bench.clock.advance(seconds=3600)
    async with bench.store.transaction() as tx:
        assert await tx.heartbeats.win("drift-churn", START + HOUR)
    await bench.clock.advance(seconds=GRACE.total_seconds() - 1)
    assert await bench.replica().catch_up() == 0
    await bench.clock.advance(seconds=1)
    made_up = await asyncio.gather(*(bench.replica().catch_up() for _ in range(3)))
    assert sorted(made_up) == [0, 0, 1]
    newest = await bench.newest()
    assert newest is not None
    assert (newest.trigger, newest.tick) == (DriftTrigger.MISSED, START + HOUR)


async def test_a_tick_that_was_made_up_for_and_died_with_is_run_once_more_and_no_more(bench: Bench) -> None:
    """One death costs no report; a comparison that kills whoever makes it is given up until the next tick."""
    await bench.replica().tick("churn", START)
    await bench.clock.advance(seconds=3600 + 600)
    bench.hang = asyncio.Event()
    for asked in (2, 3):
        dying = asyncio.create_task(bench.replica().catch_up())
        while len(bench.asked) < asked:  # noqa: ASYNC110 - turns of the loop, no time
            await asyncio.sleep(0)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        await bench.clock.advance(seconds=LOST_AFTER.total_seconds() + 1)
    assert await bench.replica().catch_up() == 0
    assert len(bench.asked) == 3


async def last_sign_of_life(bench: Bench) -> datetime:
    """When a run of the service gave the last one."""
    async with bench.store.transaction() as tx:
        found = await tx.heartbeats.last("drift-run/churn")
    assert found is not None
    return found


async def test_a_run_that_lives_is_not_taken_for_lost(bench: Bench) -> None:
    """It gives a sign of life however long it takes."""
    await bench.replica().tick("churn", START)
    await bench.clock.advance(seconds=3600)
    bench.hang = asyncio.Event()
    running = asyncio.create_task(bench.replica().tick("churn", START + HOUR))
    while len(bench.asked) < 2:  # noqa: ASYNC110 - turns of the loop, no time
        await asyncio.sleep(0)
    async with bench.store.transaction() as tx:
        assert await tx.heartbeats.win("drift-churn", START + HOUR)
    for _ in range(20):
        await bench.clock.advance(seconds=15)
        while bench.clock.now() - await last_sign_of_life(bench) > 2 * SIGN_OF_LIFE_EVERY:  # noqa: ASYNC110 - the store works beside
            await asyncio.sleep(0.01)
    assert await bench.replica().catch_up(grace=timedelta(0)) == 0
    bench.hang.set()
    await running
    newest = await bench.newest()
    assert newest is not None
    assert newest.state is DriftRunState.SUCCEEDED


async def test_a_service_without_data_cannot_be_run(bench: Bench) -> None:
    """The command says so."""
    with pytest.raises(Permanent, match="no `drift` in the configuration"):
        await bench.replica().run("other", trigger=DriftTrigger.COMMAND)
