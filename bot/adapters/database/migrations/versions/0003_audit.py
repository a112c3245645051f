"""The audit's chain. What the record holds already is taken in, and the first entry says that it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from bot.adapters.database.instants import Instant
from bot.domain.actors import ActorKind
from bot.domain.auditing import AUDITED, Head, follow, is_audited
from bot.domain.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEGUN = "audit-begun"
AT_ONCE = 1000


def upgrade() -> None:
    audit = op.create_table(
        "audit",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("mac", sa.Text, nullable=False),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    newest = _take_in(audit)
    op.execute(head.insert().values(id=1, number=newest.number, hash=newest.hash))


def _take_in(audit: sa.Table) -> Head:
    connection, newest = op.get_bind(), Head()
    earlier = list(_earlier(connection))
    if not earlier:
        return newest
    waiting = iter([_begin(connection, len(earlier)), *earlier])
    while some := list(islice(waiting, AT_ONCE)):
        entries = follow(newest, some)
        rows = [
            {
                "number": one.number,
                "event_id": one.event_id,
                "body": one.body,
                "previous": one.previous,
                "hash": one.hash,
                "mac": one.mac,
            }
            for one in entries
        ]
        connection.execute(audit.insert(), rows)
        newest = Head(number=entries[-1].number, hash=entries[-1].hash)
    return newest


def _earlier(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    kinds: sa.BindParameter[list[str]] = sa.bindparam("kinds", sorted(AUDITED), expanding=True)
    query = sa.text("SELECT id, kind, body FROM events WHERE kind IN :kinds ORDER BY seq").bindparams(kinds)
    for row in connection.execute(query):
        by = json.loads(row.body).get("actor", {}).get("kind", "")
        if is_audited(EventKind(row.kind), ActorKind(by)):
            yield row.id, row.body


def _begin(connection: sa.Connection, taken_in: int) -> tuple[str, str]:
    now = datetime.now(tz=UTC)
    content = {
        "id": BEGUN,
        "at": now.isoformat().replace("+00:00", "Z"),
        "kind": EventKind.AUDIT_BEGUN.value,
        "service": "",
        "incident_id": None,
        "actor": {"kind": ActorKind.BOT.value, "id": "lightship", "team": ""},
        "detail": {"taken_in": taken_in},
    }
    body = json.dumps(content, separators=(",", ":"))
    insert = sa.text(
        "INSERT INTO events (id, at, kind, service, incident_id, body)"
        " VALUES (:id, :at, :kind, '', NULL, :body)"
    ).bindparams(sa.bindparam("at", type_=Instant))
    connection.execute(insert, {"id": BEGUN, "at": now, "kind": EventKind.AUDIT_BEGUN.value, "body": body})
    return BEGUN, body
