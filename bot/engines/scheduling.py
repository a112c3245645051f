"""Jobs by the clock: every replica runs its own APScheduler, and each tick is run by exactly one of them.

A shared job store ran ticks several times; here every replica keeps its jobs in memory and the executor
claims (job, tick) in the store before it runs. Which tick it is says the store's clock: a replica whose own
clock is an hour ahead would take an hour of ticks from the others, and leave none for when it is gone.
`bot.bootstrap` adds the jobs.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.executors.base import run_coroutine_job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot import telemetry
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.engines.cron import Cron
    from bot.ports.clock import Clock
    from bot.ports.stores import Store

ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
"""Interval ticks count from here, so that all replicas mean the same fire times."""

MISFIRE_GRACE_SECONDS = 60

_LOG = Log("scheduling")


class ClaimingExecutor(AsyncIOExecutor):  # type: ignore[misc]  # it has no types
    """Runs a coroutine job only for the ticks that this replica wins.

    `_do_submit_job` is a private hook of APScheduler 3 (the dependency is pinned below 4), and the last place
    before a job runs.
    """

    def __init__(self, win: Callable[[str], Awaitable[bool]]) -> None:
        super().__init__()
        self._win = win

    def _do_submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        task = self._eventloop.create_task(self._run_won(job, run_times))
        task.add_done_callback(lambda done: self._note(job, done))
        self._pending_futures.add(task)

    async def _run_won(self, job: Any, run_times: Sequence[datetime]) -> list[Any]:
        if not await self._win(job.id):
            return []
        # Ticks that were missed are folded into one, the newest.
        events = await run_coroutine_job(job, job._jobstore_alias, run_times[-1:], self._logger.name)  # noqa: SLF001
        return list(events)

    def _note(self, job: Any, done: asyncio.Task[list[Any]]) -> None:
        self._pending_futures.discard(done)
        if done.cancelled():
            self._run_job_success(job.id, [])
            return
        error = done.exception()
        if error is None:
            self._run_job_success(job.id, done.result())
            return
        # The store could not be asked who runs this tick: nobody does, and the next tick asks again.
        telemetry.SCHEDULER_RUNS.labels(job=job.id, outcome="unclaimed").inc()
        self._run_job_error(job.id, error, error.__traceback__)


REHEARSED_REST: Final = timedelta(seconds=55)
"""Between two ticks of a job in a rehearsal, whose hours are mostly ticks that find nothing."""


class Scheduling:
    """The clock of one replica."""

    def __init__(self, *, store: Store) -> None:
        self._store = store
        self._meant: dict[str, Callable[[datetime], datetime | None]] = {}
        self._runs: dict[str, Callable[[], Awaitable[object]]] = {}
        self._ticking: list[asyncio.Task[None]] = []
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            executors={"default": ClaimingExecutor(self._win)},
            job_defaults={"misfire_grace_time": MISFIRE_GRACE_SECONDS, "coalesce": True},
        )

    def every(self, name: str, interval: timedelta, run: Callable[[], Awaitable[object]]) -> None:
        """Add a job that runs at fixed distances, on one replica a tick."""
        trigger = IntervalTrigger(seconds=interval.total_seconds(), start_date=ANCHOR, timezone=UTC)
        self._meant[name] = lambda now: nearest_tick(now, interval)
        self._add(name, trigger, run)

    def by_cron(self, name: str, cron: Cron, run: Callable[[datetime], Awaitable[object]]) -> None:
        """Add a job that runs at the ticks of a schedule, on one replica a tick; `run` is given the tick."""

        async def run_tick() -> None:
            async with self._store.transaction() as tx:
                tick = cron.meant(tx.now) or tx.now
            await run(tick)

        self._meant[name] = cron.meant
        self._add(name, cron.trigger, run_tick)

    def _add(self, name: str, trigger: Any, run: Callable[[], Awaitable[object]]) -> None:
        async def tick() -> None:
            try:
                await self._tick(name, run)
            except asyncio.CancelledError:
                # Cut off by `stop`, as it should be: APScheduler would log it as an error of the job.
                if self._scheduler.running:
                    raise

        self._runs[name] = run
        self._scheduler.add_job(tick, trigger, id=name)

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler.start()

    def start_by(self, clock: Clock) -> None:
        """As `start` for a bot alone with its store, by a clock that is not the machine's: for rehearsals.

        Nobody asks there when a job ran last, so no heartbeat is kept.
        """
        self._ticking = [
            asyncio.create_task(self._tick_by(clock, job), name=job.id) for job in self._scheduler.get_jobs()
        ]

    def stop(self) -> None:
        """Stop without waiting; ticks under way are cancelled and leave their transactions undone."""
        for task in self._ticking:
            task.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _tick_by(self, clock: Clock, job: Any) -> None:
        due = job.trigger.get_next_fire_time(None, clock.now())
        while due is not None:
            await clock.sleep((due - clock.now()).total_seconds())
            await self._run(job.id, self._runs[job.id])
            # Without the tick before, the trigger counts from the time that it is given.
            due = job.trigger.get_next_fire_time(None, clock.now() + REHEARSED_REST)

    async def _tick(self, name: str, run: Callable[[], Awaitable[object]]) -> None:
        async def run_and_beat() -> None:
            await run()
            async with self._store.transaction() as tx:
                await tx.heartbeats.beat(f"job/{name}", tx.now)
                now = tx.now
            telemetry.SCHEDULER_LAST_SUCCESS.labels(job=name).set(now.timestamp())

        await self._run(name, run_and_beat)

    async def _run(self, name: str, run: Callable[[], Awaitable[object]]) -> None:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the next tick runs whatever this one met; it is counted
            telemetry.SCHEDULER_RUNS.labels(job=name, outcome="failed").inc()
            _LOG.warning(LogAction.TICK_FAILED, job=name, error=f"{type(error).__name__}: {error}"[:300])
            return
        telemetry.SCHEDULER_RUNS.labels(job=name, outcome="succeeded").inc()

    async def _win(self, name: str) -> bool:
        async with self._store.transaction() as tx:
            tick = self._meant[name](tx.now)
            # No tick is near by the store's clock: this replica's own is wrong, and the others run it.
            return tick is not None and await tx.heartbeats.win(name, tick)


def nearest_tick(now: datetime, interval: timedelta) -> datetime:
    """The anchored tick that is meant by who fires now, a moment early or late."""
    return ANCHOR + round((now - ANCHOR) / interval) * interval
