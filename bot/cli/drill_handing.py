"""A drill on its way through Alertmanager: whom it would reach, the handing over, and its end.

Called by `lightship test-alert --send`, and by `lightship doctor --send`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from bot.cli.drill_sending import Declined
from bot.cli.leaving import interruptible, was_interrupted
from bot.cli.progress import waiting
from bot.domain.alert_routes import receivers_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from bot.adapters.alertmanager import AlertmanagerClient
    from bot.adapters.database import SqlStore
    from bot.domain.drills import Drill
    from bot.settings import Environment

LASTS: Final = timedelta(minutes=30)
"""Until Alertmanager takes the alert for ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A receiver to which the routes lead, and the kinds of what it sends."""

    name: str
    kinds: tuple[str, ...]


async def announce(
    client: AlertmanagerClient, drill: Drill, *, ask: bool, aside: bool = False
) -> tuple[Reached, ...]:
    """Say whom the alert would reach: a pager does not know that it is a drill. Raises Declined at a no.

    `aside` says it on standard error, where standard output is for programs.
    """
    with waiting("Asking Alertmanager for its routes"):
        kinds = await client.receivers()
        names = receivers_of(await client.route(), drill.labels)
    reached = tuple(Reached(name=name, kinds=tuple(kinds.get(name, ()))) for name in names)
    click.echo("Alertmanager would send this alert to:", err=aside)
    for one in reached:
        click.echo(f"  {one.name} ({', '.join(one.kinds) or 'nothing is sent'})", err=aside)
    click.echo(
        "Only Lightship knows that it is a drill; whatever else stands there takes it for real.", err=aside
    )
    if ask and not _confirmed(aside=aside):
        raise Declined("nothing was sent")
    return reached


def _confirmed(*, aside: bool) -> bool:
    try:
        with interruptible():
            return click.confirm("Send it?", default=False, err=aside)
    except click.Abort as aborted:
        if was_interrupted(aborted):
            raise
        click.echo(err=aside)  # nobody is there to answer
        return False


async def hand_over(client: AlertmanagerClient, store: SqlStore, drill: Drill) -> None:
    """Register it in the store, and give its alert to Alertmanager."""
    await register(store, drill)
    await client.post(
        labels=drill.labels,
        annotations=drill.annotations,
        starts_at=drill.at,
        ends_at=drill.at + LASTS,
    )


async def take_back(client: AlertmanagerClient, drill: Drill, *, now: datetime) -> None:
    """End its alert."""
    await client.post(labels=drill.labels, annotations=drill.annotations, starts_at=drill.at, ends_at=now)


async def register(store: SqlStore, drill: Drill) -> None:
    """Known from now on, before its alert is sent."""
    await store.upgrade()
    async with store.transaction() as tx:
        await tx.drills.add(drill)


def store_of(environment: Environment) -> SqlStore:
    """The running bot's store."""
    from bot.adapters.clock import SystemClock  # noqa: PLC0415 - `--help` needs none of these
    from bot.adapters.database import connect  # noqa: PLC0415 - as above

    return connect(environment.database_url.get_secret_value(), clock=SystemClock())


@contextlib.asynccontextmanager
async def alertmanager_of(environment: Environment) -> AsyncIterator[AlertmanagerClient]:
    """Alertmanager's API, as long as it is needed."""
    from bot.adapters.alertmanager import AlertmanagerClient  # noqa: PLC0415 - as above

    url = environment.alertmanager_url
    client = AlertmanagerClient(url.get_secret_value() if url else "")
    try:
        yield client
    finally:
        await client.close()
