"""From webhooks to incidents, through the loop and the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.alerts import AlertStatus
from bot.domain.events import EventKind
from bot.domain.incidents import Classification, IncidentState, Resolution, end
from bot.domain.messages import MessageKind
from bot.domain.severity import Severity
from bot.engines.listening import BEAT
from bot.testing import START
from tests.making import make_alert, make_group

if TYPE_CHECKING:
    from tests.intake.conftest import Ledger

FIRING = make_alert()
RESOLVED = make_alert(status=AlertStatus.RESOLVED)
LATER = START + timedelta(minutes=5)


async def test_a_firing_opens_and_a_resolve_ends(ledger: Ledger) -> None:
    """One incident with its message, its events, and the time to its resolve."""
    await ledger.tell(make_group(FIRING))
    (opened,) = await ledger.incidents()
    assert (opened.state, opened.severity, opened.channel) == (
        IncidentState.TRIGGERED,
        Severity.P3,
        "C-churn",
    )
    assert ledger.opened == [opened.id]
    assert [one.kind for one in await ledger.due()] == [MessageKind.INCIDENT]
    await ledger.clock.advance(seconds=120)
    await ledger.tell(make_group(RESOLVED))
    (ended,) = await ledger.incidents()
    assert (ended.state, ended.resolution) == (IncidentState.RESOLVED, Resolution.ALERTS_RESOLVED)
    assert [one.kind for one in await ledger.events(ended.id)] == [EventKind.OPENED, EventKind.RESOLVED]
    assert [one.kind for one in await ledger.due()] == [MessageKind.INCIDENT, MessageKind.EVENT]


async def test_a_repeat_changes_nothing_that_shows(ledger: Ledger) -> None:
    """Repeats, also out of order, post nothing and edit nothing."""
    await ledger.tell(make_group(FIRING))
    (before,) = await ledger.incidents()
    for _ in range(5):
        await ledger.clock.advance(seconds=30)
        await ledger.tell(make_group(FIRING), make_group(FIRING))
    (after,) = await ledger.incidents()
    assert after.revision == before.revision
    (message,) = await ledger.due()
    assert message.desired_revision == 1


async def test_a_resolve_alone_opens_nothing(ledger: Ledger) -> None:
    """Nothing fires, so there is nothing to show."""
    await ledger.tell(make_group(RESOLVED))
    assert await ledger.incidents() == ()


async def test_absent_is_not_resolved(ledger: Ledger) -> None:
    """An alert that is missing from the next webhook fires on: it may be silenced, inhibited or cut off."""
    other = make_alert(pod="api-2")
    await ledger.tell(make_group(FIRING, other))
    await ledger.tell(make_group(FIRING))
    (incident,) = await ledger.incidents()
    assert len(incident.firing(settle=timedelta(seconds=60))) == 2
    await ledger.tell(make_group(RESOLVED))
    (incident,) = await ledger.incidents()
    assert incident.state is IncidentState.TRIGGERED


async def test_a_new_firing_within_a_quarter_of_an_hour_reopens(ledger: Ledger) -> None:
    """The same incident goes on, whoever acknowledged it has to say so again."""
    await ledger.tell(make_group(FIRING))
    await ledger.tell(make_group(RESOLVED))
    await ledger.clock.advance(seconds=15 * 60)
    await ledger.tell(make_group(make_alert(starts_at=LATER)))
    (incident,) = await ledger.incidents()
    assert (incident.state, incident.reopened) == (IncidentState.TRIGGERED, 1)
    assert [one.kind for one in await ledger.events(incident.id)][-1] is EventKind.REOPENED
    assert ledger.opened == [incident.id, incident.id]


async def test_a_new_firing_after_that_opens_a_new_incident(ledger: Ledger) -> None:
    """The old one stays as it ended."""
    await ledger.tell(make_group(FIRING))
    await ledger.tell(make_group(RESOLVED))
    await ledger.clock.advance(seconds=15 * 60 + 1)
    await ledger.tell(make_group(make_alert(starts_at=LATER)))
    newer, older = await ledger.incidents()
    assert (newer.state, older.state) == (IncidentState.TRIGGERED, IncidentState.RESOLVED)
    assert newer.key == older.key


async def test_what_was_resolved_by_hand_is_not_reopened_by_repeats(ledger: Ledger) -> None:
    """A repeat leaves it resolved; a new alert, or a new start of one, opens it again."""
    await ledger.tell(make_group(FIRING))
    async with ledger.store.transaction() as tx:
        (incident,) = await tx.incidents.unresolved()
        ended = end(incident, Resolution.BY_HAND, now=tx.now)
        assert ended is not None
        await tx.incidents.save(ended)
    await ledger.clock.advance(seconds=300)
    await ledger.tell(make_group(FIRING))
    assert (await ledger.incidents())[0].state is IncidentState.RESOLVED
    await ledger.tell(make_group(FIRING, make_alert(pod="api-2", starts_at=LATER)))
    assert (await ledger.incidents())[0].state is IncidentState.TRIGGERED


async def test_a_group_grows_to_500_and_back(ledger: Ledger) -> None:
    """It stays one incident with one message, and ends with the last of its alerts."""
    many = [make_alert(pod=f"api-{number}") for number in range(500)]
    await ledger.tell(make_group(many[0]))
    await ledger.tell(make_group(*many))
    (incident,) = await ledger.incidents()
    assert len(incident.firing(settle=timedelta(seconds=60))) == 500
    gone = [replace(one, status=AlertStatus.RESOLVED) for one in many]
    await ledger.tell(make_group(many[0], *gone[1:]))
    (incident,) = await ledger.incidents()
    assert [one.fingerprint for one in incident.firing(settle=timedelta(seconds=60))] == [many[0].fingerprint]
    await ledger.tell(make_group(gone[0]))
    assert (await ledger.incidents())[0].state is IncidentState.RESOLVED
    assert [one.kind for one in await ledger.due()].count(MessageKind.INCIDENT) == 1


async def test_alerts_that_ended_long_ago_are_forgotten(ledger: Ledger) -> None:
    """An incident that stays open for days does not grow with the pods that came and went."""
    await ledger.tell(make_group(FIRING, make_alert(pod="old")))
    await ledger.tell(make_group(make_alert(pod="old", status=AlertStatus.RESOLVED)))
    await ledger.clock.advance(seconds=25 * 3600)
    await ledger.tell(make_group(FIRING))
    (incident,) = await ledger.incidents()
    assert [tracked.alert.labels["pod"] for tracked in incident.alerts] == ["api-1"]


async def test_a_group_of_two_services_becomes_two_incidents(ledger: Ledger) -> None:
    """Each in its service's channel; what nobody takes goes to the default channel, uncounted."""
    before = telemetry.ALERTS_UNMATCHED._value.get()
    await ledger.tell(
        make_group(
            FIRING,
            make_alert(pod="b", labels={"service": "billing"}),
            make_alert(pod="x", labels={"service": "unknown"}),
        )
    )
    found = {one.key.service: one.channel for one in await ledger.incidents()}
    assert found == {"churn": "C-churn", "billing": "C-billing", "": "C-default"}
    assert telemetry.ALERTS_UNMATCHED._value.get() == before


async def test_a_worse_alert_raises_the_severity(ledger: Ledger) -> None:
    """The change is an event with both severities, and the worst alert names the incident."""
    await ledger.tell(make_group(FIRING))
    await ledger.tell(make_group(FIRING, make_alert("Down", labels={"severity": "critical"})))
    (incident,) = await ledger.incidents()
    assert (incident.severity, incident.title, incident.other_runbooks) == (
        Severity.P1,
        "Down",
        ("HighLatency",),
    )
    event = (await ledger.events(incident.id))[-1]
    assert event.kind is EventKind.SEVERITY_CHANGED
    assert event.detail == {"before": "P3", "after": "P1"}
    (message, _) = await ledger.due()
    assert message.urgency == 1


async def test_other_open_incidents_of_the_service_are_shown_anew(ledger: Ledger) -> None:
    """Their header names the open ones; those of other services and mere changes touch nothing."""
    await ledger.tell(make_group(FIRING, key="first"))
    await ledger.tell(make_group(make_alert(labels={"service": "billing"}), key="other"))
    await ledger.show_all()
    await ledger.tell(make_group(make_alert(pod="2"), key="second"))
    assert sorted(one.subject for one in await ledger.due()) == ["1", "3"]
    await ledger.show_all()
    await ledger.clock.advance(seconds=1)
    await ledger.tell(make_group(make_alert(pod="2", annotations={"summary": "new"}), key="second"))
    assert [one.subject for one in await ledger.due()] == ["3"]


async def test_a_webhook_that_cannot_be_merged_holds_up_no_other(ledger: Ledger) -> None:
    """It is counted, kept, tried again later and later, and merged once the cause is gone."""
    failures = telemetry.MERGE_FAILURES._value.get()
    groups = [make_group(make_alert(pod=str(number)), key=str(number)) for number in range(3)]
    await ledger.tell(groups[0], make_group(make_alert("Poison"), key="p"), *groups[1:])
    assert len(await ledger.incidents()) == 3
    assert telemetry.MERGE_FAILURES._value.get() == failures + 1
    async with ledger.store.transaction() as tx:
        backlog = await tx.deliveries.backlog()
        assert (backlog.waiting, backlog.failing) == (1, 1)
        assert await tx.deliveries.take(limit=5) == ()
    await ledger.clock.advance(seconds=2)
    await ledger.merging.step()
    async with ledger.store.transaction() as tx:
        assert await tx.deliveries.take(limit=5) == ()
    ledger.merging._classify = lambda _: Classification(severity=Severity.P4, runbook=None)
    await ledger.clock.advance(seconds=600)
    await ledger.merging.step()
    async with ledger.store.transaction() as tx:
        assert (await tx.deliveries.backlog()).waiting == 0
    assert len(await ledger.incidents()) == 4


async def test_alerts_left_out_of_the_message_keep_the_incident_open(ledger: Ledger) -> None:
    """All that were named have ended, but nothing tells whether the others burn."""
    await ledger.tell(replace(make_group(FIRING), truncated=2))
    await ledger.tell(replace(make_group(RESOLVED), truncated=2))
    (incident,) = await ledger.incidents()
    assert incident.state is IncidentState.TRIGGERED
    assert incident.firing(settle=timedelta(seconds=60)) == ()
    await ledger.tell(make_group(RESOLVED))
    assert (await ledger.incidents())[0].state is IncidentState.RESOLVED


async def test_a_heartbeat_opens_nothing(ledger: Ledger) -> None:
    """It is cut out before routing, also of a mixed group, and its receipt is kept."""
    ledger.merging._is_heartbeat = lambda labels: labels["alertname"] == "Watchdog"
    before = telemetry.HEARTBEATS._value.get()
    await ledger.clock.advance(seconds=60)
    await ledger.tell(make_group(make_alert("Watchdog"), key="w"))
    assert await ledger.incidents() == ()
    await ledger.tell(make_group(make_alert("Watchdog"), FIRING))
    (incident,) = await ledger.incidents()
    assert [one.alert.name for one in incident.alerts] == ["HighLatency"]
    assert telemetry.HEARTBEATS._value.get() == before + 2
    async with ledger.store.transaction() as tx:
        assert await tx.heartbeats.last(BEAT) == START + timedelta(seconds=60)
