"""Every call that the app made to the stand-in, with its outcome; what tests assert on."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.console.values import Json

T = TypeVar("T")
KEPT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: Web API method (or `response_url`, `upload`), arguments without token, and how it ended.

    `outcome` is `ok`, Slack's error code, or a fault's word such as `http_503`, `hang`, `dropped`. `at` is in
    seconds of the stand-in's clock. `applied` says whether the workspace took the call's effect.
    """

    method: str
    arguments: Json
    at: float
    outcome: str
    applied: bool


class Recording:
    """The newest calls in their order; waiting on it needs no sleeping."""

    def __init__(self) -> None:
        self.calls: deque[Call] = deque(maxlen=KEPT)
        self._moved = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Recording {len(self.calls)} calls>"

    def add(self, call: Call) -> None:
        """Notes a call and wakes who waits."""
        self.calls.append(call)
        self.moved()

    def moved(self) -> None:
        """Wakes those who wait: something was recorded or the workspace changed."""
        self._moved.set()

    def of(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    async def until(self, found: Callable[[], T | None], *, timeout: float = 60.0) -> T:  # noqa: ASYNC109 (a test's bound)
        """Waits until `found` gives something true and returns it; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while True:
                self._moved.clear()
                value = found()
                if value:
                    return value
                await self._moved.wait()
