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


@contextmanager
def translated() -> Iterator[None]:
    """Run statements; what the driver raises leaves as one of our two words."""
    try:
        yield
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise translate(error) from error


def translate(error: Exception) -> LightshipError:
    """Our word for a driver's error."""
    if isinstance(error, (PoolTimeoutError, TimeoutError)):
        return Temporary("the store did not answer in time")
    if isinstance(error, (PendingRollbackError, ResourceClosedError, InterfaceError)):
        return Temporary("the connection to the store was lost")
    if isinstance(error, DBAPIError):
        return _from_driver(error)
    if isinstance(error, OSError):
        return Temporary(f"the store cannot be reached: {error.strerror or type(error).__name__}")
    return Permanent(f"the store failed: {type(error).__name__}")


def _from_driver(error: DBAPIError) -> LightshipError:
    state = sqlstate(error)
    words = _words(error, state)
    if isinstance(error, IntegrityError):
        return Permanent(f"the store refused it: {words}")
    if error.connection_invalidated:
        return Temporary(f"the connection to the store was lost: {words}")
    temporary = _pg_temporary(state) if state else any(word in words for word in _SQLITE_TEMPORARY)
    return Temporary(f"the store is busy: {words}") if temporary else Permanent(f"the store failed: {words}")


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's five characters; empty for SQLite."""
    return str(getattr(error.orig, "sqlstate", "") or "")


def _pg_temporary(state: str) -> bool:
    return state == _PG_LOCKED or (state[:2] in _PG_TEMPORARY and state not in _PG_PERMANENT)


def _words(error: DBAPIError, state: str) -> str:
    # PostgreSQL's messages can quote values, so its code has to do; SQLite's name tables and files at most.
    if state:
        return f"SQLSTATE {state}"
    lines = str(error.orig).splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST]
