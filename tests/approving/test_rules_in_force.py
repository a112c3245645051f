"""The policy through the engines and the store: two people, nobody, the glass, hours, how often."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.approvals import ApprovalState, DecisionWord
from bot.domain.commands import OutcomeReason
from bot.domain.events import EventKind
from bot.domain.hours import parse_hours
from bot.domain.messages import MessageKind
from bot.domain.policies import ApprovalPolicy, ApprovalRule
from bot.domain.remedies import ExecutionState
from bot.domain.severity import Severity
from bot.rendering.sentences import sentence
from bot.telemetry import GLASS_BROKEN
from tests.acting import ALICE, BOB, CAROL, POLICY

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from bot.domain.incidents import Incident
    from tests.acting import Bench

GLASS = ApprovalPolicy(
    general=ApprovalRule(approvers=("U0BOB", "S0LEADS"), break_glass_after=timedelta(minutes=10))
)


async def critical(bench: Bench) -> Incident:
    """A P1."""
    incident = await bench.open_incident()
    async with bench.store.transaction() as tx:
        found = await tx.incidents.get(incident.id)
        assert found is not None
        return await tx.incidents.save(replace(found, severity=Severity.P1))


async def revision(bench: Bench, approval: Approval) -> int:
    """How often what shows a request was to be shown anew."""
    async with bench.store.transaction() as tx:
        message = await tx.messages.find(MessageKind.APPROVAL, approval.id)
    assert message is not None
    return message.desired_revision


async def test_two_people_have_to_agree(bench: Bench) -> None:
    """The first yes is kept, shown and does nothing; the second does it, once."""
    bench.policy = ApprovalPolicy(general=replace(POLICY.general, approvals=2))
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    first = await bench.press(start, approval, by=BOB)
    assert (first.reason, first.sentence) == (
        OutcomeReason.DONE,
        "Your approval counts; 1 more person has to approve it as well.",
    )
    assert (await bench.execution(approval.id), bench.rung) == (None, [])
    again = await bench.press(start, approval, by=BOB)
    assert again.reason is OutcomeReason.ALREADY
    assert (await bench.press(start, approval, by=CAROL)).reason is OutcomeReason.DONE
    kept = await bench.approval(approval.id)
    assert [vote.by for vote in kept.votes] == [BOB, CAROL]
    assert len(await bench.events(incident, EventKind.APPROVAL_COUNTED)) == 1
    await start.work()
    assert len(bench.writer.effects) == 1


async def test_what_needs_no_approval_is_done_and_stands_in_the_audit(bench: Bench) -> None:
    """Asked for, passed by the policy's word, done; nobody's name stands for the approval."""
    bench.policy = ApprovalPolicy(general=ApprovalRule(is_needed=False))
    start, incident = bench.start(), await bench.open_incident()
    outcome = await bench.ask(start, incident=incident)
    assert "policy asks nobody" in outcome.sentence
    assert bench.rung == [True]
    assert await bench.waiting() == []
    (event,) = await bench.events(incident, EventKind.APPROVAL_NOT_NEEDED)
    assert event.actor.id == "policy"
    await start.work()
    assert len(bench.writer.effects) == 1
    async with bench.store.transaction() as tx:
        chained = [json.loads(entry.body)["kind"] for entry, _ in await tx.audit.entries(after=0, limit=9)]
    assert chained[:2] == ["remediation_requested", "approval_not_needed"]


async def test_what_nobody_could_approve_is_not_asked_for(bench: Bench) -> None:
    """Its only approver asks, and may not approve: that is said at once; somebody else may ask."""
    bench.policy = ApprovalPolicy(general=ApprovalRule(approvers=("U0BOB",)))
    start, incident = bench.start(), await bench.open_incident()
    outcome = await bench.ask(start, by=BOB, incident=incident)
    assert (outcome.reason, await bench.waiting()) == (OutcomeReason.REFUSED, [])
    assert "nobody else is named as an approver of scale. Let somebody else ask" in outcome.sentence
    (event,) = await bench.events(incident, EventKind.REMEDIATION_REFUSED)
    assert event.detail["why"] == "nobody_left"
    asked = "🚫 <@U0BOB> asked for scale `deployment churn-mlops/churn-api`, and was refused: "
    assert sentence(event).startswith(asked)
    assert "Let somebody else ask" in sentence(event)
    await bench.asked(start, by=ALICE, incident=incident)


async def test_the_glass_is_offered_once_and_broken_with_a_reason(bench: Bench) -> None:
    """After its time the request is shown anew, once; breaking it calls the approvers and is counted."""
    bench.policy = GLASS
    start, incident = bench.start(), await critical(bench)
    approval = await bench.asked(start, incident=incident)
    before = await revision(bench, approval)
    early = await bench.press(start, approval, DecisionWord.BREAK_GLASS, by=ALICE, reason="alone")
    assert "too early" in early.sentence
    await start.deciding.expire_due()
    assert await revision(bench, approval) == before
    bench.pass_time(600)
    await start.deciding.expire_due()
    await start.deciding.expire_due()
    assert await revision(bench, approval) == before + 1
    counted = GLASS_BROKEN.labels(action="scale")._value.get()
    outcome = await bench.press(start, approval, DecisionWord.BREAK_GLASS, by=ALICE, reason="alone here")
    assert outcome.reason is OutcomeReason.DONE
    assert GLASS_BROKEN.labels(action="scale")._value.get() == counted + 1
    (event,) = await bench.events(incident, EventKind.APPROVAL_GLASS_BROKEN)
    assert (event.detail["said"], event.detail["approvers"]) == ("alone here", "U0BOB S0LEADS")
    async with bench.store.transaction() as tx:
        assert await tx.messages.find(MessageKind.EVENT, event.id) is not None
    await start.work()
    assert (await bench.outcome(approval))[0] == ExecutionState.SUCCEEDED


async def test_the_glass_of_a_lesser_incident_stays_whole(bench: Bench) -> None:
    """Only what is critical cannot wait; the try is kept."""
    bench.policy = GLASS
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    bench.pass_time(600)
    outcome = await bench.press(start, approval, DecisionWord.BREAK_GLASS, by=ALICE, reason="alone")
    assert "critical" in outcome.sentence
    (event,) = await bench.events(incident, EventKind.PRESS_REFUSED)
    assert (event.detail["what"], event.detail["why"]) == ("break_glass", "glass_not_critical")


async def test_a_withdrawn_request_says_who_took_it_back(bench: Bench) -> None:
    """Not denied: its own requester ended it, with the reason."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    outcome = await bench.press(start, approval, DecisionWord.DENY, by=ALICE, reason="my mistake")
    assert outcome.sentence == "Withdrawn."
    kept = await bench.approval(approval.id)
    assert (kept.state, kept.decision_reason) == (ApprovalState.WITHDRAWN, "my mistake")
    (event,) = await bench.events(incident, EventKind.APPROVAL_WITHDRAWN)
    assert event.detail["said"] == "my mistake"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (ApprovalRule(hours=(parse_hours("Mon 00:00-00:01"),)), "out_of_hours"),
        (ApprovalRule(at_most_an_hour=1), "too_often"),
    ],
)
async def test_what_the_policy_forbids_now_is_neither_asked_for_nor_granted(
    bench: Bench, rule: ApprovalRule, why: str
) -> None:
    """It holds at the request, and again at the press, where the policy or the hour changed meanwhile."""
    start, incident = bench.start(), await bench.open_incident()
    await bench.granted(start, 4)
    await start.work()
    waiting = await bench.asked(start, 5, incident=incident)
    bench.policy = ApprovalPolicy(general=rule)
    assert (await bench.press(start, waiting)).reason is OutcomeReason.REFUSED
    assert (await bench.ask(start, 6, incident=incident)).reason is OutcomeReason.REFUSED
    (pressed,) = await bench.events(incident, EventKind.PRESS_REFUSED)
    (asked,) = await bench.events(incident, EventKind.REMEDIATION_REFUSED)
    assert [pressed.detail["why"], asked.detail["why"]] == [why, why]
    assert (await bench.approval(waiting.id)).state is ApprovalState.REQUESTED
