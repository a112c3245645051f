"""Opening a store by its address: which drivers are served, and how SQLite and PostgreSQL are set up.

Called by `store` and `upgrading`; what works on an open one is `engine`.
"""

from __future__ import annotations

import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.adapters.database.compilations import IN_MEMORY
from bot.adapters.database.engine import Database, StoreLimits
from bot.adapters.database.sqlite_driver import connector
from bot.domain.errors import Permanent

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from bot.ports.clock import Clock

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_WAL_TRIES: Final = 20
_SUPPORTED: Final = ("sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg")


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
