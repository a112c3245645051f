"""What a store that is locked, gone, full, misconfigured or too new says; and that it says no secret."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bot.adapters.database import StoreLimits, connect, empty_store, open_store, upgrade, upgrading
from bot.adapters.database.opening import make_database, parse_url
from bot.adapters.database.tables import METADATA
from bot.domain.actors import LIGHTSHIP
from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.domain.events import Event, EventKind
from bot.domain.messages import Lease, MessageKind
from bot.domain.remedies import Execution, ExecutionState
from bot.telemetry import REGISTRY
from bot.testing import START, FrozenClock
from tests.making import make_approval, make_delivery, make_incident

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from bot.adapters.database import SqlStore
    from tests.e2e.servers.postgres import Postgres
    from tests.store.conftest import World

SHORT = StoreLimits(lock=timedelta(seconds=0.2))
"""Waits for a lock, which tests hold; a connection and a statement may take long on a busy machine."""
FULL = (
    "CREATE TRIGGER full_disk BEFORE INSERT ON heartbeats "
    "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
)


async def test_migrations_make_the_tables_that_the_code_names(world: World) -> None:
    """The migrated tables and the described ones do not differ, and the newest revision is known."""
    database = make_database(world.url, clock=world.clock, limits=SHORT)

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), METADATA)

    async with database.connection() as raw:
        assert await raw.run_sync(differences) == []
    await database.dispose()
    folder = upgrading.__file__.replace("upgrading.py", "migrations")
    heads = ScriptDirectory(folder).get_heads()
    assert heads == [upgrading.REVISIONS[-1]]


async def test_a_store_that_was_never_migrated_is_like_one_that_was(tmp_path: Path) -> None:
    """What stores in memory begin with has the tables, indexes and rows that the migrations make."""
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    made.write_bytes(empty_store())
    await upgrade(f"sqlite+aiosqlite:///{migrated}", clock=FrozenClock())
    assert content_of(made) == content_of(migrated)


def content_of(file: Path) -> dict[str, object]:
    """Everything in a SQLite file but the order of its making."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            made = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
            indexes = [row[1:] for row in connection.execute(f"PRAGMA index_list({name})")]
            found[name] = (
                connection.execute(f"PRAGMA table_info({name})").fetchall(),
                sorted((*row, *connection.execute(f"PRAGMA index_info({row[0]})")) for row in indexes),
                sorted(row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({name})")),
                sorted(re.findall(r"CHECK \((.*?)\)", made)),
                "AUTOINCREMENT" in made,
                connection.execute(f"SELECT * FROM {name}").fetchall(),  # noqa: S608 - SQLite's own names
            )
            for row in indexes:
                query = "SELECT sql FROM sqlite_master WHERE name = ?"
                ((words,),) = connection.execute(query, (row[0],)).fetchall()
                found[row[0]] = words and " ".join(words.split())
    return found


async def test_replicas_that_start_at_once_migrate_once(url: str) -> None:
    """Several upgrades at the same moment all succeed."""
    done = await asyncio.gather(*(upgrade(url, clock=FrozenClock()) for _ in range(4)))
    assert done == [upgrading.REVISIONS[-1]] * 4


async def made_by_a_newer_version(world: World, *, serving: str) -> None:
    """Tables at a revision that this version does not know, for versions from `serving` on."""
    database = make_database(world.url, clock=world.clock, limits=SHORT)
    async with database.connection() as raw:
        await raw.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await raw.execute(text("UPDATE serving SET oldest = :oldest"), {"oldest": serving})
    await database.dispose()


async def test_a_store_that_a_newer_version_contracted_is_refused(world: World) -> None:
    """Where something was taken away that this version needs, it stops with all revisions in the text."""
    await made_by_a_newer_version(world, serving="9998")
    with pytest.raises(Permanent, match=r"revision 9999, .* for versions from 9998 on; .* up to 0"):
        await upgrade(world.url, clock=world.clock)


async def test_a_store_that_a_newer_version_expanded_is_taken(world: World) -> None:
    """A replica that is started again in the middle of a rolling upgrade, or rolled back to, goes on."""
    await made_by_a_newer_version(world, serving=upgrading.REVISIONS[-1])
    assert await upgrade(world.url, clock=world.clock) == "9999"
    async with open_store(world.url, clock=world.clock) as store, store.transaction() as tx:
        await tx.heartbeats.beat("here", tx.now)
        assert await tx.heartbeats.last("here") == tx.now


async def test_a_locked_sqlite_store_is_temporary(tmp_path: Path) -> None:
    """Another process that holds the write lock makes a transaction fail in time."""
    url = f"sqlite+aiosqlite:///{tmp_path}/lightship.db"
    async with open_store(url, clock=FrozenClock(), limits=SHORT) as store:
        other = sqlite3.connect(tmp_path / "lightship.db")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Temporary, match="busy"):
            await store.ping()
        other.rollback()
        other.close()
        await store.ping()


async def test_sqlite_syncs_every_commit_and_keeps_foreign_keys(world: World) -> None:
    """The settings that durability rests on are in force."""
    if world.has_own_clock:
        return
    database = make_database(world.url, clock=world.clock, limits=SHORT)
    async with database.connection() as raw:
        values = [
            (await raw.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await database.dispose()
    assert values == ["wal", 2, 1, 200]


async def test_a_full_disk_is_permanent(tmp_path: Path) -> None:
    """SQLite's own limit of pages stands for a full disk; what was committed stays."""
    url = f"sqlite+aiosqlite:///{tmp_path}/lightship.db"
    async with open_store(url, clock=FrozenClock(), limits=SHORT) as store:
        async with store._database.connection() as raw:
            await raw.execute(text("PRAGMA max_page_count = 1"))
        with pytest.raises(Permanent, match="full"):
            await _fill(store)
        async with store.transaction() as tx:
            assert (await tx.deliveries.backlog()).waiting == 0


async def test_a_store_that_keeps_nothing_is_not_alive(tmp_path: Path) -> None:
    """SQLite reads and locks on a full disk as on any other; who takes alerts has to know."""
    url = f"sqlite+aiosqlite:///{tmp_path}/lightship.db"
    async with open_store(url, clock=FrozenClock(), limits=SHORT) as store:
        await store.ping(writing=True)
        async with store._database.connection() as raw:
            await raw.execute(text(FULL))
        await store.ping()
        with pytest.raises(Permanent, match="full"):
            await store.ping(writing=True)


async def _fill(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.deliveries.add([make_delivery() for _ in range(500)])


async def test_a_file_that_was_removed_or_replaced_takes_nothing(tmp_path: Path) -> None:
    """SQLite itself would go on in the removed one, and what it kept would be gone with the process."""
    file, elsewhere = tmp_path / "lightship.db", tmp_path / "elsewhere"
    async with open_store(f"sqlite+aiosqlite:///{file}", clock=FrozenClock()) as store:
        await store.keep([make_delivery()])
        file.rename(elsewhere)
        for words in ("removed", "replaced"):
            with pytest.raises(Temporary, match=words):
                await store.keep([make_delivery()])
            with pytest.raises(Temporary, match=words):
                await store.ping()
            with pytest.raises(Temporary, match=words):
                await _fill(store)
            file.touch()
        elsewhere.rename(file)
        await store.ping()
        await store.keep([make_delivery()])


async def test_a_folder_that_is_missing_says_so(tmp_path: Path) -> None:
    """SQLite cannot open a file in a folder that is not there."""
    with pytest.raises(LightshipError, match="folder of the database does not exist"):
        await upgrade(f"sqlite+aiosqlite:///{tmp_path}/none/lightship.db", clock=FrozenClock())


async def test_a_server_that_is_gone_is_temporary_and_no_password_shows() -> None:
    """Nobody listens there: try later; neither the text nor its causes repeat the password."""
    store = connect(
        "postgresql+asyncpg://me:hunter2@127.0.0.1:9/lightship", clock=FrozenClock(), limits=SHORT
    )
    with pytest.raises(Temporary) as caught:
        await store.ping()
    await store.close()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("text_", "words"),
    [
        ("mysql://me:hunter2@host/db", "not supported"),
        ("hunter2", "cannot be read"),
        ("postgresql+asyncpg://me:hunter2@host:port/db", "cannot be read"),
    ],
)
def test_an_url_that_cannot_be_used_is_refused_without_its_secret(text_: str, words: str) -> None:
    """The sentence says what to write and repeats nothing of the URL."""
    with pytest.raises(Permanent, match=words) as caught:
        parse_url(text_)
    assert "hunter2" not in str(caught.value)


def test_urls_without_a_driver_get_ours() -> None:
    """`postgresql://` and `sqlite://`, as other tools write them, are understood."""
    assert parse_url("postgresql://h/d").drivername == "postgresql+asyncpg"
    assert parse_url("postgresql+psycopg://h/d").drivername == (
        "postgresql+psycopg" if find_spec("psycopg") else "postgresql+asyncpg"
    )
    assert parse_url("sqlite:///x.db").drivername == "sqlite+aiosqlite"


async def test_a_cancelled_transaction_leaves_the_store_usable(world: World) -> None:
    """Cancelling somebody in the middle rolls back and blocks nobody."""
    entered = asyncio.Event()

    async def linger() -> None:
        async with world.store.transaction() as tx:
            await tx.deliveries.add([make_delivery()])
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(linger())
    await entered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with world.store.transaction() as tx:
        assert (await tx.deliveries.backlog()).waiting == 0


async def test_a_delivery_that_cannot_be_read_holds_up_no_other(world: World) -> None:
    """A broken row in the ledger is set aside and stays visible; the next ones are taken."""
    broken, sound = make_delivery(), make_delivery()
    async with world.store.transaction() as tx:
        await tx.deliveries.add([broken, sound])
    async with world.store._database.connection() as raw:
        await raw.execute(text("UPDATE deliveries SET body = '{' WHERE id = :id"), {"id": broken.id})
    async with world.store.transaction() as tx:
        assert [one.id for one in await tx.deliveries.take(limit=5)] == [sound.id]
        assert (await tx.deliveries.backlog()).failing == 1


async def test_what_a_newer_version_wrote_holds_up_nothing_else(world: World) -> None:
    """After a roll-back its rows are passed over and counted; what can be read goes on."""
    newer, known = make_approval(), make_approval()
    before = _unreadable()
    async with world.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        for approval in (newer, known):
            await tx.approvals.add(approval)
            assert await tx.executions.add(
                Execution(
                    approval_id=approval.id, state=ExecutionState.INTENDED, started_at=START, updated_at=START
                )
            )
            await tx.events.add(
                Event(
                    id=f"e-{approval.id}",
                    at=START,
                    kind=EventKind.OPENED,
                    service="churn",
                    incident_id=incident.id,
                    actor=LIGHTSHIP,
                )
            )
    async with world.store._database.connection() as raw:
        for table, column, was, becomes in (
            ("approvals", "id", "scale", "teleport"),
            ("executions", "approval_id", "intended", "dreamt"),
            ("events", "id", "opened", "dreamt"),
        ):
            change = f"UPDATE {table} SET body = replace(body, :was, :becomes) WHERE {column} LIKE :id"  # noqa: S608 - ours
            await raw.execute(text(change), {"was": was, "becomes": becomes, "id": f"%{newer.id}"})
    async with world.store.transaction() as tx:
        assert [one.id for one in await tx.approvals.requested()] == [known.id]
        lease = Lease(owner="first", duration=timedelta(minutes=1))
        assert [one.approval_id for one in await tx.executions.claim(lease, limit=5)] == [known.id]
        assert [one.id for one in await tx.events.of_incident(incident.id)] == [f"e-{known.id}"]
    assert _unreadable() - before == 3


def _unreadable() -> float:
    """How many rows were passed over."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "lightship_store_unreadable_rows_total"
    )


async def test_listeners_hear_of_due_messages_after_the_commit(world: World) -> None:
    """The publisher is woken by a commit that made a message due, and by no other."""
    rung: list[str] = []
    world.store.on_due(lambda: rung.append("rung"))
    async with world.store.transaction() as tx:
        await tx.messages.backlog()
    assert rung == []
    async with world.store.transaction() as tx:
        await tx.messages.touch(MessageKind.NOTICE, "1")
        assert rung == []
    assert rung == ["rung"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.rsplit("/", 1)[0] + "/none", "there is no such database"),
        (lambda url: url.replace("lightship:", "lightship:wrong"), "wrong user or password"),
    ],
)
@pytest.mark.e2e
async def test_a_wrong_name_or_password_needs_somebody(
    postgres_server: Postgres, change: Callable[[str], str], words: str
) -> None:
    """PostgreSQL refuses the connection: trying again does not help, and the text says what is wrong."""
    url = change(postgres_server.create_database())
    with pytest.raises(Permanent, match=words) as caught:
        await upgrade(url, clock=FrozenClock(), limits=SHORT)
    assert "wrong" not in str(caught.value).replace("wrong user", "")


@pytest.mark.e2e
async def test_a_connection_that_was_cut_is_temporary(postgres_server: Postgres) -> None:
    """Cut in the middle of a transaction it fails so that it is tried again; the same store works on."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lightship'"

    async def be_cut_off() -> None:
        async with store.transaction() as tx:
            postgres_server.sql(cut)
            await tx.deliveries.backlog()

    async with open_store(postgres_server.create_database(), clock=FrozenClock(), limits=SHORT) as store:
        with pytest.raises(Temporary):
            await be_cut_off()
        await store.ping()
        postgres_server.sql(cut)
        await store.ping()
