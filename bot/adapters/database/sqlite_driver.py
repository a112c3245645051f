"""SQLite with one trip to its thread for each statement; used by `engine` alone.

aiosqlite makes a trip for the cursor, the statement, its rows and its end each. A trip costs two switches of
threads, and the write lock is held meanwhile: for the merge of one webhook that was eighty trips.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Self

from aiosqlite import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.engine import URL


class _Done:
    """A cursor as SQLAlchemy asks for it: what a statement gave is here when `execute` returns."""

    description: Sequence[Any] | None = None
    rowcount = -1
    lastrowid: int | None = None
    arraysize = 1

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._rows: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        await self._run(self._execute, "execute", sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> None:
        await self._run(self._execute, "executemany", sql, parameters)

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
    """aiosqlite's connection with those cursors."""

    def cursor(self) -> _Done:  # type: ignore[override]  # SQLAlchemy awaits nothing but what _Done has
        """For a statement."""
        return _Done(self._trip)

    async def _trip(self, run: Callable[..., Any], *arguments: Any) -> Any:
        # aiosqlite has no public way to run a function in its thread.
        return await self._execute(lambda: run(self._conn, *arguments))  # type: ignore[no-untyped-call]


def connector(url: URL, *, timeout: float) -> Callable[[], OneTripConnection]:
    """What SQLAlchemy calls for a new connection. `timeout` is for locks, in seconds.

    The driver's own transaction handling is off: every transaction begins with the write lock.
    """
    (file,), options = url.get_dialect()().create_connect_args(url)
    settings: dict[str, Any] = {**options, "isolation_level": None, "timeout": timeout}

    def connect() -> OneTripConnection:
        connection = OneTripConnection(lambda: sqlite3.connect(file, **settings), iter_chunk_size=64)
        connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does with those that it makes itself
        return connection

    return connect
