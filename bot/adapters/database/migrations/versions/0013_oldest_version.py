"""The oldest revision whose code these tables still serve, for versions that do not know the newest one. Expand only.

A migration that takes something away says there which revision's code does without it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    serving = op.create_table(
        "serving",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("oldest", sa.Text, nullable=False),
    )
    op.execute(serving.insert().values(id=1, oldest=revision))
