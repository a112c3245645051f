"""A store that an earlier version made goes on with this one, and what it holds stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from bot.adapters import database as package
from bot.adapters.database import open_store
from bot.adapters.database.engine import StoreLimits
from bot.adapters.database.opening import make_database
from bot.domain.actors import user
from bot.domain.approvals import Vote
from bot.domain.errors import Permanent
from bot.domain.messages import MessageKind
from bot.testing import START, FrozenClock
from tests.making import make_approval

if TYPE_CHECKING:
    from sqlalchemy import Connection

INCIDENT = "INSERT INTO incidents VALUES (1, 'k', 'churn', 'triggered', 3, :at, 1, '{}')"
MESSAGE = (
    "INSERT INTO messages (id, kind, subject, channel, incident_id, urgency, desired_revision,"
    " posted_revision, attempts, last_error, created_at, due_since)"
    " VALUES ('m', 'incident', '1', 'C', 1, 3, 1, 0, 0, '', :at, :at)"
)


def to_first(connection: Connection) -> None:
    """Make the tables of the first version."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "0001")


async def test_messages_of_the_first_version_are_known_to_the_fallback(url: str) -> None:
    """The columns that it lacked are empty, which means that nobody was told."""
    clock = FrozenClock()
    old = make_database(url, clock=clock, limits=StoreLimits())
    at: object = START if old.postgres else int(START.timestamp() * 1_000_000)
    async with old.connection() as raw:
        await raw.run_sync(to_first)
        for statement in (INCIDENT, MESSAGE):
            await raw.execute(text(statement), {"at": at})
    await old.dispose()
    async with open_store(url, clock=clock) as store, store.transaction() as tx:
        message = await tx.messages.find(MessageKind.INCIDENT, "1")
        assert message is not None
        given = await tx.fallbacks.claim(
            due_before=max(tx.now, START), until=tx.now + timedelta(minutes=1), limit=5
        )
    assert [one.message.id for one in given] == ["m"]


async def test_the_table_itself_refuses_a_grant_with_too_few_votes(url: str) -> None:
    """What an older replica writes leaves the votes as they are; with enough of them it is taken."""
    approval = replace(make_approval(), needed=2)
    granted = text("UPDATE approvals SET state = 'granted' WHERE id = :id").bindparams(id=approval.id)
    async with open_store(url, clock=FrozenClock()) as store:
        async with store.transaction() as tx:
            await tx.approvals.add(approval)
        with pytest.raises(Permanent):
            async with store._database.begin() as link:
                await link.run(granted)
        agreed = replace(approval, votes=(vote("U0BOB"), vote("U0CAROL")), revision=approval.revision + 1)
        async with store.transaction() as tx:
            assert await tx.approvals.replace(agreed)
        async with store._database.begin() as link:
            await link.run(granted)


def vote(who: str) -> Vote:
    """Somebody's yes."""
    return Vote(by=user(who), at=START)
