"""The store on each database: SQLite in the quick suite, PostgreSQL with `make e2e`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.testing import FrozenClock
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from tests.e2e.servers.postgres import Postgres


class World:
    """A store, and how time passes for it."""

    def __init__(self, store: SqlStore, url: str, clock: FrozenClock, *, has_own_clock: bool) -> None:
        self.store = store
        self.url = url
        self.clock = clock
        self.has_own_clock = has_own_clock

    async def pass_time(self, seconds: float) -> None:
        """Let that much time pass on the clock that the store goes by."""
        if self.has_own_clock:
            await asyncio.sleep(seconds)
        else:
            await self.clock.advance(seconds=seconds)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for these tests."""
    from tests.e2e.servers.postgres import Postgres  # noqa: PLC0415 - the quick suite needs none of it

    server = Postgres(synchronous=False).start()
    yield server
    server.discard()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/lightship.db"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.create_database()


@pytest.fixture
async def world(url: str) -> AsyncIterator[World]:
    """A store with its tables in place."""
    clock = FrozenClock()
    async with open_store(url, clock=clock) as store:
        yield World(store, url, clock, has_own_clock=url.startswith("postgresql"))
