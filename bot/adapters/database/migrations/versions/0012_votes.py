"""How many people must agree to a request, and how many do: the store itself refuses a grant with fewer.

An older replica writes neither column, so that it cannot grant what two people have to agree to. The rows that
it adds itself need none, as before. Expand only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_ENOUGH = "state <> 'granted' OR agreed >= needed"


def upgrade() -> None:
    op.add_column("approvals", sa.Column("needed", sa.Integer, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("approvals", sa.Column("agreed", sa.Integer, nullable=False, server_default="0"))
        op.create_check_constraint("approvals_enough", "approvals", _ENOUGH)
        return
    # SQLite takes a constraint with a new column alone.
    op.execute(
        "ALTER TABLE approvals ADD COLUMN agreed INTEGER NOT NULL DEFAULT 0"
        f" CONSTRAINT approvals_enough CHECK ({_ENOUGH})"
    )
