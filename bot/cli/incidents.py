"""`lightship incident`: reading the record without Slack."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from bot.adapters.clock import SystemClock
from bot.cli.options import show_faults, unused_config_option
from bot.domain.errors import LightshipError, NotFound
from bot.settings import read_environment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.domain.events import Event
    from bot.domain.incidents import Incident
    from bot.domain.messages import Backlog, Message
    from bot.ports.stores import Transaction
    from bot.rendering.views import TimelineView

T = TypeVar("T")
_MOST: Final = 2**63 - 1
"""The highest number that the databases can keep."""


class IncidentNumber(click.ParamType[int]):
    """The number of an incident, with or without the `#` that messages write before it."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises BadParameter where it is none, or one that no incident can have."""
        try:
            number = int(str(value).removeprefix("#"))
        except ValueError:
            self.fail(f"{str(value)[:60]!r} is not a valid integer", param, ctx)
        if not 1 <= number <= _MOST:
            self.fail(f"there is no incident {number}", param, ctx)
        return number


@click.group(epilog="\b\nExamples:\n  lightship incident list\n  lightship incident timeline 12")
def incident() -> None:
    """Read incidents from the store of LIGHTSHIP_DATABASE_URL."""


@incident.command("list", epilog="\b\nExample:\n  lightship incident list --all")
@unused_config_option
@click.option("--all", "everything", is_flag=True, help="Resolved ones as well, the newest 100.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an incident.")
@click.option(
    "--format", "style", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True
)
def list_incidents(everything: bool, as_json: bool, style: str) -> None:
    """Open incidents, worst first, and what Slack does not show yet."""

    async def read(tx: Transaction) -> tuple[tuple[Incident, ...], tuple[Message, ...], Backlog]:
        found = await (tx.incidents.recent(limit=100) if everything else tx.incidents.unresolved())
        return found, await tx.messages.undelivered(), await tx.deliveries.backlog()

    incidents, undelivered, unmerged = _ask(read)
    if as_json or style == "json":
        for one in incidents:
            click.echo(json.dumps(_as_json(one)))
        return
    if style == "markdown":
        from bot.rendering.timelines import incidents_markdown  # noqa: PLC0415 - `--help` needs no rendering

        click.echo(incidents_markdown(incidents), nl=False)
        return
    for one in incidents:
        click.echo(
            f"#{one.id:<5} {one.severity}  {one.state:<13} {_when(one.opened_at)}  {_plain(one.title)}"
        )
    if not incidents:
        click.echo("No incidents." if everything else "No open incidents.")
    if undelivered:
        count = "1 message is" if len(undelivered) == 1 else f"{len(undelivered)} messages are"
        click.echo(click.style(f"\n{count} not shown in the latest state:", fg="red"))
    for message in undelivered:
        why = f": {_plain(message.last_error)}" if message.last_error else ""
        number = f" of #{message.incident_id}" if message.incident_id else ""
        since = _when(message.due_since or message.created_at)
        click.echo(f"  {message.kind}{number} in {message.channel}, since {since}{why}")
    if unmerged.failing:
        words = f"\n{unmerged.failing} accepted webhooks cannot be made incidents; the bot's log says why."
        click.echo(click.style(words, fg="red"))


@incident.command(epilog="\b\nExample:\n  lightship incident show 12")
@unused_config_option
@click.argument("number", type=IncidentNumber())
@click.option("--format", "style", type=click.Choice(["markdown", "json"]), default="json", show_default=True)
def show(number: int, style: str) -> None:
    """One incident, with the cause that its message names first."""

    async def read(tx: Transaction) -> tuple[Incident | None, Event | None]:
        from bot.domain.events import RANKING_KINDS  # noqa: PLC0415 - `--help` needs no domain

        return await tx.incidents.peek(number), await tx.events.newest(number, RANKING_KINDS)

    found, ranked = _ask(read)
    if found is None:
        click.echo(f"lightship incident show: there is no incident {number}", err=True)
        sys.exit(1)
    if style == "markdown":
        from bot.rendering.timelines import incident_markdown  # noqa: PLC0415 - as above

        words = str(ranked.detail.get("words") or "") if ranked else ""
        click.echo(incident_markdown(found, cause=words), nl=False)
        return
    cause = {"cause": ranked.detail.get("words"), "cause_as_of": ranked.at.isoformat()} if ranked else {}
    click.echo(json.dumps({**_as_json(found), **cause}, indent=2))


@incident.command(
    epilog="\b\nExamples:\n  lightship incident timeline 12\n"
    "  lightship incident timeline 12 --out reviews/12\n  lightship incident timeline 12 --format json"
)
@unused_config_option
@click.argument("number", type=IncidentNumber())
@click.option("--format", "style", type=click.Choice(["markdown", "json"]), default="markdown")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the Markdown and its graphs, as PNG files that it links, into this folder.",
)
@click.option("--embed", is_flag=True, help="Put the graphs into the Markdown itself, as data URIs.")
def timeline(number: int, style: str, out: Path | None, embed: bool) -> None:
    """What happened to an incident, in order, for its review."""
    if style == "json" and (out or embed):
        raise click.UsageError("--out and --embed are about Markdown; leave out --format json")

    async def read(tx: Transaction) -> TimelineView | None:
        from bot.engines.timelines import timeline_view  # noqa: PLC0415 - `--help` needs no engine

        return await timeline_view(tx, number)

    from bot.rendering.timelines import Graphs, timeline_markdown  # noqa: PLC0415 - as above

    found = _ask(read)
    if found is None:
        click.echo(f"lightship incident timeline: there is no incident {number}", err=True)
        sys.exit(1)
    if style == "json":
        click.echo(json.dumps(_timeline_json(found)))
    elif out is not None:
        _write_timeline(found, out, embed=embed)
    else:
        graphs = Graphs.EMBEDDED if embed else Graphs.NAMED
        click.echo(timeline_markdown(found, graphs=graphs), nl=False)


def _write_timeline(found: TimelineView, folder: Path, *, embed: bool) -> None:
    """The document, and its graphs beside it; existing files of these names are replaced."""
    from bot.rendering.timelines import Graphs, graph_file, timeline_markdown  # noqa: PLC0415 - as above

    document = folder / f"incident-{found.incident.id}.md"
    graphs = Graphs.EMBEDDED if embed else Graphs.LINKED
    written = [document]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        document.write_text(timeline_markdown(found, graphs=graphs), encoding="utf-8")
        for place, picture in enumerate(() if embed else found.pictures, start=1):
            written.append(folder / graph_file(found, place))
            written[-1].write_bytes(picture.content)
    except OSError as error:
        click.echo(f"lightship incident timeline: {written[-1]}: {error.strerror}", err=True)
        sys.exit(1)
    for path in written:
        click.echo(str(path))


def _timeline_json(found: TimelineView) -> dict[str, Any]:
    from bot.rendering.timelines import timings  # noqa: PLC0415 - as above

    return {
        **_as_json(found.incident),
        **timings(found.incident),
        "audit_head": str(found.head),
        "events": [
            {
                "at": event.at.isoformat(),
                "kind": event.kind.value,
                "actor": event.actor.id,
                "detail": dict(event.detail),
                "audit": found.audited.get(event.id),
            }
            for event in found.events
        ],
        "graphs": [{"at": one.at.isoformat(), "title": one.title} for one in found.pictures],
    }


def _ask(read: Callable[[Transaction], Awaitable[T]]) -> T:
    """What `read` finds in the store, or the end of the command with a sentence."""
    from bot.adapters.database import connect, missing_file  # noqa: PLC0415 - `--help` needs no database

    environment, faults = read_environment(os.environ)
    if faults:
        show_faults(faults)
        sys.exit(1)

    url = environment.database_url.get_secret_value()

    async def ask() -> T:
        missing = missing_file(url)
        if missing:
            raise NotFound(f"there is no store at {missing}; set LIGHTSHIP_DATABASE_URL, or start the bot")
        store = connect(url, clock=SystemClock())
        try:
            async with store.transaction() as tx:
                return await read(tx)
        finally:
            await store.close()

    try:
        return asyncio.run(ask())
    except LightshipError as error:
        click.echo(f"lightship incident: {error}", err=True)
        sys.exit(1)


def _as_json(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "service": one.key.service,
        "severity": one.severity.value,
        "state": one.state.value,
        "title": one.title,
        "runbook": one.runbook,
        "opened_at": one.opened_at.isoformat(),
        "resolved_at": one.resolved_at.isoformat() if one.resolved_at else None,
        "resolution": one.resolution.value if one.resolution else None,
        "acknowledged_by": one.acknowledged_by.id if one.acknowledged_by else None,
        "alerts": [
            {
                "fingerprint": tracked.alert.fingerprint,
                "labels": dict(tracked.alert.labels),
                "starts_at": tracked.alert.starts_at.isoformat(),
            }
            for tracked in one.alerts
        ],
    }


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _plain(text: str) -> str:
    """One line without control characters: titles come from outside, and this is a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)[:200]
