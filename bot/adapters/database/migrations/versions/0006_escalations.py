"""What is known of escalation rules and reminders, by incident. Expand only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "escalations",
        sa.Column(
            "incident_id", number, sa.ForeignKey("incidents.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
