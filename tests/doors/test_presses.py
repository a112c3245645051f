"""What a press on each button does, and which presses count for nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from bot.console.faults import Fault
from bot.domain.actors import user
from bot.domain.approvals import ApprovalState, DecisionWord
from bot.domain.commands import (
    AcknowledgeIncident,
    DecideApproval,
    LiftSilence,
    ResolveIncident,
    RunChecks,
)
from bot.domain.messages import MessageKind
from bot.domain.remedies import Target
from bot.rendering.buttons import (
    ActionWord,
    ApprovalButton,
    CheckButton,
    IncidentButton,
    RemediationButton,
    RunbookButton,
)
from tests.doors.engine_bench import make_approval, make_incident

if TYPE_CHECKING:
    from bot.rendering.buttons import ButtonValue
    from tests.doors.conftest import Bot

ALICE, BOB = user("U0ALICE", team="T0LOCAL"), user("U0BOB", team="T0LOCAL")
SEVEN = IncidentButton(incident_id=7)


@pytest.mark.parametrize(
    ("word", "suffix", "value", "command"),
    [
        (ActionWord.ACKNOWLEDGE, "", SEVEN, AcknowledgeIncident(incident_id=7, actor=ALICE)),
        (ActionWord.RESOLVE, "", SEVEN, ResolveIncident(incident_id=7, actor=ALICE)),
        (ActionWord.UNDO, "silence", SEVEN, LiftSilence(incident_id=7, actor=ALICE)),
        (ActionWord.RUN_ALL_CHECKS, "", SEVEN, RunChecks(incident_id=7, checks=(), actor=ALICE)),
        (
            ActionWord.RUN_CHECK,
            "pods",
            CheckButton(incident_id=7, check="pods"),
            RunChecks(incident_id=7, checks=("pods",), actor=ALICE),
        ),
    ],
)
async def test_a_press_becomes_one_command(
    bot: Bot, word: ActionWord, suffix: str, value: ButtonValue, command: object
) -> None:
    """The engine gets exactly what the button says, in the name of who pressed, and its answer is told."""
    ts = bot.post((word, suffix, value))
    bot.engines.shown(ts)
    action = f"{word.value}:{suffix}" if suffix else word.value
    assert "It was done." in await bot.press(ts, action)
    assert bot.engines.asked == [command]


async def test_the_timeline_is_shown_privately(bot: Bot) -> None:
    """The press answers with the entries, and nobody else sees them."""
    ts = bot.post((ActionWord.TIMELINE, "", SEVEN))
    assert "Timeline of #7" in await bot.press(ts, "timeline")
    assert bot.whispered("U0BOB") == ""


async def test_a_runbook_is_rendered_for_its_incident(bot: Bot) -> None:
    """The named runbook is asked for with the incident's number; one that is gone is said to be."""
    ts = bot.post(
        (ActionWord.RUNBOOK, "a", RunbookButton(incident_id=7, runbook="high-latency")),
        (ActionWord.RUNBOOK, "b", RunbookButton(incident_id=7, runbook="removed")),
    )
    assert "High latency" in await bot.press(ts, "runbook:a")
    assert "no runbook removed" in await bot.press(ts, "runbook:b")
    assert bot.engines.asked[0] == ("runbook", "churn", "high-latency", 7)


async def test_what_cannot_be_undone_is_said(bot: Bot) -> None:
    """An undo of a later version is answered, not ignored, and kept."""
    ts = bot.post((ActionWord.UNDO, "scale", SEVEN))
    assert "cannot undo that" in await bot.press(ts, "undo:scale")
    assert bot.engines.asked == []
    assert bot.engines.refused == [("churn", "U0ALICE", "undo", "cannot_undo", 7)]


@pytest.mark.parametrize(
    ("remediation", "words"),
    [("removed", "has no remediation removed any more"), ("retrain", "No CronJob is configured")],
)
async def test_a_remediation_that_is_gone_is_said_and_kept(bot: Bot, remediation: str, words: str) -> None:
    """A button from before the runbook or the configuration was changed opens no form."""
    value = RemediationButton(incident_id=7, remediation=remediation)
    ts = bot.post((ActionWord.REQUEST_REMEDIATION, "x", value))
    await bot.press(ts, "request_remediation:x")
    assert words in str(bot.modal())
    assert bot.engines.refused == [("churn", "U0ALICE", "request_remediation", "not_possible", 7)]


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("acknowledge", "7"),
        ("acknowledge", '{"v":1,"i":"7"}'),
        ("acknowledge", '{"v":1,"i":-7}'),
        ("acknowledge", '{"v":99,"incident":{"number":7}}'),
        ("acknowledge", '{"v":1,"a":"a-1","d":"x"}'),
        ("approve", '{"v":1,"i":7}'),
        ("approve", "approve a-1"),
        ("drop_tables", '{"v":1,"i":7}'),
    ],
)
async def test_a_forged_or_foreign_value_does_nothing(bot: Bot, action: str, value: str) -> None:
    """The person is told in a sentence, the try is kept; no engine hears of it."""
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "x"},
        "action_id": action,
        "value": value,
    }
    ts = bot.post_raw([button])
    assert "🚫" in await bot.press(ts, action)
    assert bot.engines.asked == []
    assert [one[1:3] for one in bot.engines.refused] == [("U0ALICE", action)]


async def test_a_button_for_an_unknown_incident_says_so(bot: Bot) -> None:
    """An incident that is not in the record cannot be acted on."""
    ts = bot.post((ActionWord.ACKNOWLEDGE, "", IncidentButton(incident_id=99)))
    assert "no incident #99" in await bot.press(ts, "acknowledge")


async def test_a_button_in_another_channel_does_nothing(bot: Bot) -> None:
    """The incident's channel is the only place where its buttons count."""
    ts = bot.post((ActionWord.ACKNOWLEDGE, "", SEVEN), channel="C0OPS")
    assert "does not belong to this message" in await bot.press(ts, "acknowledge", channel="C0OPS")
    assert bot.engines.asked == []
    assert [one[3] for one in bot.engines.refused] == ["other_message"]


async def test_a_button_on_another_incident_s_message_does_nothing(bot: Bot) -> None:
    """Where the record knows the message, its incident must be the button's."""
    bot.engines.incidents_known[8] = make_incident(8)
    ts = bot.post((ActionWord.ACKNOWLEDGE, "", SEVEN))
    bot.engines.shown(ts, incident_id=8)
    assert "does not belong to this message" in await bot.press(ts, "acknowledge")
    assert bot.engines.asked == []


def approval_message(bot: Bot, *, shown_as: str = "a-1") -> str:
    """A request for approval with its two buttons, known to the record."""
    approval = make_approval()
    bot.engines.approvals["a-1"] = approval
    value = ApprovalButton(approval_id="a-1", digest=approval.digest)
    ts = bot.post(
        (ActionWord.APPROVE, "", value),
        (ActionWord.DENY, "", value),
        (ActionWord.APPROVE, "break_glass", value),
    )
    bot.engines.shown(ts, kind=MessageKind.APPROVAL, subject=shown_as)
    return ts


async def test_an_approver_approves_with_the_digest_that_was_shown(bot: Bot) -> None:
    """Bob is named, so his press reaches the engine with the button's digest."""
    ts = approval_message(bot)
    assert "It was done." in await bot.press(ts, "approve", user="U0BOB")
    digest, word = make_approval().digest, DecisionWord.APPROVE
    assert bot.engines.asked == [DecideApproval(approval_id="a-1", digest=digest, word=word, actor=BOB)]


@pytest.mark.parametrize(
    ("button", "who", "word"),
    [
        ("deny", "U0BOB", DecisionWord.DENY),
        ("deny", "U0ALICE", DecisionWord.DENY),
        ("approve:break_glass", "U0ALICE", DecisionWord.BREAK_GLASS),
    ],
)
async def test_denying_and_breaking_the_glass_ask_for_a_reason(
    bot: Bot, button: str, who: str, word: DecisionWord
) -> None:
    """The press opens a form, and what is submitted reaches the engine with the digest that was shown."""
    ts = approval_message(bot)
    await bot.press(ts, button, user=who)
    assert bot.engines.asked == []
    assert (await bot.submit({"reason": {"input": ""}}, user=who)).body["response_action"] == "errors"
    await bot.submit({"reason": {"input": "not now"}}, user=who)
    (command,) = bot.engines.asked
    assert (command.word, command.reason, command.digest) == (word, "not now", make_approval().digest)


async def test_undo_asks_for_the_change_to_be_taken_back(bot: Bot) -> None:
    """Under the request, and under the thread's entry that says it had no effect; not under another's."""
    approval_message(bot)
    approval = make_approval()
    value = ApprovalButton(approval_id="a-1", digest=approval.digest)
    ts = bot.post((ActionWord.UNDO, "action", value))
    bot.engines.shown(ts, kind=MessageKind.EVENT, subject="event-1")
    assert "It was done." in await bot.press(ts, "undo:action")
    (command,) = bot.engines.asked
    assert (command.request.undoes, command.request.target) == ("a-1", approval.plan.target)
    other = bot.post((ActionWord.UNDO, "action", value))
    bot.engines.shown(other, incident_id=8, kind=MessageKind.EVENT, subject="event-2")
    assert "does not belong" in await bot.press(other, "undo:action")
    forged = bot.post((ActionWord.UNDO, "action", ApprovalButton(approval_id="a-1", digest="f" * 64)))
    assert "does not belong" in await bot.press(forged, "undo:action")
    assert len(bot.engines.asked) == 1


async def test_a_form_for_a_decided_request_says_so(bot: Bot) -> None:
    """Nobody fills in a reason that counts for nothing, and the press is kept."""
    ts = approval_message(bot)
    decided = dataclasses.replace(make_approval(), state=ApprovalState.GRANTED)
    bot.engines.approvals["a-1"] = decided
    await bot.press(ts, "deny", user="U0BOB")
    assert "granted already" in str(bot.modal("U0BOB"))
    assert bot.engines.refused == [("churn", "U0BOB", "deny", "already_decided", 7)]


async def test_an_action_s_own_approvers_decide_over_it(bot: Bot) -> None:
    """Where a rule of the policy names others, the service's approvers may not press."""
    ts, approval = approval_message(bot), make_approval()
    target = Target(kind="Deployment", namespace="churn", name="churn-batch")
    plan = dataclasses.replace(approval.plan, target=target)
    bot.engines.approvals["a-1"] = dataclasses.replace(approval, plan=plan)
    assert "not among the approvers" in await bot.press(ts, "approve", user="U0BOB")
    assert "It was done." in await bot.press(ts, "approve", user="U0CAROL")


async def test_who_is_not_named_cannot_approve_and_the_try_is_kept(bot: Bot) -> None:
    """Carol is a full member of the channel, and no approver."""
    ts = approval_message(bot)
    assert "not among the approvers" in await bot.press(ts, "approve", user="U0CAROL")
    assert bot.engines.asked == []
    assert bot.engines.refused == [("churn", "U0CAROL", "approve", "not_named", 7)]


async def test_a_member_of_a_named_group_may_approve(bot: Bot) -> None:
    """Alice is in S0ONCALL; that she asked for it herself is the engine's to refuse."""
    ts = approval_message(bot)
    await bot.press(ts, "approve", user="U0ALICE")
    assert len(bot.engines.asked) == 1


async def test_an_approval_fails_closed_when_the_group_cannot_be_asked(bot: Bot) -> None:
    """Without Slack's word on the group nobody of it may approve; the press is kept."""
    ts = approval_message(bot)
    bot.slack.faults.add(Fault.unavailable("usergroups.users.list"))
    assert "cannot say right now" in await bot.press(ts, "approve", user="U0ALICE")
    assert bot.engines.asked == []
    assert bot.engines.refused[0][3] == "directory_away"


@pytest.mark.parametrize("who", ["U0GUEST", "U0OTHER"])
async def test_guests_and_strangers_cannot_press(bot: Bot, who: str) -> None:
    """Neither a guest of the channel nor somebody of another workspace in it."""
    ts = approval_message(bot)
    assert "Only full members" in await bot.press(ts, "approve", user=who)
    assert bot.engines.asked == []
    assert bot.engines.refused[0][:3] == ("churn", who, "approve")


async def test_an_approval_s_button_on_another_message_does_nothing(bot: Bot) -> None:
    """A button copied under another plan would approve what is not shown."""
    ts = approval_message(bot, shown_as="a-2")
    assert "does not belong to this message" in await bot.press(ts, "approve", user="U0BOB")
    assert bot.engines.asked == []


async def test_the_requester_may_take_the_request_back(bot: Bot) -> None:
    """Whoever asked may deny without being an approver; nobody else without the right may."""
    approval = make_approval()
    carol = user("U0CAROL", team="T0LOCAL")
    ts = approval_message(bot)
    bot.engines.approvals["a-1"] = type(approval)(
        **{name: getattr(approval, name) for name in approval.__slots__} | {"requester": carol}
    )
    await bot.press(ts, "deny", user="U0CAROL")
    await bot.submit({"reason": {"input": "a mistake"}}, user="U0CAROL")
    assert "It was done." in bot.whispered("U0CAROL")
    assert "not among the approvers" in await bot.press(ts, "approve", user="U0CAROL")


async def test_the_silence_form_silences(bot: Bot) -> None:
    """The press opens the form for its incident, submitting it reaches the engine."""
    ts = bot.post((ActionWord.SILENCE, "", SEVEN))
    await bot.press(ts, "silence")
    assert "HighLatency" in str(bot.modal())
    ack = await bot.submit({"duration": {"input": "2h"}, "reason": {"input": "deploying"}})
    assert ack.ok
    (command,) = bot.engines.asked
    assert (command.incident_id, command.duration.total_seconds(), command.reason) == (7, 7200, "deploying")
    assert "It was done." in bot.whispered("U0ALICE")


async def test_the_scale_form_proposes_the_runbook_s_number_and_checks_the_fields(bot: Bot) -> None:
    """Three now, twice as many proposed; a fault shows at its field, and only then is anything asked for."""
    ts = bot.post(
        (ActionWord.REQUEST_REMEDIATION, "x", RemediationButton(incident_id=7, remediation="scale-up"))
    )
    await bot.press(ts, "request_remediation:x")
    assert "'initial_value': '6'" in str(bot.modal())
    ack = await bot.submit({"replicas": {"input": "6.5"}, "reason": {"input": "traffic"}})
    assert ack.body["response_action"] == "errors"
    assert list(ack.body["errors"]) == ["replicas"]
    await bot.submit({"replicas": {"input": "9"}, "reason": {"input": "traffic"}})
    command = bot.engines.asked[-1]
    assert command.request.arguments == {"replicas": 9}
    assert (command.request.reason, command.request.incident_id) == ("traffic", 7)
    assert (command.request.runbook, command.request.remediation) == ("high-latency", "scale-up")


async def test_a_form_opens_while_the_cluster_hangs(bot: Bot) -> None:
    """A waiting modal stands at once, inside the trigger's three seconds, whatever hangs behind it."""
    bot.engines.hanging = asyncio.Event()
    ts = bot.post(
        (ActionWord.REQUEST_REMEDIATION, "x", RemediationButton(incident_id=7, remediation="scale-up"))
    )
    ack = await bot.slack.people.press("U0ALICE", "C0CHURN", ts, "request_remediation:x")
    assert ack.ok
    views = bot.slack.workspace.views
    await bot.slack.recording.until(lambda: views.of_user("U0ALICE"))
    assert "One moment" in str(bot.modal())
    bot.engines.hanging.set()
    await bot.work.settled()
    assert bot.modal()["callback_id"] == "scale"


async def test_a_refusal_takes_the_waiting_form_s_place(bot: Bot) -> None:
    """Who may not, or what cannot be done yet, is said where the person looks."""
    ts = bot.post(
        (ActionWord.SILENCE, "", SEVEN),
        (ActionWord.REQUEST_REMEDIATION, "x", RemediationButton(incident_id=7, remediation="retrain")),
    )
    await bot.press(ts, "silence", user="U0GUEST")
    assert "Only full members" in str(bot.modal("U0GUEST"))
    await bot.press(ts, "request_remediation:x")
    assert "No CronJob is configured for churn." in str(bot.modal())


async def test_a_form_is_not_believed_when_the_right_is_gone(bot: Bot) -> None:
    """Between opening and submitting somebody may have become a guest; the submission is judged anew."""
    ts = bot.post((ActionWord.SILENCE, "", SEVEN))
    await bot.press(ts, "silence")
    alice = bot.slack.workspace.users["U0ALICE"]
    fields = {name: getattr(alice, name) for name in alice.__slots__} | {"is_guest": True}
    bot.slack.workspace.users["U0ALICE"] = type(alice)(**fields)
    await bot.clock.advance(seconds=300)
    await bot.submit({"duration": {"input": "2h"}})
    assert bot.engines.asked == []
    assert "Only full members" in bot.whispered("U0ALICE")
    assert [(one[2], one[4]) for one in bot.engines.refused] == [("silence", 7)]


async def test_a_hanging_engine_does_not_delay_a_press(bot: Bot) -> None:
    """The acknowledgement comes while the engine waits; a ninth press of eight places is marked."""
    bot.engines.hanging = asyncio.Event()
    ts = bot.post((ActionWord.ACKNOWLEDGE, "", SEVEN))
    for _ in range(8):
        assert (await bot.slack.people.press("U0ALICE", "C0CHURN", ts, "acknowledge")).ok
    late = await bot.slack.people.press("U0ALICE", "C0CHURN", ts, "acknowledge")
    assert (late.ok, late.status) == (False, 503)
