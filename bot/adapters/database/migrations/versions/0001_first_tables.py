"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", INSTANT),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "incidents",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("incidents_by_key", "incidents", ["key_hash", "id"])
    op.create_index("incidents_by_state", "incidents", ["state", "service", "severity", "opened_at"])
    op.create_table(
        "messages",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("thread_of", sa.Text, sa.ForeignKey("messages.id")),
        sa.Column("incident_id", NUMBER, sa.ForeignKey("incidents.id")),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("desired_revision", sa.Integer, nullable=False),
        sa.Column("posted_revision", sa.Integer, nullable=False),
        sa.Column("ts", sa.Text),
        sa.Column("intent_at", INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", INSTANT),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_since", INSTANT),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", INSTANT),
        sa.UniqueConstraint("kind", "subject", name="messages_by_subject"),
    )
    op.create_index("messages_by_ts", "messages", ["channel", "ts"])
    dirty = sa.text("posted_revision < desired_revision")
    op.create_index(
        "messages_due", "messages", ["channel", "urgency"], sqlite_where=dirty, postgresql_where=dirty
    )
    op.create_table(
        "slots",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("held_until", INSTANT, nullable=False),
        sa.Column("busy_with", sa.Text),
        sa.Column("busy_by", sa.Text),
        sa.Column("busy_until", INSTANT, nullable=False),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident_id", NUMBER, sa.ForeignKey("incidents.id")),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("approvals_by_state", "approvals", ["state", "service"])
    op.create_table(
        "executions",
        sa.Column("approval_id", sa.Text, sa.ForeignKey("approvals.id"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", INSTANT),
    )
    op.create_index("executions_by_state", "executions", ["state"])
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("incident_id", NUMBER, sa.ForeignKey("incidents.id")),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_incident", "events", ["incident_id", "seq"])
    op.create_table(
        "findings",
        sa.Column("incident_id", NUMBER, sa.ForeignKey("incidents.id"), primary_key=True, autoincrement=False),
        sa.Column("check_name", sa.Text, primary_key=True),
        sa.Column("reserved_at", INSTANT),
        sa.Column("body", sa.Text),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "ticks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("fire_time", INSTANT, primary_key=True),
    )
