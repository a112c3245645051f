"""Files on their way into threads, and drift reports. Expand only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.adapters.database.instants import Instant

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident_id", NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("alt_text", sa.Text, nullable=False),
        sa.Column("picture", sa.Text),
        sa.Column("content", sa.LargeBinary),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("draw_at", Instant),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index(
        "files_to_draw",
        "files",
        ["draw_at"],
        sqlite_where=sa.text("draw_at IS NOT NULL"),
        postgresql_where=sa.text("draw_at IS NOT NULL"),
    )
    op.create_table(
        "drift_reports",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("drift_reports_by_service", "drift_reports", ["service", "number"])
