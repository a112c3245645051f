"""The tables, as the queries of this package name them. Migrations make them; these must describe the result.

What is searched by has a column of its own; the rest of a value is one JSON text in `body`. Texts from
outside stand in `body` alone, escaped: PostgreSQL keeps no NUL character, and no long label in an index.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.adapters.database.instants import Instant

METADATA: Final = MetaData()
_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")

deliveries: Final = Table(
    "deliveries",
    METADATA,
    Column("seq", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("received_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("last_error", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)

incidents: Final = Table(
    "incidents",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("key_hash", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("incidents_by_key", "key_hash", "id"),
    Index("incidents_by_state", "state", "service", "severity", "opened_at"),
    sqlite_autoincrement=True,
)

messages: Final = Table(
    "messages",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("thread_of", Text, ForeignKey("messages.id")),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id")),
    Column("urgency", Integer, nullable=False),
    Column("desired_revision", Integer, nullable=False),
    Column("posted_revision", Integer, nullable=False),
    Column("ts", Text),
    Column("intent_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("last_error", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_since", Instant),
    Column("claimed_by", Text),
    Column("claimed_until", Instant),
    Column("fallback_at", Instant),
    Column("fallback_retry_at", Instant),
    Column("fallback_attempts", Integer),
    Column("digest_of", Text),
    Column("digest_revision", Integer),
    UniqueConstraint("kind", "subject", name="messages_by_subject"),
    Index("messages_by_ts", "channel", "ts"),
    Index("messages_by_digest", "digest_of"),
    Index("messages_by_age", "kind", "created_at"),
)
Index(
    "messages_due",
    messages.c.channel,
    messages.c.urgency,
    sqlite_where=messages.c.posted_revision < messages.c.desired_revision,
    postgresql_where=messages.c.posted_revision < messages.c.desired_revision,
)

storms: Final = Table(
    "storms",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("body", Text, nullable=False),
)

slots: Final = Table(
    "slots",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("next_at", Instant, nullable=False),
    Column("held_until", Instant, nullable=False),
    Column("busy_with", Text),
    Column("busy_by", Text),
    Column("busy_until", Instant, nullable=False),
)

approvals: Final = Table(
    "approvals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id")),
    Column("service", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("needed", Integer, nullable=False, server_default="0"),
    Column("agreed", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("state <> 'granted' OR agreed >= needed", name="approvals_enough"),
    Index("approvals_by_state", "state", "service"),
)

executions: Final = Table(
    "executions",
    METADATA,
    Column("approval_id", Text, ForeignKey("approvals.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", Instant),
    Index("executions_by_state", "state"),
)

events: Final = Table(
    "events",
    METADATA,
    Column("seq", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id")),
    Column("body", Text, nullable=False),
    Index("events_by_incident", "incident_id", "seq"),
    sqlite_autoincrement=True,
)

audit: Final = Table(
    "audit",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("mac", Text, nullable=False),
)

audit_head: Final = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", _NUMBER, nullable=False),
    Column("hash", Text, nullable=False),
)

freezes: Final = Table(
    "freezes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

files: Final = Table(
    "files",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id")),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("alt_text", Text, nullable=False),
    Column("picture", Text),
    Column("content", LargeBinary),
    Column("remote_id", Text, nullable=False),
    Column("draw_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("thread_of", Text),
)
Index(
    "files_to_draw",
    files.c.draw_at,
    sqlite_where=files.c.draw_at.is_not(None),
    postgresql_where=files.c.draw_at.is_not(None),
)

drift_reports: Final = Table(
    "drift_reports",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("service", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("run_id", Text),
    Index("drift_reports_by_service", "service", "number"),
    Index("drift_reports_by_run", "run_id"),
    sqlite_autoincrement=True,
)

drift_runs: Final = Table(
    "drift_runs",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("service", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("score", Float),
    Column("body", Text, nullable=False),
    Column("shown_with", Text),
    Index("drift_runs_by_service", "service", "state", "number"),
    Index("drift_runs_by_message", "shown_with", "number"),
    sqlite_autoincrement=True,
)

tracked_runs: Final = Table(
    "tracked_runs",
    METADATA,
    Column("run_id", Text, ForeignKey("drift_runs.id"), primary_key=True),
    Column("service", Text, nullable=False),
    Column("tracker_id", Text, nullable=False),
    Column("due_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("profile", LargeBinary),
    Index("tracked_runs_due", "due_at"),
)

drills: Final = Table(
    "drills",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
)

verifications: Final = Table(
    "verifications",
    METADATA,
    Column("approval_id", Text, ForeignKey("approvals.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("verifications_by_state", "state", "due_at"),
)

findings: Final = Table(
    "findings",
    METADATA,
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), primary_key=True, autoincrement=False),
    Column("check_name", Text, primary_key=True),
    Column("reserved_at", Instant),
    Column("body", Text),
)

escalations: Final = Table(
    "escalations",
    METADATA,
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), primary_key=True, autoincrement=False),
    Column("rule", Text, primary_key=True),
    Column("body", Text, nullable=False),
)

serving: Final = Table(
    "serving",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("oldest", Text, nullable=False),
)

heartbeats: Final = Table(
    "heartbeats",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)

ticks: Final = Table(
    "ticks",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("fire_time", Instant, primary_key=True),
)
