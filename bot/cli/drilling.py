"""`lightship test-alert`: a drill, from a synthetic alert to the approval that only dry-runs.

The drill is registered in the store before its alert is sent, which is how the bot knows it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never

import click

from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.drill_sending import Refused, post_to_bot
from bot.cli.options import DEFAULT_CONFIG, config_option, show_faults
from bot.domain.drills import LABEL, Drill, labels_for
from bot.domain.errors import LightshipError
from bot.domain.runbooks import select_runbook
from bot.domain.words import did_you_mean
from bot.settings import load_settings, read_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.adapters.alertmanager import AlertmanagerClient
    from bot.adapters.database import SqlStore
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.settings import Environment, Settings

LASTS: Final = timedelta(minutes=30)
_LOOKS: Final = 40
_PAUSE: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the files and the environment say."""

    environment: Environment
    settings: Settings
    runbooks: tuple[Runbook, ...]


def _runbook_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: the runbooks of the configuration, as far as they can be read."""
    config = context.params.get("config") or Path(os.environ.get("LIGHTSHIP_CONFIG", DEFAULT_CONFIG))
    folders = load_settings(config, os.environ).runbook_folders
    return [one.name for one in load_runbooks(folders).runbooks if one.name.startswith(incomplete)]


@click.command(
    "test-alert",
    epilog="\b\nExamples:\n  lightship test-alert HighAPILatency\n"
    "  lightship test-alert HighAPILatency --label endpoint=/predict\n"
    "  lightship test-alert HighAPILatency --send\n"
    "  lightship test-alert --end 5f2c61d09b7a",
)
@config_option
@click.argument("runbook", required=False, shell_complete=_runbook_names)
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
    ready = _ready(config)
    address = (url or _own_address(ready.environment)).rstrip("/")
    try:
        if end is not None:
            asyncio.run(_end(ready, end, address))
        else:
            drill = _drill(ready, runbook or "", _pairs(labels), through_alertmanager=send)
            asyncio.run(_begin(ready, drill, address, ask=not yes))
    except (LightshipError, Refused) as error:
        _stop(str(error))


def _ready(config: Path) -> Ready:
    environment, faults = read_environment(os.environ)
    loaded = load_settings(config, os.environ)
    if faults or loaded.settings is None:
        show_faults((*faults, *loaded.faults))
        sys.exit(1)
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings))
    if runbooks.faults:
        show_faults(runbooks.faults)
        sys.exit(1)
    return Ready(environment=environment, settings=loaded.settings, runbooks=runbooks.runbooks)


def _drill(ready: Ready, name: str, given: dict[str, str], *, through_alertmanager: bool) -> Drill:
    """The drill for a runbook: labels that it and a service take. Exits where there are none."""
    from bot.adapters.clock import SystemClock  # noqa: PLC0415 - `--help` needs none of these
    from bot.bootstrap.services import watched_services  # noqa: PLC0415 - as above
    from handlers.fingerprints import fingerprint  # noqa: PLC0415 - as above

    known = {one.name: one for one in ready.runbooks}
    if name not in known:
        told = did_you_mean(name, known) or f"; there are {', '.join(sorted(known))}"
        _stop(f"there is no runbook `{name[:60]}`{told}")
    services = watched_services(ready.settings)
    found = _labels(known[name], services, ready.runbooks, given)
    if found is None:
        _stop(f"no labels were found that `{name}` and a service take; say some with --label NAME=VALUE")
    service, labels = found
    drill_id = secrets.token_hex(6)
    labels[LABEL] = drill_id
    return Drill(
        id=drill_id,
        fingerprint=fingerprint(labels),
        service=service,
        runbook=name,
        labels=labels,
        annotations={"summary": "A drill: this alert was made by `lightship test-alert`"},
        at=SystemClock().now(),
        through_alertmanager=through_alertmanager,
    )


def _labels(
    runbook: Runbook,
    services: dict[str, WatchedService],
    runbooks: tuple[Runbook, ...],
    given: dict[str, str],
) -> tuple[str, dict[str, str]] | None:
    """The first service whose alert it can be, and the labels of that alert."""
    from bot.bootstrap.services import routing  # noqa: PLC0415 - as above

    route = routing(services)
    for name, service in services.items():
        labels = labels_for((*runbook.match, *service.match))
        if labels is None:
            continue
        labels.setdefault("alertname", runbook.name)
        labels.setdefault("severity", "warning")
        labels |= given
        taken = route(labels)
        chosen = select_runbook(runbooks, labels).runbook
        if taken is not None and taken.service == name and chosen is not None and chosen.name == runbook.name:
            return name, labels
    return None


async def _begin(ready: Ready, drill: Drill, address: str, *, ask: bool) -> None:
    """Register it, send it, and say what came of it."""
    store = _store(ready.environment)
    try:
        if drill.through_alertmanager:
            async with _alertmanager(ready.environment) as client:
                await _announce(client, drill, ask=ask)
                await _register(store, drill)
                await client.post(
                    labels=drill.labels,
                    annotations=drill.annotations,
                    starts_at=drill.at,
                    ends_at=drill.at + LASTS,
                )
            click.echo(
                f"Drill {drill.id} is with Alertmanager, which sends it after the group_wait of its route."
            )
        else:
            await _register(store, drill)
            await post_to_bot(drill, address=address, environment=ready.environment, ended_at=None)
            await _tell_incident(store, drill)
    finally:
        await store.close()
    click.echo(f"End it with: lightship test-alert --end {drill.id}")


async def _end(ready: Ready, drill_id: str, address: str) -> None:
    store = _store(ready.environment)
    try:
        await store.upgrade()
        async with store.transaction() as tx:
            drill, now = await tx.drills.get(drill_id), tx.now
    finally:
        await store.close()
    if drill is None:
        raise Refused(f"there is no drill `{drill_id[:60]}` in the store")
    if drill.through_alertmanager:
        async with _alertmanager(ready.environment) as client:
            await client.post(
                labels=drill.labels, annotations=drill.annotations, starts_at=drill.at, ends_at=now
            )
    else:
        await post_to_bot(drill, address=address, environment=ready.environment, ended_at=now)
    click.echo(f"Drill {drill.id} ends.")


async def _register(store: SqlStore, drill: Drill) -> None:
    await store.upgrade()
    async with store.transaction() as tx:
        await tx.drills.add(drill)


async def _announce(client: AlertmanagerClient, drill: Drill, *, ask: bool) -> None:
    """Whom the alert would reach: a pager does not know that it is a drill."""
    from bot.domain.alert_routes import receivers_of  # noqa: PLC0415 - as above

    kinds = await client.receivers()
    reached = receivers_of(await client.route(), drill.labels)
    click.echo("Alertmanager would send this alert to:")
    for name in reached:
        click.echo(f"  {name} ({', '.join(kinds.get(name, ())) or 'nothing is sent'})")
    click.echo("Only Lightship knows that it is a drill; whatever else stands there takes it for real.")
    if ask and not click.confirm("Send it?", default=False):
        raise Refused("nothing was sent")


async def _tell_incident(store: SqlStore, drill: Drill) -> None:
    """Which incident became of it; the bot merges within a moment."""
    for _ in range(_LOOKS):
        async with store.transaction() as tx:
            incidents = await tx.incidents.unresolved(service=drill.service)
        for incident in incidents:
            if incident.drill == drill.id:
                click.echo(f"Drill {drill.id} is incident #{incident.id} in {incident.channel}.")
                return
        await asyncio.sleep(_PAUSE)
    raise Refused(
        "the bot took the alert, and no incident came of it here: is LIGHTSHIP_DATABASE_URL the bot's?"
    )


def _store(environment: Environment) -> SqlStore:
    from bot.adapters.clock import SystemClock  # noqa: PLC0415 - as above
    from bot.adapters.database import connect  # noqa: PLC0415 - as above

    return connect(environment.database_url.get_secret_value(), clock=SystemClock())


@contextlib.asynccontextmanager
async def _alertmanager(environment: Environment) -> AsyncIterator[AlertmanagerClient]:
    from bot.adapters.alertmanager import AlertmanagerClient  # noqa: PLC0415 - as above

    url = environment.alertmanager_url
    client = AlertmanagerClient(url.get_secret_value() if url else "")
    try:
        yield client
    finally:
        await client.close()


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
