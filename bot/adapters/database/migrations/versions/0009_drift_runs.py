"""Runs of drift reports, and what the experiment tracker is owed of them. Expand only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.adapters.database.instants import Instant

revision = "0009"
down_revision = "0008"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("drift_reports", sa.Column("run_id", sa.Text))
    op.create_index("drift_reports_by_run", "drift_reports", ["run_id"])
    op.create_table(
        "drift_runs",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("ended_at", Instant),
        sa.Column("score", sa.Float),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("drift_runs_by_service", "drift_runs", ["service", "state", "number"])
    op.create_table(
        "tracked_runs",
        sa.Column("run_id", sa.Text, sa.ForeignKey("drift_runs.id"), primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("tracker_id", sa.Text, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("profile", sa.LargeBinary),
    )
    op.create_index("tracked_runs_due", "tracked_runs", ["due_at"])
