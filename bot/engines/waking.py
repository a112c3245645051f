"""How one loop tells another that there is something to do. Used by every engine that runs as a loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.ports.clock import Clock


class Waker:
    """A bell that is rung from anywhere in this process and heard once, however often it was rung."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is something to do."""
        self._rung.set()

    async def wait(self, *, at_most: float) -> None:
        """Return when it was rung, else after that many seconds: other replicas ring no bell here."""
        if not self._rung.is_set():
            heard = asyncio.ensure_future(self._rung.wait())
            late = asyncio.ensure_future(self._clock.sleep(at_most))
            try:
                await asyncio.wait({heard, late}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                heard.cancel()
                late.cancel()
        self._rung.clear()
