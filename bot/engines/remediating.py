"""Doing what was approved: intents are claimed and carried out in the background; none is forgotten.

`executing` takes each to its end. This claims, tries again while the store is away, and gives claims back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.errors import LightshipError
from bot.engines.executing import ClaimLost
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from bot.domain.remedies import Execution
    from bot.engines.executing import Executing
    from bot.ports.clock import Clock
    from bot.ports.stores import Store

AT_ONCE = 32
LONGEST_REST = 60.0

_LOG = Log("remediating")


class Remediating:
    """The loop over unfinished executions. Begins nothing once `stop` was called."""

    def __init__(self, *, store: Store, clock: Clock, executing: Executing) -> None:
        self._store = store
        self._clock = clock
        self._executing = executing
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()
        self._stopping = False

    async def begin_due(self) -> int:
        """Claim unfinished executions and work on them in the background; how many were begun."""
        async with self._claiming:
            room = 0 if self._stopping else AT_ONCE - len(self._tasks)
            if room <= 0:
                return 0
            async with self._store.transaction() as tx:
                claimed = await tx.executions.claim(self._executing.lease, limit=room)
            for execution in claimed:
                task = asyncio.create_task(self._carry_out(execution))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return len(claimed)

    async def settled(self) -> None:
        """Return once nothing that was begun is under way (for rehearsals and tests)."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Begin nothing more, leave what is under way to the next start, and give the claims back.

        Where the store is away, the claims run out by themselves.
        """
        self._stopping = True
        async with self._claiming:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            try:
                async with self._store.transaction() as tx:
                    await tx.executions.release(self._executing.lease.owner)
            except LightshipError:
                telemetry.LOOP_ERRORS.labels(loop="remediating").inc()

    async def _carry_out(self, execution: Execution) -> None:
        """To its end, or until another replica has it. While the store is away this tries again and again."""
        step, rest, tried = self._executing.to_its_end, 1.0, False
        while True:
            try:
                await step(await self._executing.look_up(execution) if tried else execution)
            except LightshipError:
                telemetry.LOOP_ERRORS.labels(loop="remediating").inc()
            except ClaimLost:
                return
            except Exception as error:  # noqa: BLE001 - what was approved must not vanish; it is counted
                telemetry.LOOP_ERRORS.labels(loop="remediating").inc()
                _LOG.error(LogAction.LOOP_FAILED, cause=error, loop="remediating")
                step = self._executing.hand_over
            else:
                return
            tried = True
            await self._clock.sleep(rest)
            rest = min(rest * 2, LONGEST_REST)
