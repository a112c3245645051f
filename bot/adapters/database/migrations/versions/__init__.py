"""Alembic's files; `bot.adapters.database.upgrading` runs them."""
