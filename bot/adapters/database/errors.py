"""Foreign errors become `Temporary` or `Permanent` here, once: short, no statements, values or secrets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.domain.errors import LightshipError, Permanent, Temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 160
_SQLITE_TEMPORARY: Final = ("locked", "busy", "interrupted")
_PG_TEMPORARY: Final = ("08", "40", "53", "57")
"""Classes of SQLSTATE: connection, transaction rollback, insufficient resources, operator intervention."""
_PG_PERMANENT: Final = frozenset({"53100", "57P04"})
"""The disk is full; the database was dropped."""
_PG_LOCKED: Final = "55P03"
_KNOWN_STATES: Final = {
    "28P01": "wrong user or password (SQLSTATE 28P01)",
    "28000": "this user may not connect (SQLSTATE 28000)",
    "3D000": "there is no such database (SQLSTATE 3D000)",
    "42501": "the user lacks a right (SQLSTATE 42501)",
    "42P01": "the tables are missing; run `lightship db upgrade` (SQLSTATE 42P01)",
    "53100": "its disk is full (SQLSTATE 53100)",
}
_FOREIGN: Final = frozenset({"sqlalchemy", "sqlite3", "aiosqlite", "asyncpg", "psycopg"})


@contextmanager
def translated() -> Iterator[None]:
    """Run statements; what the driver raises leaves as one of our two words."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError | TimeoutError) and _home(error) not in _FOREIGN:
            raise
        raise translate(error) from error


def _home(error: Exception) -> str:
    return type(error).__module__.partition(".")[0]


def translate(error: Exception) -> LightshipError:
    """Our word for a driver's error."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        return _from_wrapped(error, error.orig)
    if isinstance(error, PoolTimeoutError | TimeoutError):
        return Temporary("the store did not answer in time")
    if isinstance(error, OSError):
        return Temporary(f"the store cannot be reached: {error.strerror or type(error).__name__}")
    if isinstance(error, PendingRollbackError | ResourceClosedError):
        return Temporary("the connection to the store was lost")
    if isinstance(error, SQLAlchemyError):
        return Permanent(f"the store failed: {type(error).__name__}")
    return _from_driver(error)


def _from_wrapped(error: DBAPIError, original: Exception) -> LightshipError:
    words = _words(original)
    if isinstance(error, IntegrityError):
        return Permanent(f"the store refused it: {words}")
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return Temporary(f"the connection to the store was lost: {words}")
    return _from_driver(original)


def _from_driver(error: Exception) -> LightshipError:
    state, words = _sqlstate(error), _words(error)
    temporary = _pg_temporary(state) if state else any(word in words for word in _SQLITE_TEMPORARY)
    return Temporary(f"the store is busy: {words}") if temporary else Permanent(f"the store failed: {words}")


def _sqlstate(error: Exception) -> str:
    """PostgreSQL's five characters; empty for SQLite."""
    return str(getattr(error, "sqlstate", "") or "")


def _pg_temporary(state: str) -> bool:
    return state == _PG_LOCKED or (state[:2] in _PG_TEMPORARY and state not in _PG_PERMANENT)


def _words(error: Exception) -> str:
    # PostgreSQL's messages can quote values, so its code has to do; SQLite's name tables and files at most.
    state = _sqlstate(error)
    if state:
        return _KNOWN_STATES.get(state, f"SQLSTATE {state}")
    lines = str(error).splitlines() or [type(error).__name__]
    if lines[0].startswith("no such table"):
        return "the tables are missing; run `lightship db upgrade`"
    return lines[0][:_LONGEST]
