"""What the fallback was told of messages that the chat does not show. Expand only: all may be missing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("messages", sa.Column("fallback_at", INSTANT))
    op.add_column("messages", sa.Column("fallback_retry_at", INSTANT))
    op.add_column("messages", sa.Column("fallback_attempts", sa.Integer))
