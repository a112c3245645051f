"""Alembic's entry: migrates on the connection that `upgrading` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from bot.adapters.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
