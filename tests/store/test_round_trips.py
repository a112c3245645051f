"""Whatever is kept comes back as it was, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database.rows import APPROVAL, FINDING, INCIDENT
from bot.domain.actors import LIGHTSHIP, user
from bot.domain.alerts import TrackedAlert
from bot.domain.approvals import ApprovalState, plan_digest
from bot.domain.drills import Drill
from bot.domain.errors import Permanent
from bot.domain.events import Event, EventKind
from bot.domain.files import Attachment
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.incidents import IncidentState, Resolution, SilenceMark
from bot.domain.remedies import Execution, ExecutionState
from bot.domain.severity import Severity
from bot.domain.suspects import FailureMode, Suspect
from bot.testing import START
from tests.making import (
    make_alert,
    make_approval,
    make_delivery,
    make_drift_report,
    make_group,
    make_incident,
    make_key,
)

if TYPE_CHECKING:
    from tests.store.conftest import World

ODD = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)


async def test_deliveries_come_back_in_the_order_in_which_they_were_accepted(world: World) -> None:
    """Webhooks of one commit keep their order, with texts that PostgreSQL cannot store as they are."""
    odd = make_alert(annotations={"text": "nul \x00, <!channel> & 🔥", "long": "x" * 10_000}, starts_at=ODD)
    told = [make_delivery(make_group(odd, key="k" * 9_000)) for _ in range(5)]
    async with world.store.transaction() as tx:
        await tx.deliveries.add(told)
    async with world.store.transaction() as tx:
        assert await tx.deliveries.take(limit=10) == tuple(told)
        await tx.deliveries.merged([told[0].id, told[1].id])
        assert (await tx.deliveries.backlog()).waiting == 3


async def test_webhooks_of_one_commit_are_kept_together_or_not_at_all(world: World) -> None:
    """As many as one commit takes, in their order; of a commit that fails none."""
    told = [make_delivery() for _ in range(200)]
    await world.store.keep(told)
    with pytest.raises(Permanent):
        await world.store.keep([make_delivery(), told[0]])
    async with world.store.transaction() as tx:
        taken = await tx.deliveries.take(limit=500)
    assert [one.id for one in taken] == [one.id for one in told]


async def test_half_characters_are_replaced(world: World) -> None:
    """A lone surrogate, which no database takes, costs one character and not the webhook."""
    async with world.store.transaction() as tx:
        await tx.deliveries.add([make_delivery(make_group(make_alert(annotations={"text": "a\ud800b"})))])
        (kept,) = await tx.deliveries.take(limit=1)
    assert kept.group.alerts[0].annotations == {"text": "a?b"}


async def test_an_incident_comes_back_as_it_was(world: World) -> None:
    """Every field of an incident survives, with its number given by the store."""
    tracked = TrackedAlert(alert=make_alert(starts_at=ODD), last_firing=ODD, last_resolve=ODD)
    full = make_incident(
        alerts=(tracked,),
        other_runbooks=("a", "b"),
        acknowledged_at=ODD,
        acknowledged_by=user("U0ALICE", team="T1"),
        resolved_at=ODD,
        resolution=Resolution.GONE,
        silence=SilenceMark(
            id="s", by=LIGHTSHIP, reason="r", starts_at=ODD, ends_at=ODD + timedelta(hours=1)
        ),
        key=make_key("g" * 9_000),
    )
    async with world.store.transaction() as tx:
        kept = await tx.incidents.save(full)
        assert kept.id > 0
        assert await tx.incidents.get(kept.id) == kept == replace(full, id=kept.id)
        assert await tx.incidents.newest(full.key) == kept
        assert await tx.incidents.get(kept.id + 1) is None


async def test_a_drill_is_known_by_its_fingerprint_and_only_where_it_was_registered(world: World) -> None:
    """What was registered comes back by its id and its fingerprint; what was not is unknown."""
    drill = Drill(
        id="5f2c61d09b7a",
        fingerprint="5b3d1b9c8f0a7d2e",
        service="churn",
        runbook="HighAPILatency",
        labels={"alertname": "HighAPILatency"},
        annotations={},
        at=START,
    )
    async with world.store.transaction() as tx:
        await tx.drills.add(drill)
    async with world.store.transaction() as tx:
        assert await tx.drills.get(drill.id) == drill
        assert await tx.drills.get("other") is None
        assert await tx.drills.known({drill.fingerprint, "0000000000000000"}) == {drill.fingerprint: drill.id}


async def test_an_approval_keeps_its_digest(world: World) -> None:
    """The plan that comes back has the digest that was shown: numbers keep their types."""
    approval = make_approval()
    async with world.store.transaction() as tx:
        await tx.approvals.add(approval)
        kept = await tx.approvals.get(approval.id)
    assert kept == approval
    assert plan_digest(kept.plan, approval_id=kept.id, requester=kept.requester) == approval.digest


async def test_an_execution_comes_back_as_it_was(world: World) -> None:
    """The intent and what was measured survive."""
    approval = make_approval()
    execution = Execution(
        approval_id=approval.id,
        state=ExecutionState.INTENDED,
        started_at=ODD,
        updated_at=ODD,
        measured={"seconds": 1.5, "replicas": 6},
    )
    async with world.store.transaction() as tx:
        await tx.approvals.add(approval)
        assert await tx.executions.add(execution)
        assert await tx.executions.get(approval.id) == execution


async def test_findings_and_events_come_back_as_they_were(world: World) -> None:
    """Facts keep their types; the newer finding of a check takes the older one's place."""
    finding = Finding(
        check="pods",
        target="churn-api",
        verdict=Verdict.WARN,
        summary="one restarts",
        observed_at=ODD,
        fresh_for=timedelta(minutes=5),
        facts={"ready": 2, "ratio": 0.5, "ok": False, "names": ("a", "b"), "none": None, "digits": "2"},
        table=Table(columns=("pod",), rows=(("a",), ("b",))),
        suspects=(
            Suspect(
                mode=FailureMode.OUT_OF_MEMORY,
                title="Container api ran out of memory",
                subject="deployment churn-api",
                certainty=0.9,
                evidence=("OOMKilled twice", "the limit is 64Mi"),
                since=ODD,
            ),
        ),
    )
    async with world.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        await tx.findings.save(incident.id, replace(finding, summary="older"))
        await tx.findings.save(incident.id, finding)
        assert await tx.findings.of_incident(incident.id) == (finding,)
        assert (await tx.findings.of_incident(incident.id))[0].facts["ok"] is False
        told = [
            Event(
                id=f"e{number}",
                at=START,
                kind=EventKind.OPENED,
                service="churn",
                incident_id=incident.id,
                actor=LIGHTSHIP,
                detail={"n": number, "f": 1.0, "s": "1", "x": None},
            )
            for number in range(3)
        ]
        for event in told:
            await tx.events.add(event)
        assert await tx.events.of_incident(incident.id) == tuple(told)
        assert await tx.events.get("e1") == told[1]


def test_a_finding_of_an_older_version_has_no_suspects() -> None:
    """A row that was written before suspects were kept can be read."""
    text = (
        '{"check": "pods", "target": "a/b", "verdict": "ok", "summary": "fine",'
        ' "observed_at": "2026-01-01T00:00:00Z", "fresh_for": "PT2M"}'
    )
    assert FINDING.load(text).suspects == ()


def test_keys_of_a_newer_version_are_ignored() -> None:
    """A row that a newer version wrote can be read while both run."""
    text = INCIDENT.dump(make_incident())
    assert INCIDENT.load('{"of_the_future": {"a": 1}, ' + text[1:]) == make_incident()


def test_a_row_that_cannot_be_read_says_so_and_shows_nothing_of_it() -> None:
    """A broken row is a Permanent without the row's content."""
    with pytest.raises(Permanent) as caught:
        APPROVAL.load('{"id": "secret-looking"}')
    assert str(caught.value) == "a stored approval cannot be read"


async def test_leaving_with_an_exception_undoes_everything(world: World) -> None:
    """Nothing of a transaction stays that ended by an exception."""

    async def fail() -> None:
        async with world.store.transaction() as tx:
            await tx.incidents.save(make_incident())
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with world.store.transaction() as tx:
        assert await tx.incidents.recent() == ()


async def test_open_incidents_come_worst_and_oldest_first(world: World) -> None:
    """The order of the open ones, by service and over all; resolved ones are not among them."""
    async with world.store.transaction() as tx:
        mild = await tx.incidents.save(make_incident(severity=Severity.P3))
        bad = await tx.incidents.save(make_incident(severity=Severity.P1, key=make_key(service="other")))
        older = await tx.incidents.save(
            make_incident(severity=Severity.P3, opened_at=START - timedelta(hours=1))
        )
        over = await tx.incidents.save(make_incident(state=IncidentState.RESOLVED))
        assert await tx.incidents.unresolved() == (bad, older, mild)
        assert await tx.incidents.unresolved(service="churn", limit=1) == (older,)
        assert await tx.incidents.unresolved_ids(service="churn", limit=5) == (older.id, mild.id)
        assert [one.id for one in await tx.incidents.recent(limit=2)] == [over.id, older.id]


async def test_an_approval_is_decided_once(world: World) -> None:
    """The second of two answers, made from the same state, changes nothing."""
    approval = make_approval()
    granted = replace(approval, state=ApprovalState.GRANTED, revision=2)
    async with world.store.transaction() as tx:
        await tx.approvals.add(approval)
        assert await tx.approvals.requested(service="churn") == (approval,)
        assert await tx.approvals.replace(granted)
        assert not await tx.approvals.replace(replace(granted, state=ApprovalState.DENIED))
        assert await tx.approvals.get(approval.id) == granted
        assert await tx.approvals.requested() == ()


async def test_the_newest_drift_report_of_a_service_is_the_latest(world: World) -> None:
    """Reports come back as they were, those of other services apart, with the time of the store."""
    older, newer = make_drift_report(score=0.1), make_drift_report(score=0.42)
    async with world.store.transaction() as tx:
        assert await tx.drift_reports.latest("churn") is None
        await tx.drift_reports.save("churn", older)
        await tx.drift_reports.save("churn", newer)
        await tx.drift_reports.save("other", older)
    async with world.store.transaction() as tx:
        latest = await tx.drift_reports.latest("churn")
        other = await tx.drift_reports.latest("other")
    assert latest is not None
    assert other is not None
    assert (latest.report, other.report) == (newer, older)
    assert abs(latest.made_at - tx.now) < timedelta(minutes=1)


async def test_a_finding_is_kept_without_what_is_attached_to_it(world: World) -> None:
    """A text of a megabyte is a file of its own, not part of every look at the incident."""
    finding = Finding(
        check="logs",
        target="churn",
        verdict=Verdict.OK,
        summary="fine",
        observed_at=ODD,
        fresh_for=timedelta(minutes=1),
        attachments=(Attachment(name="logs.txt", title="Logs", text="x" * 100),),
    )
    async with world.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        await tx.findings.save(incident.id, finding)
        assert await tx.findings.of_incident(incident.id) == (finding.without_attachments(),)
    assert finding.without_attachments().attachments == ()
