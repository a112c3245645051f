"""Keeping an engine's step going: woken when there is something to do, and looking by itself now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import telemetry
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.engines.waking import Waker
    from bot.ports.clock import Clock

_LOG = Log("looping")


async def keep_going(
    name: str, step: Callable[[], Awaitable[int]], *, waker: Waker, clock: Clock, poll: float
) -> None:
    """Run `step` until cancelled: at once while it finds work, else when woken or after `poll` seconds."""
    while True:
        try:
            found = await step()
        except Exception as error:  # noqa: BLE001 - a loop outlives whatever one step meets; it is counted
            telemetry.LOOP_ERRORS.labels(loop=name).inc()
            _LOG.warning(LogAction.LOOP_FAILED, loop=name, error=f"{type(error).__name__}: {error}"[:300])
            found = 0
            await clock.sleep(poll)
        if not found:
            await waker.wait(at_most=poll)
