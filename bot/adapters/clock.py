"""The machine's own time, and ids from its randomness. Wired by `bot.bootstrap`; nobody else reads it."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import Final

_SIZE: Final = 16
_AT_ONCE: Final = 64


class SystemClock:
    """`bot.ports.clock.Clock` over the machine's clock."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds; at once for zero or less."""
        await asyncio.sleep(max(seconds, 0.0))


class RandomIds:
    """`bot.ports.clock.Ids` from version 4 UUIDs: 36 characters that a Kubernetes name may hold.

    The machine is asked for randomness once for many: each time lets other threads in, and every webhook has
    an id.
    """

    def __init__(self) -> None:
        self._ready: list[str] = []

    def new(self) -> str:
        """A new id."""
        if not self._ready:
            random = os.urandom(_SIZE * _AT_ONCE).hex()
            self._ready = [
                _uuid(random[start : start + 2 * _SIZE]) for start in range(0, len(random), 2 * _SIZE)
            ]
        return self._ready.pop()


def _uuid(random: str) -> str:
    """As `str(uuid4())` writes it, of 32 hexadecimal digits, at a quarter of its cost."""
    variant = "89ab"[int(random[16], 16) & 3]
    return f"{random[:8]}-{random[8:12]}-4{random[13:16]}-{variant}{random[17:20]}-{random[20:]}"
