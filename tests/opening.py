"""Stores of tests: SQLite files with their tables in place, copied from one that was migrated once.

Migrating each anew was a seventh of the quick suite. What is about migrations opens the real way.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.adapters import database
from bot.adapters.database import empty_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.adapters.database import SqlStore
    from bot.ports.clock import Clock


def prepared(url: str) -> str:
    """The same URL; where it names a SQLite file that is not there, an empty store lies there now."""
    file = Path(url.partition("sqlite+aiosqlite:///")[2])
    if file.is_absolute() and not file.exists():
        file.write_bytes(empty_store())
    return url


@asynccontextmanager
async def open_store(url: str, *, clock: Clock, **more: Any) -> AsyncIterator[SqlStore]:
    """As `bot.adapters.database.open_store`."""
    async with database.open_store(prepared(url), clock=clock, **more) as store:
        yield store
