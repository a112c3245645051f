"""Connections: how SQLite and PostgreSQL are set up, and one transaction at a time over them.

The rest of the package works on a `Link`, which hides what differs. SQLite has one writer connection, guarded
by a lock of this process; PostgreSQL has a small pool. Every wait has an end.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.adapters.database.compilations import IN_MEMORY
from bot.adapters.database.errors import translated
from bot.adapters.database.one_connection import AtRest
from bot.adapters.database.one_insert import OneInsert
from bot.adapters.database.sqlite_driver import connector
from bot.adapters.database.turns import Turns
from bot.domain.errors import Permanent, Temporary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from sqlalchemy import Executable, Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from bot.ports.clock import Clock

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_WAL_TRIES: Final = 20
_SUPPORTED: Final = ("sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreLimits:
    """How long each wait for the store may take, and how many connections PostgreSQL gives us.

    Without a thread of its own SQLite works in the event loop, as rehearsals need it.
    """

    statement: timedelta = timedelta(seconds=10)
    lock: timedelta = timedelta(seconds=5)
    connect: timedelta = timedelta(seconds=5)
    pool: int = 8
    own_thread: bool = True


class Link:
    """An open transaction, as the modules of this package use it. `now` is the database's clock.

    What is asked all the time is a constant of its module with parameters: making a statement costs twice
    as much as having it carried out, and holds SQLite's writer meanwhile.
    """

    def __init__(self, raw: AsyncConnection, *, now: datetime, postgres: bool) -> None:
        self._raw = raw
        self.now = now
        self.postgres = postgres

    async def run(
        self,
        statement: Executable,
        rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Execute, for the effect alone, once or for each of the rows."""
        with translated():
            await self._raw.execute(statement, rows)

    async def all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """Every row."""
        with translated():
            return (await self._raw.execute(statement, parameters)).all()

    async def first(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None:
        """The first row, or None."""
        with translated():
            return (await self._raw.execute(statement, parameters)).first()

    def insert(self, table: Table) -> Any:  # the two dialects' inserts have no common type with ON CONFLICT
        """An INSERT that knows ON CONFLICT. RETURNING tells what it did: row counts differ by driver."""
        return postgresql.insert(table) if self.postgres else sqlite.insert(table)


class Database:
    """An engine with its transactions. SQLite takes the time from `clock`, PostgreSQL has its own."""

    def __init__(self, engine: AsyncEngine, *, clock: Clock, limits: StoreLimits) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self._turns = Turns()
        self._insert: OneInsert | None = None
        self.postgres = engine.dialect.name == "postgresql"
        self._at_rest = None if self.postgres else AtRest(engine)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Link]:
        """A transaction: committed when left, rolled back when left with an exception."""
        async with self.connection() as raw:
            now = await self._now(raw)
            yield Link(raw, now=now, postgres=self.postgres)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """The connection of one transaction; only migrations use it bare."""
        if self.postgres:
            async with self._transaction() as raw:
                yield raw
            return
        async with self._turn(), self._transaction() as raw:
            yield raw

    async def insert_first(
        self, table: Table, rows: Callable[[datetime], Sequence[Mapping[str, Any]]]
    ) -> None:
        """A transaction that only inserts rows, made from its time, and that overtakes who waits."""
        if self._at_rest is None:
            async with self.begin() as link:
                await link.run(insert(table), rows(link.now))
            return
        async with self._turn(first=True):
            made = rows(self._clock.now())
            if self._insert is None or self._insert.table is not table:
                self._insert = OneInsert(table, list(made[0]), self._engine.dialect)
            parameters = self._insert.parameters(made)
            with translated():
                driver = await self._at_rest.driver()
                await driver.commit_statement(self._insert.sql(len(made)), parameters)

    @asynccontextmanager
    async def _turn(self, *, first: bool = False) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limits.lock.total_seconds()):
                await self._turns.acquire(first=first)
        except TimeoutError as error:
            raise Temporary("the store is busy: its writer did not come free in time") from error
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        with translated():
            raw = await self._engine.connect()
        try:
            with translated():
                await raw.begin()
            try:
                yield raw
            except BaseException:
                # A connection that cannot even roll back is thrown away below; the first error is the news.
                with suppress(SQLAlchemyError, OSError):
                    await asyncio.shield(raw.rollback())
                raise
            with translated():
                await raw.commit()
        finally:
            with suppress(SQLAlchemyError, OSError):
                await asyncio.shield(raw.close())

    async def _now(self, raw: AsyncConnection) -> datetime:
        if not self.postgres:
            return self._clock.now()
        with translated():
            now: datetime = (await raw.execute(select(func.clock_timestamp()))).scalar_one()
        return now.astimezone(UTC)

    async def dispose(self) -> None:
        """Close every connection."""
        with translated():
            await self._engine.dispose()


def parse_url(text: str) -> URL:
    """The URL with the driver that we use: psycopg where it is asked for and installed, else asyncpg.

    Raises Permanent; the text of the URL is never repeated.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # the other is a port that is no number
        raise Permanent(
            "the database URL cannot be read; write sqlite+aiosqlite:///file.db or "
            "postgresql+asyncpg://user@host/name"
        ) from error
    drivers = _DRIVERS if find_spec("psycopg") else {**_DRIVERS, "postgresql+psycopg": "postgresql+asyncpg"}
    url = url.set(drivername=drivers.get(url.drivername, url.drivername))
    if url.drivername not in _SUPPORTED:
        raise Permanent(
            f"databases of type {url.drivername!r} are not supported; use {' or '.join(_SUPPORTED[:2])}"
        )
    return url


def missing_file(text: str) -> str:
    """The file of a SQLite URL where it does not exist yet, else empty: reading must not make one."""
    url = parse_url(text)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return ""
    return "" if Path(url.database).exists() else url.database


def make_database(text: str, *, clock: Clock, limits: StoreLimits, content: bytes = b"") -> Database:
    """Set an engine up; nothing is connected yet. Raises Permanent for a URL that cannot be used.

    `content` is what a store in memory begins with (`bot.adapters.database.upgrading.empty_store`).
    """
    url = parse_url(text)
    sqlite_url = url.get_backend_name() == "sqlite"
    engine = _sqlite(url, limits, content) if sqlite_url else _postgresql(url, limits)
    return Database(engine, clock=clock, limits=limits)


def _sqlite(url: URL, limits: StoreLimits, content: bytes) -> AsyncEngine:
    folder = Path(url.database or ".").parent
    if not folder.is_dir():
        raise Permanent(f"the folder of the database does not exist: {folder}")
    engine = create_async_engine(
        url,
        async_creator=connector(
            url, timeout=limits.lock.total_seconds(), own_thread=limits.own_thread, content=content
        ),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=limits.lock.total_seconds(),
    )
    milliseconds = int(limits.lock.total_seconds() * 1_000)

    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={milliseconds}", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        _use_wal(cursor)
        cursor.close()

    def take_the_write_lock(connection: Any) -> None:
        # Said to the driver's connection itself: a statement would cost as much as any other.
        connection.connection.driver_connection.begin_due = True

    if content:
        engine.update_execution_options(compiled_cache=IN_MEMORY)
    event.listen(engine.sync_engine, "connect", set_up)
    event.listen(engine.sync_engine, "begin", take_the_write_lock)
    return engine


def _use_wal(cursor: Any) -> None:
    """Switch a new file to its write-ahead log; beside another who does that it fails at once, so wait."""
    for left in reversed(range(_WAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if not left:
                raise
            # Unlike the switch, this waits for the other's lock.
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("COMMIT")
        else:
            return


def _postgresql(url: URL, limits: StoreLimits) -> AsyncEngine:
    settings = {
        "application_name": "lightship",
        "statement_timeout": str(int(limits.statement.total_seconds() * 1_000)),
        "lock_timeout": str(int(limits.lock.total_seconds() * 1_000)),
        "idle_in_transaction_session_timeout": str(int(limits.statement.total_seconds() * 3_000)),
    }
    if url.drivername == "postgresql+psycopg":
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        connect_args: dict[str, Any] = {
            "connect_timeout": int(limits.connect.total_seconds()),
            "options": options,
        }
    else:
        connect_args = {
            "timeout": limits.connect.total_seconds(),
            # A little more than the server's own limit: this one ends the wait for a server that is frozen.
            "command_timeout": limits.statement.total_seconds() * 1.2,
            "server_settings": settings,
        }
    return create_async_engine(
        url,
        connect_args=connect_args,
        pool_size=limits.pool,
        max_overflow=0,
        pool_timeout=limits.connect.total_seconds(),
        pool_pre_ping=True,
    )
