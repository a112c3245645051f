"""Each tick runs once, whoever's clock strikes it, and not at all where nobody can say whose it is."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from bot import telemetry
from bot.adapters.clock import SystemClock
from bot.adapters.database import SqlStore
from bot.adapters.database.tables import ticks
from bot.domain.errors import Temporary
from bot.engines.cron import Cron
from bot.engines.noticing import Noticing
from bot.engines.scheduling import ANCHOR, Scheduling, nearest_tick
from bot.testing import START, FrozenClock, SequentialIds
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


SHORT = timedelta(seconds=0.2)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A store in a file, by the real clock, which APScheduler goes by."""
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=SystemClock()) as opened:
        yield opened
        # Ticks that were cut off end before the store does, as its connections need it for that.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=60)


async def until(fact: Callable[[], bool]) -> None:
    """Wait for something to be so, with a bound."""
    async with asyncio.timeout(60):
        while not fact():  # noqa: ASYNC110 - polled with a bound
            await asyncio.sleep(0.01)


def counted(job: str, outcome: str) -> float:
    """The metric's value."""
    return float(telemetry.SCHEDULER_RUNS.labels(job=job, outcome=outcome)._value.get())


async def test_two_replicas_run_each_tick_once(store: SqlStore) -> None:
    """Both clocks strike, one wins; the ticks are the anchored ones, and the last success is kept."""
    ran: list[None] = []
    replicas = [Scheduling(store=store), Scheduling(store=store)]

    async def job() -> None:
        ran.append(None)

    for one in replicas:
        one.every("shared", SHORT, job)
        one.start()
    await until(lambda: len(ran) >= 5)
    for one in replicas:
        one.stop()
    async with store._database.begin() as link:
        won = [row.fire_time for row in await link.all(select(ticks).where(ticks.c.name == "shared"))]
    assert len(won) - len(replicas) <= len(ran) <= len(won)  # those that were just won were cut off
    assert all((tick - ANCHOR) % SHORT == timedelta(0) for tick in won)
    async with store.transaction() as tx:
        assert await tx.heartbeats.last("job/shared") is not None


async def test_a_tick_whose_store_is_away_is_not_run_and_counted(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas without a store would both run it; so nobody does, and the next tick asks again."""
    ran: list[bool] = []

    async def job() -> None:
        ran.append(True)

    def away(_: SqlStore) -> None:
        raise Temporary("the store is away")

    scheduling = Scheduling(store=store)
    scheduling.every("away", SHORT, job)
    with monkeypatch.context() as patched:
        patched.setattr(SqlStore, "transaction", away)
        scheduling.start()
        await until(lambda: counted("away", "unclaimed") >= 2)
        assert ran == []
    await until(lambda: bool(ran))
    scheduling.stop()


@pytest.mark.parametrize("error", [Temporary("away"), ZeroDivisionError()])
async def test_a_tick_that_fails_is_counted_and_the_next_one_comes(store: SqlStore, error: Exception) -> None:
    """Whatever it raises, ours or not."""
    name, ran = f"failing {type(error).__name__}", [0]

    async def job() -> None:
        ran[0] += 1
        if ran[0] == 1:
            raise error

    scheduling = Scheduling(store=store)
    scheduling.every(name, SHORT, job)
    scheduling.start()
    await until(lambda: counted(name, "succeeded") >= 1)
    scheduling.stop()
    assert counted(name, "failed") == 1


async def test_a_tick_that_is_cut_off_by_the_end_is_no_error(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A tick that is under way when the bot stops is cancelled, and the log has no error of it."""
    began = asyncio.Event()

    async def job() -> None:
        began.set()
        await asyncio.Event().wait()

    scheduling = Scheduling(store=store)
    scheduling.every("endless", SHORT, job)
    scheduling.start()
    async with asyncio.timeout(10):
        await began.wait()
    (tick,) = (task for task in asyncio.all_tasks() if "_run_won" in str(task.get_coro()))
    scheduling.stop()
    await asyncio.wait([tick], timeout=10)
    assert tick.done()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_tick_is_the_nearest_anchored_one() -> None:
    """A moment early or late means the same tick, for every replica."""
    tick = ANCHOR + timedelta(hours=7)
    for off in (-20, 0, 20):
        assert nearest_tick(tick + timedelta(seconds=off), timedelta(minutes=1)) == tick


async def test_a_notice_is_told_once_in_a_while(tmp_path: Path) -> None:
    """Whoever saw the cause, and however often; another name is another notice."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/notices.db", clock=clock) as opened:
        replicas = [
            Noticing(
                store=opened,
                ids=SequentialIds(name),
                channel=channel,
                rest=timedelta(minutes=15),
            )
            for name, channel in (("a", "C0DEFAULT"), ("b", None))
        ]

        async def tell(name: str) -> list[bool]:
            return list(await asyncio.gather(*(one.tell(name, title="T", text="x") for one in replicas)))

        assert sorted(await tell("rejected")) == [False, True]
        assert await tell("rejected") == [False, False]
        assert sorted(await tell("other")) == [False, True]
        await clock.advance(seconds=899)
        assert await tell("rejected") == [False, False]
        await clock.advance(seconds=1)
        assert sorted(await tell("rejected")) == [False, True]


async def test_a_cron_tick_belongs_to_one_replica_and_only_near_its_time(tmp_path: Path) -> None:
    """By the store's clock: who strikes early or late means the same tick, who is far off gets none."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/cron.db", clock=clock) as opened:
        ran: list[datetime] = []

        async def job(tick: datetime) -> None:
            ran.append(tick)

        replicas = [Scheduling(store=opened) for _ in range(3)]
        for one in replicas:
            one.by_cron("drift-churn", Cron("0 * * * *"), job)
        await clock.advance(seconds=3590)
        first = [await one._win("drift-churn") for one in replicas]
        await clock.advance(seconds=20)
        late = [await one._win("drift-churn") for one in replicas]
        await clock.advance(seconds=300)
        wrong = [await one._win("drift-churn") for one in replicas]
        assert (first, late, wrong) == ([True, False, False], [False] * 3, [False] * 3)
        clock.set(START + timedelta(hours=1, seconds=3))
        await replicas[0]._scheduler.get_job("drift-churn").func()
        assert ran == [START + timedelta(hours=1)]
        assert counted("drift-churn", "succeeded") == 1
