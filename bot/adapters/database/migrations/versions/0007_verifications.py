"""What is watched after actions. Expand only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "verifications",
        sa.Column("approval_id", sa.Text, sa.ForeignKey("approvals.id"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("verifications_by_state", "verifications", ["state", "due_at"])
