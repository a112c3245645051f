"""SQLite's one connection while nobody has it out of SQLAlchemy's pool; used by `engine` alone.

Taking a connection out of the pool and putting it back costs as much as committing a few webhooks does.
Whoever has the turn at the writer, and finds the connection at rest, can use the driver's own without either.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from bot.adapters.database.sqlite_driver import OneTripConnection


class AtRest:
    """Listens to the pool of an engine for the connection that is in it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._driver: OneTripConnection | None = None
        for name, hear in (
            ("checkin", self._put_back),
            ("checkout", self._taken),
            ("invalidate", self._taken),
            ("soft_invalidate", self._taken),
            ("close", self._taken),
        ):
            event.listen(engine.sync_engine, name, hear)

    async def driver(self) -> OneTripConnection:
        """The driver's own, for whoever has the turn; made anew where it was lost or is not there yet."""
        if self._driver is not None:
            return self._driver
        raw = await self._engine.connect()
        try:
            found: OneTripConnection | None = (await raw.get_raw_connection()).driver_connection
        finally:
            with suppress(SQLAlchemyError, OSError):
                await asyncio.shield(raw.close())
        if found is None:
            raise ConnectionError("the connection was lost in the same moment")
        return found

    def _put_back(self, connection: Any, _record: object) -> None:
        # The pool holds an adapter around it; None where it was lost on the way.
        self._driver = getattr(connection, "driver_connection", None)

    def _taken(self, *_which: object) -> None:
        self._driver = None
