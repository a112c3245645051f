"""Files of threads that belong to no incident, and which message shows a drift run. Expand only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("drift_runs", sa.Column("shown_with", sa.Text))
    op.create_index("drift_runs_by_message", "drift_runs", ["shown_with", "number"])
    with op.batch_alter_table("files") as files:
        files.add_column(sa.Column("thread_of", sa.Text))
        files.alter_column("incident_id", existing_type=NUMBER, nullable=True)
