"""The machine's own time, and ids from its randomness. Wired by `bot.bootstrap`; nobody else reads it."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS: Final = 20
"""Of randomness in an id, as hexadecimal digits; the last is not used."""
_AT_ONCE: Final = 64


class SystemClock:
    """`bot.ports.clock.Clock` over the machine's clock."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds; at once for zero or less."""
        await asyncio.sleep(max(seconds, 0.0))


class OrderedIds:
    """`bot.ports.clock.Ids` from version 7 UUIDs (RFC 9562): 36 characters that a Kubernetes name may hold.

    They begin with the time in milliseconds, so that what is written one after another lies side by side in
    an index; with random ids each webhook of a commit costs a page of its own. The machine is asked for
    randomness once for many: each time lets other threads in, and every webhook has an id.
    """

    def __init__(self, *, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._time_ns = time_ns
        self._ready: list[str] = []

    def new(self) -> str:
        """A new id."""
        if not self._ready:
            random = os.urandom(_DIGITS // 2 * _AT_ONCE).hex()
            self._ready = [random[start : start + _DIGITS] for start in range(0, len(random), _DIGITS)]
        random = self._ready.pop()
        at = f"{self._time_ns() // 1_000_000:012x}"
        variant = "89ab"[int(random[3], 16) & 3]
        return f"{at[:8]}-{at[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"
