"""Requests, presses and time, through the engine and the store: who wins, what is kept, what is refused."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database.approvals import ApprovalTable
from bot.domain.approvals import ApprovalState, DecisionWord, plan_digest
from bot.domain.commands import OutcomeReason
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.domain.policies import ApprovalPolicy, ApprovalRule
from bot.domain.remedies import ExecutionState
from bot.rehearsal.faults import Fault
from tests.acting import ALICE, BOB, CAROL, LIFETIME

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from bot.domain.remedies import Plan, Refusal, RemediationRequest
    from tests.acting import Bench


async def test_a_grant_commits_the_intent_and_rings(bench: Bench) -> None:
    """State, intent and event are there after one press, and the acting engine is woken."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    outcome = await bench.press(start, approval)
    assert (outcome.reason, bench.rung) == (OutcomeReason.DONE, [True])
    assert (await bench.approval(approval.id)).state is ApprovalState.GRANTED
    assert (await bench.outcome(approval))[0] == ExecutionState.INTENDED
    (event,) = await bench.events(incident, EventKind.APPROVAL_GRANTED)
    assert (event.actor, event.detail["digest"]) == (BOB, approval.digest)
    assert bench.writer.orders == []


async def test_a_request_goes_into_the_incident_s_thread_else_into_the_channel(bench: Bench) -> None:
    """The message of a request belongs to its incident; one without is posted on its own."""
    start, incident = bench.start(), await bench.open_incident()
    first = await bench.asked(start, incident=incident)
    second = await bench.asked(start, 5)
    async with bench.store.transaction() as tx:
        messages = [await tx.messages.find(MessageKind.APPROVAL, each.id) for each in (first, second)]
    assert [message and message.incident_id for message in messages] == [incident.id, None]
    assert [message and message.channel for message in messages] == ["C0CHURN", "C0CHURN"]


async def test_one_grant_whoever_presses_how_often(bench: Bench) -> None:
    """Of presses at the same moment one wins, the others are told who was quicker, all are kept."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    outcomes = await asyncio.gather(
        *(bench.press(start, approval, by=one) for one in (BOB, CAROL, BOB)),
        bench.press(start, approval, DecisionWord.DENY, by=CAROL),
    )
    reasons = [outcome.reason for outcome in outcomes]
    assert sorted(reasons) == sorted([OutcomeReason.DONE, *[OutcomeReason.ALREADY] * 3])
    assert all("already by <@U0" in one.sentence for one in outcomes if one.reason is OutcomeReason.ALREADY)
    assert len(await bench.events(incident, EventKind.PRESS_REFUSED)) == 3


async def test_a_press_that_lost_its_race_says_who_was_quicker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two databases' readers may both see the request open; the slower one is refused with the truth."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    await bench.press(start, approval, by=CAROL)
    real, stale = ApprovalTable.get, [approval]

    async def get(self: ApprovalTable, approval_id: str) -> Approval | None:
        return stale.pop() if stale else await real(self, approval_id)

    monkeypatch.setattr(ApprovalTable, "get", get)
    outcome = await bench.press(start, approval, by=BOB)
    assert (outcome.reason, outcome.sentence) == (
        OutcomeReason.ALREADY,
        "This request is granted already by <@U0CAROL>; nothing was done.",
    )
    (event,) = await bench.events(incident, EventKind.PRESS_REFUSED)
    assert (event.actor, event.detail["why"]) == (BOB, "already_decided")


async def test_one_s_own_request_is_refused_and_stays_open(bench: Bench) -> None:
    """Alice cannot approve what she asked for unless the policy says so; she can take it back."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    outcome = await bench.press(start, approval, by=ALICE)
    assert outcome.reason is OutcomeReason.REFUSED
    assert "somebody else has to approve" in outcome.sentence
    assert [event.detail["why"] for event in await bench.events(incident, EventKind.PRESS_REFUSED)] == [
        "own_request"
    ]
    assert await bench.waiting() == [approval]
    bench.policy = ApprovalPolicy(general=ApprovalRule(requester_may_approve=True))
    assert (await bench.press(start, approval, by=ALICE)).reason is OutcomeReason.DONE


async def test_a_forged_digest_is_refused_and_kept(bench: Bench) -> None:
    """A button with another value neither grants nor closes the request."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    outcome = await bench.press(start, approval, digest="f" * 64)
    assert (outcome.reason, await bench.execution(approval.id)) == (OutcomeReason.REFUSED, None)
    (event,) = await bench.events(incident, EventKind.PRESS_REFUSED)
    assert event.detail["why"] == "digest_differs"
    assert await bench.waiting() == [approval]


@pytest.mark.parametrize("by_the_tick", [True, False])
async def test_an_expired_request_is_not_granted(bench: Bench, *, by_the_tick: bool) -> None:
    """Whether the tick or the press comes first: closed, refused, and both are kept."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    assert await start.deciding.expire_due() == 0
    bench.pass_time(LIFETIME.total_seconds())
    if by_the_tick:
        assert [await start.deciding.expire_due(), await start.deciding.expire_due()] == [1, 0]
    outcome = await bench.press(start, approval)
    assert outcome.reason is (OutcomeReason.ALREADY if by_the_tick else OutcomeReason.REFUSED)
    assert "expired" in outcome.sentence
    assert (await bench.approval(approval.id)).state is ApprovalState.EXPIRED
    assert await bench.execution(approval.id) is None
    (expired,) = await bench.events(incident, EventKind.APPROVAL_EXPIRED)
    (refused,) = await bench.events(incident, EventKind.PRESS_REFUSED)
    assert (expired.actor.id, refused.actor) == ("lightship", BOB)


async def test_a_newer_request_for_the_same_target_takes_the_older_one_s_place(bench: Bench) -> None:
    """One open request a target: the older one's button is refused."""
    start, incident = bench.start(), await bench.open_incident()
    older = await bench.asked(start, 5, incident=incident)
    newer = await bench.asked(start, 6, incident=incident, by=CAROL)
    assert await bench.waiting() == [newer]
    outcome = await bench.press(start, older)
    assert (outcome.reason, await bench.execution(older.id)) == (OutcomeReason.ALREADY, None)
    assert "superseded" in outcome.sentence
    assert (await bench.press(start, newer)).reason is OutcomeReason.DONE


async def test_a_resolved_incident_s_request_is_not_granted(bench: Bench) -> None:
    """What was asked for while it burnt is not done once it is over; denying it is possible still."""
    start, incident = bench.start(), await bench.open_incident()
    approval = await bench.asked(start, incident=incident)
    await bench.resolve(incident)
    outcome = await bench.press(start, approval)
    assert outcome.reason is OutcomeReason.REFUSED
    assert f"#{incident.id} is resolved" in outcome.sentence
    assert (await bench.approval(approval.id)).state is ApprovalState.SUPERSEDED
    assert await bench.execution(approval.id) is None
    assert [event.detail["why"] for event in await bench.events(incident, EventKind.PRESS_REFUSED)] == [
        "incident_resolved"
    ]


async def test_nothing_is_asked_for_a_resolved_or_an_unknown_incident(bench: Bench) -> None:
    """Neither is planned for; nobody is asked."""
    start, incident = bench.start(), await bench.open_incident()
    await bench.resolve(incident)
    assert (await bench.ask(start, incident=incident)).reason is OutcomeReason.REFUSED
    async with bench.store.transaction() as tx:
        ghost = await tx.incidents.get(incident.id)
    assert ghost is not None
    outcome = await bench.ask(start, incident=dataclasses.replace(ghost, id=99))
    assert outcome.reason is OutcomeReason.NOT_FOUND
    assert await bench.waiting() == []


async def test_an_incident_that_ends_while_it_is_planned_for_asks_nobody(bench: Bench) -> None:
    """Planning takes seconds; what ended in them needs no repair."""
    start, incident = bench.start(), await bench.open_incident()
    real = start.approving._plan

    async def slow(wish: RemediationRequest) -> Plan | Refusal:
        plan = await real(wish)
        await bench.resolve(incident)
        return plan

    start.approving._plan = slow
    outcome = await bench.ask(start, incident=incident)
    assert (outcome.reason, await bench.waiting()) == (OutcomeReason.REFUSED, [])


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.FORBIDDEN, Fault.THROTTLED, Fault.SERVER_ERROR])
async def test_what_cannot_be_planned_is_refused_with_a_sentence(bench: Bench, fault: Fault) -> None:
    """A cluster that hangs or says no makes no request, and the refusal is kept."""
    bench.answers_within = 0.05
    start, incident = bench.start(), await bench.open_incident()
    bench.world.faults.switch_on("cluster", fault)
    outcome = await bench.ask(start, incident=incident)
    assert (outcome.reason, await bench.waiting()) == (OutcomeReason.REFUSED, [])
    assert len(await bench.events(incident, EventKind.REMEDIATION_REFUSED)) == 1


async def test_the_kill_switch_refuses_requests(bench: Bench) -> None:
    """While remediations are off nobody is asked."""
    bench.enabled = False
    outcome = await bench.ask(bench.start())
    assert (outcome.reason, await bench.waiting()) == (OutcomeReason.REFUSED, [])
    assert "switched off" in outcome.sentence


async def test_a_field_that_a_later_version_adds_leaves_digests_as_they_are(bench: Bench) -> None:
    """Requests that wait over an upgrade can still be granted: empty fields count for nothing."""
    approval = await bench.asked(bench.start())
    plan = approval.plan
    assert not plan.runbook

    Older = dataclasses.make_dataclass(  # noqa: N806 - a class
        "Older", [f.name for f in dataclasses.fields(plan) if f.name not in {"runbook", "remediation"}]
    )
    older = Older(**{f.name: getattr(plan, f.name) for f in dataclasses.fields(Older)})
    assert plan_digest(older, approval_id=approval.id, requester=ALICE) == approval.digest
