"""A backup taken while the bot writes is a whole store, as docs/operations.md says to take it."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

from bot.adapters.database import open_store
from bot.domain.actors import user
from bot.domain.events import Event, EventKind
from bot.engines.auditing import verify_audit
from bot.testing import START
from tests.making import make_incident, make_key

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bot.adapters.database import SqlStore
    from tests.e2e.servers.postgres import Postgres
    from tests.store.conftest import World

WRITES = 60


async def keep_writing(store: SqlStore) -> None:
    """Incidents with an audited event each, one a transaction."""
    for number in range(WRITES):
        async with store.transaction() as tx:
            made = await tx.incidents.save(make_incident(key=make_key(f"g{number}")))
            event = Event(
                id=f"e-{number}",
                at=START,
                kind=EventKind.REMEDIATION_REQUESTED,
                actor=user("U0ALICE"),
                service="churn",
                incident_id=made.id,
            )
            await tx.events.add(event)


def copied(source: Path, target: Path) -> None:
    """What `sqlite3 lightship.db ".backup copy.db"` does."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=5)


def dumped(server: Postgres, source: str, target: str) -> None:
    """`pg_dump` into `psql`."""
    dump = [server.binary("pg_dump"), "--no-owner", source.replace("+asyncpg", "")]
    text = subprocess.run(dump, capture_output=True, check=True, timeout=120).stdout
    restore = [server.binary("psql"), "-q", "-v", "ON_ERROR_STOP=1", target.replace("+asyncpg", "")]
    subprocess.run(restore, input=text, capture_output=True, check=True, timeout=120)


async def test_a_backup_under_writes_is_whole(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its incidents, events and audit fit together, and a bot goes on from it."""
    writing = asyncio.create_task(keep_writing(world.store))
    await asyncio.sleep(0)  # the first write is under way
    if world.has_own_clock:
        server: Postgres = request.getfixturevalue("postgres_server")
        copy = server.create_database()
        await asyncio.to_thread(dumped, server, world.url, copy)
    else:
        copy = f"sqlite+aiosqlite:///{tmp_path}/copy.db"
        await asyncio.to_thread(copied, tmp_path / "lightship.db", tmp_path / "copy.db")
    await writing
    async with open_store(copy, clock=world.clock) as store:
        async with store.transaction() as tx:
            incidents = await tx.incidents.recent(limit=WRITES)
            entries = await tx.audit.entries(after=0, limit=WRITES)
        assert len(entries) == len(incidents)
        assert all(recorded == entry.body for entry, recorded in entries)
        assert not (await verify_audit(store)).faults
        await keep_writing_one_more(store)


async def keep_writing_one_more(store: SqlStore) -> None:
    """The copy is a store like any other."""
    async with store.transaction() as tx:
        before = len(await tx.incidents.recent(limit=2 * WRITES))
        await tx.incidents.save(make_incident(key=make_key("after the restore")))
        assert len(await tx.incidents.recent(limit=2 * WRITES)) == before + 1
