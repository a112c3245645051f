"""Keeping the calls into one channel apart, as the chat sees them; used by `bot.engines.delivering`.

The store's slots say when a call may begin, for all replicas together. Between that and the call a message is
drawn, which takes longer at times, and the first call of a process connects first. So the calls of a process
are held apart once more where they are made.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.ports.clock import Clock

ANSWERED_WITHIN: Final = timedelta(milliseconds=250)
"""How long the chat itself takes for a call at most, mostly: one that took longer was longer on its way."""


class Spacing:
    """The turns of each channel, `interval` apart. For one event loop."""

    def __init__(self, *, clock: Clock, interval: timedelta) -> None:
        self._clock = clock
        self._interval = interval
        self._free: dict[str, datetime] = {}

    @asynccontextmanager
    async def call(self, channel: str) -> AsyncIterator[None]:
        """Entered when a call into the channel may begin, left when it was answered or failed."""
        while (wait := self._wait(channel)) > timedelta(0):
            await self._clock.sleep(wait.total_seconds())
        self._free[channel] = self._clock.now() + self._interval
        try:
            yield
        finally:
            arrived = self._clock.now() - ANSWERED_WITHIN
            self._free[channel] = max(self._free[channel], arrived + self._interval)

    def _wait(self, channel: str) -> timedelta:
        now = self._clock.now()
        wait = self._free.get(channel, now) - now
        # Longer than that it can only be for a clock that was set back.
        return wait if wait <= self._interval else timedelta(0)
