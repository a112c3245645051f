"""Each migration keeps what is there, and lets the version before it go on working beside the new tables."""

from __future__ import annotations

import ast
import re
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
from bot.adapters.database.engine import StoreLimits
from bot.adapters.database.opening import make_database
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


EXPANDING = {"create_table", "create_index", "add_column", "execute", "get_bind", "batch_alter_table"}
"""What an older version does not notice. `execute` fills what is new; what it may say is looked at."""
NARROWING = {"create_check_constraint": {"0012"}}
"""The one rule that is meant for older versions: they may not grant with too few votes."""


def calls_of(source: str) -> list[tuple[str, dict[str, str], str]]:
    """Every operation of a migration: its name, its named arguments, and its text."""
    return [
        (
            node.func.attr,
            {word.arg: ast.unparse(word.value) for word in node.keywords if word.arg},
            ast.unparse(node),
        )
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"op", *batches_of(source)}
    ]


def batches_of(source: str) -> set[str]:
    """The names under which a migration changes a table as a whole."""
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.withitem))
    return {ast.unparse(item.optional_vars) for item in found if item.optional_vars is not None}


def contractions(revision: str, source: str) -> list[str]:
    """What a migration does that the version before it could notice."""
    found = []
    for name, given, said in calls_of(source):
        column = said.partition("Column(")[2]
        fits = {
            "add_column": "nullable=False" not in column or "server_default" in column,
            "alter_column": given.get("nullable") == "True" and set(given) <= {"nullable", "existing_type"},
            "execute": not re.search(r"\b(DROP|RENAME|DELETE|SET NOT NULL)\b", said),
        }.get(name, name in EXPANDING or revision in NARROWING.get(name, ()))
        if not fits or given.get("unique") == "True" or (name == "add_column" and "unique=True" in column):
            found.append(said)
    return found


@pytest.mark.parametrize(
    "path", sorted((MIGRATIONS / "versions").glob("0*.py")), ids=lambda path: str(path.stem)
)
def test_a_migration_expands_or_says_which_versions_it_ends(path: Path) -> None:
    """Nothing is dropped, renamed or demanded, unless it sets the oldest version that the tables serve."""
    source, revision = path.read_text("utf-8"), path.name[:4]
    ends = re.search(r"UPDATE serving SET oldest = '(\d{4})'", source)
    if ends is None:
        assert contractions(revision, source) == []
    else:
        assert ends[1] in REVISIONS[: REVISIONS.index(revision) + 1]


@pytest.mark.parametrize(
    "said",
    [
        'op.drop_column("incidents", "body")',
        'op.drop_table("slots")',
        'op.rename_table("slots", "places")',
        'op.alter_column("incidents", "body", new_column_name="content")',
        'op.alter_column("files", "incident_id", nullable=False)',
        'op.add_column("incidents", sa.Column("x", sa.Text, nullable=False))',
        'op.execute("ALTER TABLE slots DROP COLUMN busy_by")',
        'op.create_unique_constraint("one", "incidents", ["key_hash"])',
        'op.create_index("one", "incidents", ["key_hash"], unique=True)',
        'op.create_check_constraint("one", "incidents", "id > 0")',
        'with op.batch_alter_table("files") as files:\n    files.drop_column("name")',
    ],
)
def test_the_rule_sees_what_an_older_version_would_notice(said: str) -> None:
    """Each way to take something away, or to demand what was not demanded."""
    assert contractions("9999", said)


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


def test_the_version_before_the_newest_migration_is_kept() -> None:
    """Its code stands in the tests, which run it beside this version."""
    (kept,) = (Path(__file__).parents[1] / "e2e" / "previous").glob("lightship-*.tar.xz")
    assert kept.name == f"lightship-{REVISIONS[-2]}.tar.xz", "call tests/e2e/previous/keep.sh COMMIT"


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
