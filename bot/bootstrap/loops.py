"""The tasks of a bot that runs: begun together, and ended within a time, whatever hangs.

Called by `bot.bootstrap.assembly`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bot.engines.looping import keep_going
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from bot.engines.waking import Waker
    from bot.ports.clock import Clock

_LOG = Log("bootstrap")


class Loops:
    """Tasks by name. Those that `run` began end by themselves, once their engine is told to stop."""

    def __init__(self, clock: Clock, *, poll: float) -> None:
        self._clock = clock
        self._poll = poll
        self._running: list[asyncio.Task[None]] = []
        self._kept: list[asyncio.Task[None]] = []

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin an engine's own loop."""
        self._running.append(asyncio.create_task(work, name=name))

    def keep(
        self, name: str, step: Callable[[], Awaitable[int]], waker: Waker, *, poll: float | None = None
    ) -> None:
        """Take a step again and again: when woken, and every `poll` seconds."""
        going = keep_going(name, step, waker=waker, clock=self._clock, poll=poll or self._poll)
        self._kept.append(asyncio.create_task(going, name=name))

    async def end(self, *stops: Callable[[], Coroutine[Any, Any, None]], within: float) -> None:
        """End all, while `stops` end what else was begun; what is late after `within` seconds is left."""
        for task in self._kept:
            task.cancel()
        ending = [asyncio.create_task(stop()) for stop in stops]
        await end([*ending, *self._running, *self._kept], within=within)


async def end(tasks: Sequence[asyncio.Task[None]], *, within: float) -> None:
    """Wait for them; what is late is cancelled and left: where the store hangs, its roll-back hangs too."""
    if not tasks:
        return
    done, late = await asyncio.wait(tasks, timeout=within)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.warning(LogAction.LOOP_FAILED, loop=task.get_name(), error=type(error).__name__)
