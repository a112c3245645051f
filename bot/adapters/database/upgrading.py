"""Bringing the tables to this version: called at start and by `lightship db upgrade`.

One replica migrates while the others wait: an advisory lock on PostgreSQL, the write lock on SQLite. Alembic
is loaded only where there is something to do.

Migrations expand first and contract a release later, so tables that a newer version made serve the one before
as well: a replica of it that is started again within a rolling upgrade, or after a roll-back, goes on. The
tables themselves say how far back that holds.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    Column,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    insert,
    inspect,
    select,
    text,
)

from bot.adapters.database.engine import StoreLimits
from bot.adapters.database.errors import translated
from bot.adapters.database.opening import make_database
from bot.adapters.database.tables import METADATA, audit_head, serving
from bot.domain.auditing import Head
from bot.domain.errors import Permanent

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.adapters.database.engine import Database
    from bot.ports.clock import Clock

REVISIONS: Final = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
)
"""Every revision of the tables that this version knows, oldest first."""

_OLDEST_SERVED: Final = "0013"
"""What the migrations say of how far back the tables serve."""

_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""

_LOCK: Final = 0x4C69676874736869
_DEFAULTS: Final = StoreLimits()


async def upgrade(url: str, *, clock: Clock, limits: StoreLimits = _DEFAULTS) -> str:
    """Migrate the store at a URL; the revision that it has now.

    Raises Permanent where a newer Lightship has taken away what this one needs, and Temporary where the store
    cannot be reached.
    """
    database = make_database(url, clock=clock, limits=limits)
    try:
        return await upgrade_database(database)
    finally:
        await database.dispose()


async def upgrade_database(database: Database) -> str:
    """As `upgrade`, over connections that are there."""
    async with database.connection() as raw:
        with translated():
            if database.postgres:
                await raw.execute(text("SET LOCAL lock_timeout = '60s'"))
                await raw.execute(text("SET LOCAL statement_timeout = '60s'"))
                await raw.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
            before = await raw.run_sync(_revision)
            if before == REVISIONS[-1]:
                return before
            if before and before not in REVISIONS:
                oldest = await raw.run_sync(_oldest)
                if oldest in REVISIONS:
                    return before
                raise Permanent(
                    f"the store's tables are at revision {before}, which a newer Lightship made for versions "
                    f"from {oldest or before} on; this one knows them up to {REVISIONS[-1]}. "
                    "Start a newer version."
                )
            await raw.run_sync(_migrate)
    return REVISIONS[-1]


@cache
def empty_store() -> bytes:
    """An empty SQLite store as SQLite serialises it, without the half second that all migrations take.

    A test holds its tables and rows against those that the migrations make.
    """
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            METADATA.create_all(connection)
            _VERSION.create(connection)
            connection.execute(insert(_VERSION).values(version_num=REVISIONS[-1]))
            connection.execute(insert(audit_head).values(id=1, number=Head().number, hash=Head().hash))
            connection.execute(insert(serving).values(id=1, oldest=_OLDEST_SERVED))
            connection.commit()
            content: bytes = connection.connection.driver_connection.serialize()  # type: ignore[union-attr]
    finally:
        engine.dispose()
    return content


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _oldest(connection: Connection) -> str:
    """The oldest revision whose code the tables serve; empty where they do not say."""
    if not inspect(connection).has_table(serving.name):
        return ""
    return str(connection.execute(select(serving.c.oldest)).scalar() or "")


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - half a second that a start without migrations need not pay
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
