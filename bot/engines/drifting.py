"""Running drift reports: each tick of a schedule once, a missed one made up for, every run on record.

Called by the scheduler (`tick`), a loop (`catch_up`) and `lightship drift run`. A process beside the bot does
the comparing; this engine keeps the run from its beginning, publishes what came out, and tells why a run
failed. A run whose replica died is found by its missing sign of life.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.drift_runs import DriftRun, DriftRunState, DriftTrigger
from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.engines.cron import Cron
from bot.engines.drift_publishing import publish, show_failure
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from bot.domain.comparisons import Compared, WatchedDrift
    from bot.ports.clock import Clock, Ids
    from bot.ports.comparing import Comparer
    from bot.ports.readers import ModelReader
    from bot.ports.stores import Store, Transaction

SIGN_OF_LIFE_EVERY: Final = timedelta(seconds=15)
LOST_AFTER: Final = timedelta(seconds=75)
"""A run whose replica gave no sign of life for so long is taken for lost."""
GRACE: Final = timedelta(minutes=2)
"""Ticks younger than this may still be taken by a replica whose clock is about to strike."""
ASK_WITHIN: Final = 20.0

_LOG = Log("drifting")


class Drifting:
    """Drift runs of the watched services.

    `tracked`: runs are owed to an experiment tracker. `on_failed` is told of a run that failed in another way
    than the one before it.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        comparer: Comparer,
        watched: Mapping[str, WatchedDrift],
        models: ModelReader,
        tracked: bool,
        on_failed: Callable[[DriftRun], Awaitable[object]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._comparer = comparer
        self._watched = watched
        self._models = models
        self._tracked = tracked
        self._on_failed = on_failed

    async def tick(self, service: str, tick: datetime) -> None:
        """Run for a tick that this replica won. Raises what made the run fail."""
        run = await self.run(service, trigger=DriftTrigger.SCHEDULE, tick=tick)
        _raise_failure(run)

    async def catch_up(self, *, grace: timedelta = GRACE) -> int:
        """End lost runs, and make up for each service's newest tick if nobody was there for it."""
        made_up = 0
        for watched in self._watched.values():
            if not watched.schedule:
                continue
            run = await self._missed(watched, grace=grace)
            if run is not None:
                await self._carry_out(watched, run)
                made_up += 1
        return made_up

    async def run(self, service: str, *, trigger: DriftTrigger, tick: datetime | None = None) -> DriftRun:
        """Compare, keep and publish what came out; the run as it ended. Raises where the store is away."""
        watched = self._watched.get(service)
        if watched is None:
            raise Permanent(f"`{service}` has no `drift` in the configuration")
        async with self._store.transaction() as tx:
            run = await self._begin(tx, watched, trigger=trigger, tick=tick)
        return await self._carry_out(watched, run)

    async def _begin(
        self, tx: Transaction, watched: WatchedDrift, *, trigger: DriftTrigger, tick: datetime | None
    ) -> DriftRun:
        run = DriftRun(
            id=self._ids.new(),
            service=watched.service,
            trigger=trigger,
            started_at=tx.now,
            tick=tick,
            window=watched.comparison_at(tick or tx.now).window,
        )
        await tx.drift_runs.begin(run)
        await tx.heartbeats.beat(_life_of(run), tx.now)
        return run

    async def _carry_out(self, watched: WatchedDrift, run: DriftRun) -> DriftRun:
        try:
            async with self._alive(run):
                compared = await self._comparer.compare(watched.comparison_at(run.tick or run.started_at))
        except LightshipError as error:
            return await self._fail(run, error)
        return await self._succeed(watched, run, compared)

    async def _succeed(self, watched: WatchedDrift, run: DriftRun, compared: Compared) -> DriftRun:
        version = compared.report.reference.model_version or await self._version(watched)
        async with self._store.transaction() as tx:
            done = await publish(
                tx, self._ids, watched, run, compared, model_version=version, tracked=self._tracked
            )
        _LOG.info(LogAction.DRIFT_RUN, service=run.service, run=run.id, score=compared.report.score)
        return done

    async def _fail(self, run: DriftRun, error: LightshipError) -> DriftRun:
        async with self._store.transaction() as tx:
            failed = run.failed(error, at=tx.now)
            news = await _end_failed(tx, failed)
        _LOG.warning(LogAction.DRIFT_RUN, service=run.service, run=run.id, error=str(error))
        if news:
            await self._on_failed(failed)
        return failed

    async def _version(self, watched: WatchedDrift) -> str:
        """The version behind the alias; empty where that cannot be told: the report goes out without it."""
        if not watched.model:
            return ""
        try:
            async with asyncio.timeout(ASK_WITHIN):
                found = await self._models.version_by_alias(name=watched.model, alias=watched.model_alias)
        except (LightshipError, TimeoutError):
            return ""
        return found.version

    async def _missed(self, watched: WatchedDrift, *, grace: timedelta) -> DriftRun | None:
        """The run for the newest tick, begun where it is this replica's to make up for."""
        async with self._store.transaction() as tx:
            lost = await _end_lost(tx, watched.service)
            tick = Cron(watched.schedule).latest(tx.now)
            last = await tx.drift_runs.last_success(watched.service)
            if (
                tick is None
                or last is None
                or tx.now - tick < grace
                or (last.tick or last.started_at) >= tick
                or not await _is_ours(tx, watched, tick, lost)
            ):
                return None
            return await self._begin(tx, watched, trigger=DriftTrigger.MISSED, tick=tick)

    @contextlib.asynccontextmanager
    async def _alive(self, run: DriftRun) -> AsyncIterator[None]:
        """Give a sign of life now and then, for the time of a block."""

        async def beat() -> None:
            while True:
                await self._clock.sleep(SIGN_OF_LIFE_EVERY.total_seconds())
                with contextlib.suppress(LightshipError):
                    async with self._store.transaction() as tx:
                        await tx.heartbeats.beat(_life_of(run), tx.now)

        beating = asyncio.create_task(beat(), name=f"drift run {run.id}")
        try:
            yield
        finally:
            beating.cancel()


async def _is_ours(tx: Transaction, watched: WatchedDrift, tick: datetime, lost: list[DriftRun]) -> bool:
    """Whether nobody else runs or has run for a tick. Who died with it is followed, twice at most.

    A process that dies right behind the win of a tick leaves no run to find; so the win of one that is made
    up for, and the beginning of its run, are one transaction, and what is looked at comes after the win.
    """
    if await tx.heartbeats.win(watched.job, tick):
        return True
    lost_of_it = [run for run in lost if run.tick == tick]
    if any(run.trigger is DriftTrigger.SCHEDULE for run in lost_of_it):
        return True
    newest = await tx.drift_runs.newest(watched.service)
    is_begun = newest is not None and newest.started_at >= tick
    return bool(lost_of_it or not is_begun) and await tx.heartbeats.win(f"{watched.job}/again", tick)


async def _end_lost(tx: Transaction, service: str) -> list[DriftRun]:
    """End the runs whose replica is gone; they are the caller's then."""
    ended = []
    for run in await tx.drift_runs.unfinished(service, begun_before=tx.now - LOST_AFTER):
        seen = await tx.heartbeats.last(_life_of(run))
        if seen is None or tx.now - seen > LOST_AFTER:
            lost = run.failed(Temporary("the bot that ran it ended in the middle"), at=tx.now)
            if await tx.drift_runs.end(lost):
                ended.append(lost)
    return ended


async def _end_failed(tx: Transaction, failed: DriftRun) -> bool:
    """Keep it; whether that is news: the run before it succeeded, or failed for another reason."""
    before = await tx.drift_runs.before(failed)
    await tx.drift_runs.end(failed)
    await show_failure(tx, failed)
    return before is None or before.state is not DriftRunState.FAILED or before.reason != failed.reason


def _life_of(run: DriftRun) -> str:
    return f"drift-run/{run.service}"


def _raise_failure(run: DriftRun) -> None:
    if run.state is DriftRunState.FAILED:
        raise Temporary(run.reason) if run.may_pass else Permanent(run.reason)
