"""Transactions on a store that is open (`opening`): one at a time on SQLite, a few at once on PostgreSQL.

The rest of the package works on a `Link`, which hides what differs. SQLite has one writer connection, guarded
by a lock of this process; PostgreSQL has a small pool. Every wait has an end.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bot.adapters.database.errors import translated
from bot.adapters.database.one_connection import AtRest
from bot.adapters.database.one_insert import OneInsert
from bot.adapters.database.turns import Turns
from bot.domain.errors import Temporary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from sqlalchemy import Executable, Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from bot.ports.clock import Clock


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
