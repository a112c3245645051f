"""Each migration keeps what is there, and lets the version before it go on working beside the new tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, insert, select
from sqlalchemy.types import DateTime, Float, Integer, LargeBinary

from bot.adapters import database as package
from bot.adapters.database import open_store
from bot.adapters.database.engine import StoreLimits, make_database
from bot.testing import START, FrozenClock

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection

MIGRATIONS = Path(package.__file__).parent / "migrations"
NOT_FOR_WRITING = {"alembic_version"}


def configured(connection: Connection | None = None) -> Config:
    """Alembic's configuration, as the store has it."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


REVISIONS = [
    one.revision for one in reversed(list(ScriptDirectory.from_config(configured()).walk_revisions()))
]


def value_for(column: Column[Any], number: int) -> object:
    """Something that a column takes; keys of one row number fit together."""
    match column.type:
        case DateTime():
            return START
        case Integer() | Float():
            return number
        case LargeBinary():
            return b"x"
        case _:
            return "{}" if column.name == "body" else str(number)


def row_for(table: Table, number: int) -> dict[str, object]:
    """A whole row of a table as it was."""
    return {column.name: value_for(column, number) for column in table.columns}


def tables_of(connection: Connection) -> MetaData:
    """The tables as they are now."""
    found = MetaData()
    found.reflect(connection)
    return found


def fill(connection: Connection, metadata: MetaData, number: int) -> None:
    """One row in every table, parents first."""
    for table in metadata.sorted_tables:
        if table.name not in NOT_FOR_WRITING:
            taken = connection.execute(select(table)).mappings().all()
            row = row_for(table, number)
            keys = [column.name for column in table.primary_key]
            if not any(all(one[key] == row[key] for key in keys) for one in taken):
                connection.execute(insert(table), [row])


def contents(connection: Connection, metadata: MetaData) -> dict[str, list[dict[str, object]]]:
    """All rows, by table, in the columns that `metadata` knows."""
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in metadata.sorted_tables
        if table.name not in NOT_FOR_WRITING
    }


def is_kept(old: dict[str, object], rows: list[dict[str, object]]) -> bool:
    """Whether a row is among them, in the columns that it had."""
    return any(old.items() <= row.items() for row in rows)


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_data_stays_and_the_version_before_goes_on(url: str, revision: str) -> None:
    """After the upgrade every old row is there, and what the old version writes and reads still works."""
    clock = FrozenClock()
    old = make_database(url, clock=clock, limits=StoreLimits())

    def before(connection: Connection) -> tuple[MetaData, dict[str, list[dict[str, object]]]]:
        command.upgrade(configured(connection), revision)
        metadata = tables_of(connection)
        fill(connection, metadata, 1)
        return metadata, contents(connection, metadata)

    async with old.connection() as raw:
        metadata, filled = await raw.run_sync(before)
    assert all(filled.values()), "every table has a row"

    async with open_store(url, clock=clock) as store:
        await store.upgrade()

    def beside(connection: Connection) -> dict[str, list[dict[str, object]]]:
        fill(connection, metadata, 2)
        return contents(connection, metadata)

    async with old.connection() as raw:
        found = await raw.run_sync(beside)
    await old.dispose()
    for table, rows in filled.items():
        assert all(is_kept(row, found[table]) for row in rows), table
        assert len(found[table]) > len(rows), f"the version before can no more write into {table}"
