"""What a real Alertmanager never tells: each incident is shown once, and with its latest state."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.actors import user
from bot.domain.commands import OutcomeReason, SilenceIncident
from bot.domain.incidents import IncidentState, Resolution, Suppression
from bot.settings import IntakeSettings
from tests.e2e.servers.chat import read
from tests.e2e.watched import (
    LONG_ENOUGH,
    SETTLE,
    config,
    ended,
    firing,
    nothing_changes,
    now,
    open_of,
    starting,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.watched import Start, StartAlertmanager


@pytest.fixture
async def start(tmp_path: Path, start_alertmanager: StartAlertmanager) -> AsyncIterator[Start]:
    """Starts an Alertmanager and the bot behind it."""
    async with starting(tmp_path, start_alertmanager) as begin:
        yield begin


async def test_resolved_while_silenced(start: Start, database: str) -> None:
    """No webhook ever tells of the end: it shows as silenced, and closes once it is missing for long."""
    watched = await start(database=database)
    watched.alertmanager.fire(firing())
    await watched.until_open()
    await watched.silence('alertname="HighLatency"')
    await watched.until(
        lambda found: list(found[0].suppressed.values()) == [Suppression.SILENCED], "shown as silenced"
    )
    await watched.until_shown("Silenced in Alertmanager")
    watched.alertmanager.fire(ended())
    (incident,) = await watched.until_closed()
    assert incident.resolution is Resolution.GONE
    assert "no longer in Alertmanager, resolve not received" in (await watched.shown_once())[incident.id]


async def test_a_silence_of_ours_that_somebody_ended(start: Start) -> None:
    """Ended in Alertmanager itself: the incident is heard again, and the thread says why."""
    watched = await start()
    watched.alertmanager.fire(firing())
    (incident,) = await watched.until_open()
    await watched.until_shown("P3 firing")
    outcome = await watched.lightship.silencing.silence(
        SilenceIncident(
            incident_id=incident.id, actor=user("U0ALICE"), duration=timedelta(hours=1), reason="known"
        )
    )
    assert outcome.reason is OutcomeReason.DONE
    await nothing_changes(watched, seconds=4)
    (silenced,) = await watched.incidents()
    assert silenced.silence is not None
    await watched.lightship.outside.silencer.expire(silenced.silence.id)
    await watched.until(lambda found: found[0].silence is None, "the mark is gone")
    assert "Silenced" not in (await watched.shown_once())[incident.id]
    thread = [read(one) for one in watched.slack.workspace.messages.values() if one.thread_ts]
    assert "The silence was ended in Alertmanager" in thread[-1]


async def test_a_partition_that_healed_with_the_same_start(start: Start) -> None:
    """The same start fires again after its resolve: the incident reopens, once."""
    watched, since = await start(), now()
    watched.alertmanager.fire(firing(since=since))
    await watched.until_open()
    watched.alertmanager.fire(ended(since=since))
    (incident,) = await watched.until_closed()
    assert incident.resolution is Resolution.ALERTS_RESOLVED
    await asyncio.sleep(1.5)  # the settling time has to pass for real, at Alertmanager's side too
    watched.alertmanager.fire(firing(since=since))
    (incident,) = await watched.until_open()
    assert incident.reopened == 1
    await nothing_changes(watched)
    await watched.shown_once()


async def test_a_restart_with_an_empty_memory_closes_nothing(
    start: Start,
) -> None:
    """Away for longer than the time-out, then without any memory until Prometheus tells it again."""
    # Long enough to be told again before what has just started is believed, half as much again later.
    intake = IntakeSettings(resolve_timeout=timedelta(seconds=6), resolve_settle=SETTLE)
    watched, since = await start(intake=intake), now()
    watched.alertmanager.fire(firing(since=since))
    await watched.until_open()
    await asyncio.to_thread(watched.alertmanager.stop)
    await nothing_changes(watched)
    shutil.rmtree(watched.alertmanager.directory / "data")
    await asyncio.to_thread(watched.alertmanager.start)
    await nothing_changes(watched, seconds=2)
    watched.alertmanager.fire(firing(since=since))
    await nothing_changes(watched, seconds=10)
    await watched.shown_once()
    watched.alertmanager.fire(ended(since=since))
    (incident,) = await watched.until_closed()
    assert incident.resolution is Resolution.ALERTS_RESOLVED


async def test_what_ended_while_alertmanager_was_away(start: Start) -> None:
    """Nobody tells it again after the restart, so nobody ever tells of the end."""
    watched = await start()
    watched.alertmanager.fire(firing())
    await watched.until_open()
    await asyncio.to_thread(watched.alertmanager.stop)
    await asyncio.to_thread(watched.alertmanager.start)
    (incident,) = await watched.until_closed()
    assert incident.resolution is Resolution.GONE
    await watched.shown_once()


async def test_inhibited(start: Start) -> None:
    """While a worse alert inhibits it, it shows so; it stays open, and is heard again afterwards."""
    rule = {"source_matchers": ['severity="critical"'], "target_matchers": ['severity="warning"']}
    watched = await start(lambda content: content.update(inhibit_rules=[{**rule, "equal": ["service"]}]))
    watched.alertmanager.fire(firing())
    await watched.until_open()
    cause = {"alertname": "Down", "severity": "critical"}
    watched.alertmanager.fire(firing(**cause))
    await watched.until_open(2)
    await watched.until(
        lambda found: list(found[0].suppressed.values()) == [Suppression.INHIBITED], "shown as inhibited"
    )
    await nothing_changes(watched)
    assert "P3 inhibited" in (await watched.shown_once())[1]
    watched.alertmanager.fire(ended(**cause))
    await watched.until(lambda found: not found[0].suppressed, "heard again")
    assert "P3 firing" in (await watched.shown_once())[1]


async def test_resolves_that_are_never_sent(start: Start) -> None:
    """`send_resolved: false`: only its list tells of the end."""

    def quiet(content: dict[str, Any]) -> None:
        content["receivers"][0]["webhook_configs"][0]["send_resolved"] = False

    watched = await start(quiet)
    watched.alertmanager.fire(firing())
    await watched.until_open()
    watched.alertmanager.fire(ended())
    (incident,) = await watched.until_closed()
    assert incident.resolution is Resolution.GONE
    await watched.shown_once()


async def test_a_receiver_that_was_renamed(start: Start) -> None:
    """The alert burns on under the new name; the old incident closes. A dot in a name is no difference."""

    def name(content: dict[str, Any], receiver: str) -> None:
        content["route"]["receiver"] = content["receivers"][0]["name"] = receiver

    watched = await start(lambda content: name(content, "light.ship"))
    watched.alertmanager.fire(firing())
    await watched.until_open()
    await nothing_changes(watched)
    changed = config(watched.port)
    name(changed, "other")
    watched.alertmanager.reload(changed)
    old, new = await watched.until(
        lambda found: len(found) == 2 and len(open_of(found)) == 1, "the old one closes, a new one is open"
    )
    assert (old.resolution, new.state) == (Resolution.GONE, IncidentState.TRIGGERED)
    await nothing_changes(watched)
    await watched.shown_once()


async def test_a_group_that_was_cut_otherwise(start: Start) -> None:
    """With another `group_by` the end is told to the new group only; the old incident closes as well."""
    watched = await start()
    watched.alertmanager.fire(firing())
    await watched.until_open()
    watched.alertmanager.reload(config(watched.port, group_by=["alertname", "pod"]))
    await watched.until_open(2)
    watched.alertmanager.fire(ended())
    old, new = await watched.until_closed()
    assert (old.resolution, new.resolution) == (Resolution.GONE, Resolution.ALERTS_RESOLVED)
    await watched.shown_once()


async def test_alerts_that_are_left_out_of_the_message(start: Start) -> None:
    """`max_alerts`: when all that were named have ended the others still burn, and so does the incident."""

    def cut(content: dict[str, Any]) -> None:
        content["receivers"][0]["webhook_configs"][0]["max_alerts"] = 2
        content["route"]["group_wait"] = "2s"  # all of them are in the first message

    watched, pods = await start(cut), [f"api-{number}" for number in range(5)]
    since = now()
    watched.alertmanager.fire(*(firing(pod, since=since) for pod in pods))
    (incident,) = await watched.until(lambda found: bool(found) and found[0].truncated == 3, "cut")
    named = watched.burning(incident)
    assert len(named) == 2
    assert "left 3 more out" in (await watched.shown_once())[1]
    watched.alertmanager.fire(*(ended(pod, since=since) for pod in named))
    await nothing_changes(watched, seconds=LONG_ENOUGH + 2)
    watched.alertmanager.fire(*(ended(pod, since=since) for pod in pods))
    await watched.until_closed()
    await watched.shown_once()
