"""`lightship test-alert`: a drill, from a synthetic alert to the approval that only dry-runs.

The drill is registered in the store before its alert is sent, which is how the bot knows it again.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final, Never

import click

from bot.cli.drill_arriving import incident_of
from bot.cli.drill_handing import alertmanager_of, announce, hand_over, register, store_of, take_back
from bot.cli.drill_making import Ready, make_drill, read_ready, runbook_names
from bot.cli.drill_sending import Refused, post_to_bot
from bot.cli.options import config_option
from bot.cli.progress import waiting
from bot.domain.drills import LABEL, Drill
from bot.domain.errors import LightshipError

if TYPE_CHECKING:
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.settings import Environment

_MERGED_WITHIN: Final = 10.0
"""Seconds."""


@click.command(
    "test-alert",
    epilog="\b\nExamples:\n  lightship test-alert HighAPILatency\n"
    "  lightship test-alert HighAPILatency --label endpoint=/predict\n"
    "  lightship test-alert HighAPILatency --send\n"
    "  lightship test-alert --end 5f2c61d09b7a",
)
@config_option
@click.argument("runbook", required=False, shell_complete=runbook_names)
@click.option(
    "--label", "labels", multiple=True, metavar="NAME=VALUE", help="One more label, or another value."
)
@click.option("--send", is_flag=True, help="Through Alertmanager, after saying whom else it would reach.")
@click.option("--yes", is_flag=True, help="With --send: do not ask.")
@click.option("--end", metavar="ID", help="Resolve the alert of that drill.")
@click.option("--url", metavar="URL", help="The bot's address; its own listen address when not given.")
def test_alert(  # noqa: PLR0917 - click hands them over by name
    config: Path,
    runbook: str | None,
    labels: tuple[str, ...],
    send: bool,
    yes: bool,
    end: str | None,
    url: str | None,
) -> None:
    """Send a synthetic alert for a runbook, as a drill.

    Every message says that it is a drill, and what is approved in it is only dry-run. The drill is registered
    in the store of LIGHTSHIP_DATABASE_URL, the running bot's: no label makes an alert a drill.
    """
    if (runbook is None) == (end is None):
        raise click.UsageError("name a runbook, or --end with the id of a drill")
    ready = read_ready(config)
    address = (url or _own_address(ready.environment)).rstrip("/")
    try:
        if end is not None:
            asyncio.run(_end(ready, end, address))
        else:
            drill = make_drill(ready, runbook or "", _pairs(labels), through_alertmanager=send)
            asyncio.run(_begin(ready, drill, address, ask=not yes))
    except (LightshipError, Refused) as error:
        _stop(str(error))


async def _begin(ready: Ready, drill: Drill, address: str, *, ask: bool) -> None:
    """Register it, send it, and say what came of it."""
    store = store_of(ready.environment)
    try:
        if drill.through_alertmanager:
            async with alertmanager_of(ready.environment) as client:
                await announce(client, drill, ask=ask)
                with waiting("Handing the alert to Alertmanager"):
                    await hand_over(client, store, drill)
            click.echo(
                f"Drill {drill.id} is with Alertmanager, which sends it after the group_wait of its route."
            )
        else:
            await register(store, drill)
            await post_to_bot(drill, address=address, environment=ready.environment, ended_at=None)
            await _tell_incident(store, drill)
    finally:
        await store.close()
    click.echo(f"End it with: lightship test-alert --end {drill.id}")


async def _end(ready: Ready, drill_id: str, address: str) -> None:
    store = store_of(ready.environment)
    try:
        await store.upgrade()
        async with store.transaction() as tx:
            drill, now = await tx.drills.get(drill_id), tx.now
    finally:
        await store.close()
    if drill is None:
        raise Refused(f"there is no drill `{drill_id[:60]}` in the store")
    if drill.through_alertmanager:
        async with alertmanager_of(ready.environment) as client:
            await take_back(client, drill, now=now)
    else:
        await post_to_bot(drill, address=address, environment=ready.environment, ended_at=now)
    click.echo(f"Drill {drill.id} ends.")


async def _tell_incident(store: SqlStore, drill: Drill) -> None:
    """Which incident became of it; the bot merges within a moment."""
    with waiting("Waiting for the incident"):
        incident = await incident_of(store, drill, within=_MERGED_WITHIN)
    if incident is None:
        raise Refused(
            "the bot took the alert, and no incident came of it here: is LIGHTSHIP_DATABASE_URL the bot's?"
        )
    click.echo(f"Drill {drill.id} is incident #{incident.id} in {incident.channel}.")


def _own_address(environment: Environment) -> str:
    host = environment.http_host
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared with, not listened on
    return f"http://{everywhere.get(host, host)}:{environment.http_port}"


def _pairs(labels: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for label in labels:
        name, equals, value = label.partition("=")
        if not equals or not name or name == LABEL:
            raise click.BadParameter(f"expected NAME=VALUE, not `{label[:80]}`", param_hint="--label")
        pairs[name] = value
    return pairs


def _stop(words: str) -> Never:
    click.echo(f"lightship test-alert: {words}", err=True)
    sys.exit(1)
