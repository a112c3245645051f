"""Whose turn it is at SQLite's one writer; used by `engine` alone.

Webhooks go first: Alertmanager waits for their answers, everything else is the bot's own work and can wait.
While webhooks keep the writer busy that work rests after each of its turns, ten times as long as the turn
was, so that it slows them down by an eleventh at most, and still goes on. Where they leave the writer idle
between them, as even a storm of a hundred a second does, resting would help nobody, and nothing rests.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Final

REST: Final = 10.0
"""How long other work rests after a turn while webhooks keep the writer busy, in lengths of that turn."""
IDLE: Final = 3.0
"""They do where it is idle before their turns for no longer than so many lengths of such a turn."""
SHORTEST_IDLE: Final = 0.004
"""Or for no longer than so many seconds."""
LONGEST_REST: Final = 0.5
"""After so many seconds without a turn other work goes first for once, whatever comes."""


class Turns:
    """A lock with two queues, each first in, first out. Times are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._first: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._held = False
        self._holder_first = False
        self._since = 0.0
        self._free_since = -math.inf
        self._spare = 0.0
        self._busy = False
        self._rested_at = 0.0
        self._waiting_since = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def acquire(self, *, first: bool) -> None:
        """Wait for a turn; `first` goes before all that do not say so."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not first and not _waits(self._others):
            self._waiting_since = asyncio.get_running_loop().time()
        (self._first if first else self._others).append(turn)
        self._give()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it was given in the same moment
            raise

    def release(self) -> None:
        """The turn is over."""
        now = asyncio.get_running_loop().time()
        if self._holder_first:
            self._spare = max(IDLE * (now - self._since), SHORTEST_IDLE)
            self._busy = self._since - self._free_since < self._spare
        else:
            self._rested_at = now + min(REST * (now - self._since), LONGEST_REST)
            self._waiting_since = now
        self._free_since = now
        self._held = False
        self._give()

    def _give(self) -> None:
        if self._held:
            return
        now = asyncio.get_running_loop().time()
        starving = _waits(self._others) and now - self._waiting_since >= LONGEST_REST
        queue = self._first if _waits(self._first) and not starving else self._others
        if not _waits(queue):
            return
        ready = min(self._rested_at, self._free_since + self._spare) if self._busy else now
        if queue is self._others and now < ready and not starving:
            self._wake_in(ready - now)
            return
        self._held, self._since, self._holder_first = True, now, queue is self._first
        queue.popleft().set_result(None)

    def _wake_in(self, seconds: float) -> None:
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._woken)

    def _woken(self) -> None:
        self._alarm = None
        self._give()


def _waits(queue: deque[asyncio.Future[None]]) -> bool:
    """Whether somebody does; those who gave up are taken out."""
    while queue and queue[0].done():
        queue.popleft()
    return bool(queue)
