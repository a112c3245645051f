"""`lightship db`: the store's tables."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from bot.adapters.clock import SystemClock
from bot.cli.options import show_faults, unused_config_option
from bot.cli.progress import waiting
from bot.domain.errors import LightshipError
from bot.settings import read_environment


@click.group(epilog="\b\nExample:\n  lightship db upgrade")
def db() -> None:
    """The store's tables."""


@db.command(epilog="\b\nExample:\n  lightship db upgrade")
@unused_config_option
def upgrade() -> None:
    """Bring the tables of LIGHTSHIP_DATABASE_URL to this version; safe beside running replicas."""
    from bot.adapters.database import upgrade as upgrade_store  # noqa: PLC0415 - `--help` needs no database

    environment, faults = read_environment(os.environ)
    if faults:
        show_faults(faults)
        sys.exit(1)
    try:
        with waiting("Migrating the store"):
            revision = asyncio.run(
                upgrade_store(environment.database_url.get_secret_value(), clock=SystemClock())
            )
    except LightshipError as error:
        click.echo(f"lightship db upgrade: {error}", err=True)
        sys.exit(1)
    click.echo(f"The store is at revision {revision}.")
