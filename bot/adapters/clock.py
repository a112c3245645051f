"""The machine's own time, and ids from its randomness. Wired by `bot.bootstrap`; nobody else reads it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4


class SystemClock:
    """`bot.ports.clock.Clock` over the machine's clock."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds; at once for zero or less."""
        await asyncio.sleep(max(seconds, 0.0))


class RandomIds:
    """`bot.ports.clock.Ids` from version 4 UUIDs: 36 characters that a Kubernetes name may hold."""

    def new(self) -> str:
        """A new id."""
        return str(uuid4())
