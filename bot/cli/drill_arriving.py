"""Waiting for a drill to become an incident, and what it means when it does not.

Called by `lightship test-alert`, and by `lightship doctor --send` after the other examinations.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.cli.drill_handing import alertmanager_of, announce, hand_over, store_of, take_back
from bot.cli.drill_making import make_drill
from bot.cli.drill_sending import Declined, Refused
from bot.cli.progress import waiting
from bot.domain.drill_arrivals import Held, why_absent
from bot.domain.drills import LABEL
from bot.domain.durations import rough_duration
from bot.domain.errors import LightshipError
from bot.domain.examinations import Examination, fault, skipped, well
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from bot.adapters.alertmanager import AlertmanagerClient
    from bot.adapters.database import SqlStore
    from bot.cli.drill_handing import Reached
    from bot.cli.drill_making import Ready
    from bot.domain.drill_arrivals import Attempts
    from bot.domain.drills import Drill
    from bot.domain.incidents import Incident

NAME: Final = "test alert"
_PAUSE: Final = 0.25


async def incident_of(store: SqlStore, drill: Drill, *, within: float) -> Incident | None:
    """The incident that became of it; None where none did within so many seconds."""
    try:
        async with asyncio.timeout(within):
            while True:
                async with store.transaction() as tx:
                    incidents = await tx.incidents.unresolved(service=drill.service)
                for incident in incidents:
                    if incident.drill == drill.id:
                        return incident
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        return None


async def try_alert(ready: Ready, runbook: str, *, within: timedelta, ask: bool, aside: bool) -> Examination:
    """Send a drill through Alertmanager, wait for it at the bot, end it, and say what came of it.

    `runbook` may be empty: then the first that a service's alerts can have. `aside` as `announce` has it.
    """
    from bot.adapters.database import missing_file  # noqa: PLC0415 - `--help` needs no database

    environment = ready.environment
    if environment.alertmanager_url is None:
        return fault(NAME, "not sent: no Alertmanager is configured", "set ALERTMANAGER_URL")
    missing = missing_file(environment.database_url.get_secret_value())
    if missing:
        mend = "start the bot, and set LIGHTSHIP_DATABASE_URL here as it has it"
        return fault(NAME, f"not sent: the bot has made no store at {missing} yet", mend)
    store = store_of(environment)
    try:
        drill = _drill(ready, runbook)
        async with alertmanager_of(environment) as client:
            reached = await announce(client, drill, ask=ask, aside=aside)
            return await _sent(client, store, drill, reached, within=within)
    except Declined as error:
        return skipped(NAME, str(error))
    except Refused as error:
        return fault(NAME, f"not sent: {error}", "name a runbook with --runbook")
    except LightshipError as error:
        said = f"not sent: {one_line(error, limit=300)}"
        return fault(NAME, said, "mend what is said above of Alertmanager and the store")
    finally:
        await store.close()


def _drill(ready: Ready, runbook: str) -> Drill:
    """Of the runbook that is named, else of the first that a service's alerts can have."""
    for name in (runbook,) if runbook else tuple(one.name for one in ready.runbooks):
        try:
            return make_drill(ready, name, {}, through_alertmanager=True)
        except Refused:
            if runbook:
                raise
    raise Refused("no runbook is for an alert that a service takes")


async def _sent(
    client: AlertmanagerClient,
    store: SqlStore,
    drill: Drill,
    reached: tuple[Reached, ...],
    *,
    within: timedelta,
) -> Examination:
    before = await _attempts(client)
    began = time.monotonic()
    await hand_over(client, store, drill)
    limit = within.total_seconds()
    try:
        with waiting("Waiting for the test alert", limit=limit):
            incident = await incident_of(store, drill, within=limit)
        if incident is not None:
            took = rough_duration(timedelta(seconds=time.monotonic() - began))
            where = f"#{incident.id} in {incident.channel}"
            return well(NAME, f"arrived through Alertmanager within {took}, as incident {where}")
        return await _absent(client, drill, reached, before, waited=rough_duration(within))
    finally:
        async with store.transaction() as tx:
            now = tx.now
        await take_back(client, drill, now=now)


async def _absent(
    client: AlertmanagerClient,
    drill: Drill,
    reached: tuple[Reached, ...],
    before: Attempts | None,
    *,
    waited: str,
) -> Examination:
    found = [one for one in await client.alerts() if one.labels.get(LABEL) == drill.id]
    held = Held(silenced_by=found[0].silenced_by, inhibited_by=found[0].inhibited_by) if found else None
    hooks = await client.webhooks()
    after = await _attempts(client)
    return why_absent(
        NAME,
        held=held,
        reached={one.name: hooks.get(one.name, ()) for one in reached},
        attempts=after.since(before) if after and before else None,
        labels=", ".join(f'{name}="{value}"' for name, value in drill.labels.items() if name != LABEL),
        waited=waited,
    )


async def _attempts(client: AlertmanagerClient) -> Attempts | None:
    """None where something before Alertmanager shows its API and not its metrics."""
    try:
        return await client.webhook_attempts()
    except LightshipError:
        return None
