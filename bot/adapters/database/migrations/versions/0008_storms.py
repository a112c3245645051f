"""Storms, and the messages for which their digests stand. Expand only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.adapters.database.instants import Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "storms",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("began_at", Instant, nullable=False),
        sa.Column("closed_at", Instant),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.add_column("messages", sa.Column("digest_of", sa.Text))
    op.add_column("messages", sa.Column("digest_revision", sa.Integer))
    op.create_index("messages_by_digest", "messages", ["digest_of"])
    op.create_index("messages_by_age", "messages", ["kind", "created_at"])
