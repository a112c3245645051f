"""SQLite with one trip to its thread for each statement; opened by `opening`, used by `engine`.

aiosqlite makes a trip for the cursor, the statement, its rows and its end each. A trip costs two switches of
threads, and the write lock is held meanwhile: for the merge of one webhook that was eighty trips.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final, Self

from aiosqlite import Connection

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.engine import URL


BEGIN: Final = "BEGIN IMMEDIATE"
"""How a transaction begins: with the write lock, which is taken together with its first statement."""


class _Done:
    """A cursor as SQLAlchemy asks for it: what a statement gave is here when `execute` returns."""

    description: Sequence[Any] | None = None
    rowcount = -1
    lastrowid: int | None = None
    arraysize = 1

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        await self._connection.trip(self._execute, "execute", sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> None:
        await self._connection.trip(self._execute, "executemany", sql, parameters)

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open: the thread has ended it together with the statement."""

    def _execute(self, raw: sqlite3.Connection, how: str, sql: str, parameters: Iterable[Any]) -> None:
        cursor = raw.cursor()
        try:
            getattr(cursor, how)(sql, parameters)
            self._rows = cursor.fetchall() if cursor.description else []
            self.description, self.lastrowid = cursor.description, cursor.lastrowid
            self.rowcount = cursor.rowcount
        finally:
            cursor.close()


class OneTripConnection(Connection):
    """aiosqlite's connection with those cursors; no trip where there is nothing to commit or roll back.

    `begin_due`: a transaction was begun of which SQLite knows nothing yet.
    """

    begin_due = False
    _under_way = 0

    def cursor(self) -> _Done:  # type: ignore[override]  # SQLAlchemy awaits nothing but what _Done has
        """For a statement."""
        return _Done(self)

    async def commit(self) -> None:
        """End the transaction, if there is one."""
        await self._end(sqlite3.Connection.commit)

    async def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        await self._end(sqlite3.Connection.rollback)

    async def trip(self, run: Callable[..., Any], *arguments: Any) -> None:
        """Run that in SQLite's thread, after what is on its way there, in the transaction that is due."""
        begin, self.begin_due = self.begin_due, False

        def there() -> None:
            try:
                if begin:
                    self._conn.execute(BEGIN)
                run(self._conn, *arguments)
            finally:
                self._under_way -= 1

        self._under_way += 1
        # aiosqlite has no public way to run a function in its thread.
        await self._execute(there)  # type: ignore[no-untyped-call]

    async def commit_statement(self, sql: str, parameters: Sequence[Any]) -> None:
        """One statement as a transaction of its own: committed or without effect."""
        await self.trip(sqlite3.Connection.execute, sql, parameters)

    async def _end(self, how: Callable[[sqlite3.Connection], None]) -> None:
        self.begin_due = False
        # Whoever waited for a statement may be gone while it is still on its way and begins a transaction.
        if self._under_way or self._conn.in_transaction:
            await self.trip(how)


class _AtOnce:
    """Stands in for the queue to SQLite's thread, and for the thread: what is put in is done at once."""

    daemon = True

    def start(self) -> None:
        """There is none."""

    def put_nowait(self, item: tuple[Future[Any] | None, Callable[[], Any]]) -> None:
        future, run = item
        try:
            result = run()
        except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


def connector(
    url: URL, *, timeout: float, own_thread: bool = True, content: bytes = b""
) -> Callable[[], OneTripConnection]:
    """What SQLAlchemy calls for a new connection. `timeout` is for locks, in seconds.

    `content` is what a store in memory holds from the beginning, as SQLite serialises it.

    The driver's own transaction handling is off: every transaction begins with the write lock. Without a
    thread of its own, SQLite works in the event loop: for stores in memory and a clock that is virtual.
    """
    (file,), options = url.get_dialect()().create_connect_args(url)
    settings: dict[str, Any] = {**options, "isolation_level": None, "timeout": timeout}

    def opened() -> sqlite3.Connection:
        raw: sqlite3.Connection = sqlite3.connect(file, **settings)
        if content:
            raw.deserialize(content)
        return raw

    def connect() -> OneTripConnection:
        connection = OneTripConnection(opened, iter_chunk_size=64)
        if not own_thread:
            connection._tx = _AtOnce()  # type: ignore[assignment]  # noqa: SLF001 - there is no public way
            connection._thread = _AtOnce()  # type: ignore[assignment]  # noqa: SLF001 - as above
        connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does with those that it makes itself
        return connection

    return connect
