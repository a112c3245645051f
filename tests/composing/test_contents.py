"""What messages say when they are sent: the latest state, nobody called twice, no button without a deed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.access import AccessPolicy
from bot.domain.actors import LIGHTSHIP
from bot.domain.errors import Permanent
from bot.domain.events import EventKind
from bot.domain.findings import Finding, Verdict
from bot.domain.incidents import Classification
from bot.domain.messages import Lease, MessageKind, Pace
from bot.domain.outside_text import is_web_address
from bot.domain.policies import ApprovalPolicy, ApprovalRule
from bot.domain.runbooks import CheckStep, HumanStep, Link, Runbook, RunbookRemediation
from bot.domain.services import WatchedService
from bot.domain.severity import Severity
from bot.engines.composing import Composing
from bot.engines.noting import append, note, put_in_thread, show
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_alert, make_approval, make_incident, make_key, make_message
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.incidents import Incident
    from bot.domain.messages import Message
    from bot.ports.notifier import RenderedMessage

PACE = Pace(
    channel_interval=timedelta(seconds=0.001), edit_interval=timedelta(seconds=0.001), edit_burst=1_000
)
CHURN = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    policy=AccessPolicy(channel="C0CHURN", approvers=("U0BOB",)),
    approval=ApprovalPolicy(general=ApprovalRule(approvers=("U0BOB",))),
    oncall="S0ONCALL",
    mention=frozenset({Severity.P1}),
    dashboard_url="javascript:alert(1)",
)
RUNBOOK = Runbook(
    name="high-latency",
    title="High latency",
    severity=None,
    match=(),
    summary_template="{{ labels.pod }} is slow",
    steps=(
        CheckStep(title="Pods", check="pods"),
        CheckStep(title="Read minds", check="telepathy"),
        HumanStep(title="Think", text_template="of {{ service.name }}"),
    ),
    remediations=(
        RunbookRemediation(name="scale-up", title="More pods", action="scale"),
        RunbookRemediation(name="exorcise", title="Exorcise", action="exorcise"),
    ),
    links=(Link(title="Wiki", url_template="https://wiki.example/{{ labels.pod }}"),),
)


class Desk:
    """Composing over a store, and a publisher's hand."""

    def __init__(self, store: SqlStore, clock: FrozenClock) -> None:
        self.store = store
        self.clock = clock
        self.ids = SequentialIds()
        self.composing = Composing(
            services={"churn": CHURN},
            runbook=lambda name: RUNBOOK if name == RUNBOOK.name else None,
            classify=lambda _: Classification(severity=Severity.P1, runbook=None),
            settle=timedelta(seconds=60),
            checks={"pods"},
            enabled=lambda: True,
        )

    async def opened(self, **changes: object) -> Incident:
        """An incident whose message is due."""
        async with self.store.transaction() as tx:
            incident = await tx.incidents.save(make_incident(**{"severity": Severity.P1, **changes}))
            await show(tx, self.ids, incident)
        return incident

    async def content(self, kind: MessageKind, subject: str) -> RenderedMessage:
        """The message as it would be sent now."""
        async with self.store.transaction() as tx:
            message = await tx.messages.find(kind, subject)
            assert message is not None
            return await self.composing.compose(tx, message)

    async def publish(self, message: Message) -> None:
        """Say that a message is shown."""
        await self.clock.advance(seconds=1)
        async with self.store.transaction() as tx:
            lease = Lease(owner="p", duration=timedelta(seconds=60))
            claimed = [one.message.id for one in await tx.messages.claim(lease, PACE, limit=9)]
            assert message.id in claimed
            done = await tx.messages.finish(
                message.id, owner="p", revision=message.desired_revision, ts=f"17.{message.id}"
            )
            assert done
            await tx.messages.release("p")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A store in a file."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        yield Desk(store, clock)


def calls(message: RenderedMessage) -> bool:
    """Whether somebody is called."""
    return "subteam^S0ONCALL" in f"{message.text} {message.blocks}"


async def test_people_are_called_by_the_first_post_alone(desk: Desk) -> None:
    """Not by an edit, however the incident changes; and not below the configured severity."""
    incident = await desk.opened()
    subject = str(incident.id)
    assert calls(await desk.content(MessageKind.INCIDENT, subject))
    async with desk.store.transaction() as tx:
        message = await tx.messages.find(MessageKind.INCIDENT, subject)
    assert message is not None
    await desk.publish(message)
    assert not calls(await desk.content(MessageKind.INCIDENT, subject))
    lesser = await desk.opened(key=make_key("lesser"), severity=Severity.P2)
    assert not calls(await desk.content(MessageKind.INCIDENT, str(lesser.id)))


async def test_a_reopening_calls_people_again_and_other_events_do_not(desk: Desk) -> None:
    """In the thread, by severity; nothing else in a thread calls anybody."""
    incident = await desk.opened()
    lesser = await desk.opened(key=make_key("lesser"), severity=Severity.P2)
    called = []
    for one, kind in (
        (incident, EventKind.REOPENED),
        (incident, EventKind.RESOLVED),
        (lesser, EventKind.REOPENED),
    ):
        async with desk.store.transaction() as tx:
            event = await note(tx, desk.ids, one, kind, actor=LIGHTSHIP)
        called.append(calls(await desk.content(MessageKind.EVENT, event.id)))
    assert called == [True, False, False]


async def test_what_is_not_built_offers_no_button(desk: Desk) -> None:
    """Checks and actions of a later version are named, for people, and cannot be pressed."""
    incident = await desk.opened()
    blocks = str((await desk.content(MessageKind.INCIDENT, str(incident.id))).blocks)
    assert "run_check:pods" in blocks
    assert "request_remediation:scale-up" in blocks
    view = desk.composing.runbook_view(incident, ())
    assert view is not None
    assert [(step.title, step.check) for step in view.steps] == [
        ("Pods", "pods"),
        ("Think", None),
        ("Look at these by hand", None),
    ]
    assert [one.name for one in view.remediations] == ["scale-up"]
    assert "telepathy" not in blocks
    assert "exorcise" not in blocks


async def test_texts_are_made_for_the_worst_alert_with_findings_beside_their_steps(desk: Desk) -> None:
    """The runbook's words name the pod, and the check's step carries what it found."""
    incident = await desk.opened()
    finding = Finding(
        check="pods",
        target="churn",
        verdict=Verdict.WARN,
        summary="2 of 3 ready",
        observed_at=START,
        fresh_for=timedelta(minutes=1),
    )
    view = desk.composing.runbook_view(incident, (finding,))
    assert view is not None
    assert (view.summary, view.steps[0].finding, view.steps[1].text) == ("api-1 is slow", finding, "of churn")


async def test_only_web_addresses_become_links(desk: Desk) -> None:
    """An annotation or a dashboard's setting cannot smuggle another scheme in; a template makes its link."""
    alert = make_alert(annotations={"runbook_url": "file:///etc/passwd"})
    incident = make_incident(id=1, external_url="http://alertmanager.example:9093")
    links = desk.composing._links(incident, alert)
    assert [(link.label, link.url) for link in links] == [
        ("Alertmanager", "http://alertmanager.example:9093"),
        ("Wiki", "https://wiki.example/api-1"),
    ]
    for bad in ("http://", "https://a b", "http://x|y", "http://[", "ftp://x", "http://x\n"):
        assert not is_web_address(bad)


async def test_open_neighbours_are_named_without_oneself(desk: Desk) -> None:
    """At most five of them."""
    numbers = [(await desk.opened(key=make_key(f"key-{place}"))).id for place in range(8)]
    async with desk.store.transaction() as tx:
        message = await tx.messages.find(MessageKind.INCIDENT, str(numbers[0]))
        assert message is not None
        view = await desk.composing.incident_view(tx, message)
    assert [line.id for line in view.other_open] == numbers[1:6]


async def test_requests_findings_and_notices_are_shown_from_the_store(desk: Desk) -> None:
    """Each kind finds what it shows, in its latest state."""
    incident = await desk.opened()
    finding = Finding(
        check="pods",
        target="churn",
        verdict=Verdict.FAIL,
        summary="no pod is ready",
        observed_at=START,
        fresh_for=timedelta(minutes=1),
    )
    async with desk.store.transaction() as tx:
        approval = replace(make_approval(), incident_id=incident.id)
        await tx.approvals.add(approval)
        await put_in_thread(tx, desk.ids, incident, kind=MessageKind.APPROVAL, subject=approval.id)
        await tx.findings.save(incident.id, finding)
        subject = f"{incident.id}/pods"
        await put_in_thread(tx, desk.ids, incident, kind=MessageKind.FINDINGS, subject=subject)
        event = await append(
            tx,
            desk.ids,
            EventKind.NOTICE,
            service="",
            incident_id=None,
            actor=LIGHTSHIP,
            detail={"title": "Alerts are refused", "text": "by 401"},
        )
        await tx.messages.put(make_message(event.id, kind=MessageKind.NOTICE))
    assert "Approval needed" in str((await desk.content(MessageKind.APPROVAL, approval.id)).blocks)
    assert "no pod is ready" in str((await desk.content(MessageKind.FINDINGS, subject)).blocks)
    assert "Alerts are refused" in str((await desk.content(MessageKind.NOTICE, event.id)).blocks)


@pytest.mark.parametrize("kind", MessageKind)
async def test_what_is_gone_from_the_store_cannot_be_shown(desk: Desk, kind: MessageKind) -> None:
    """The publisher is told so for good, instead of trying for ever."""
    message = make_message("77/pods" if kind is MessageKind.FINDINGS else "77", kind=kind, incident_id=77)
    async with desk.store.transaction() as tx:
        with pytest.raises(Permanent, match="not in the store"):
            await desk.composing.compose(tx, message)
