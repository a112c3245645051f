"""Whatever comes from outside, what is drawn stays within Slack's limits and inert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.actors import Actor, ActorKind, user
from bot.domain.approvals import ApprovalState
from bot.domain.commands import Outcome, OutcomeReason
from bot.domain.events import EventKind
from bot.domain.findings import Finding, Table, Verdict
from bot.domain.incidents import IncidentState, Resolution
from bot.domain.policies import ApprovalRule
from bot.domain.remedies import Change, ExecutionState
from bot.domain.severity import Severity
from bot.rendering import answers, modals
from bot.rendering.approvals import approval_message
from bot.rendering.findings import finding_message
from bot.rendering.forms import FormTarget
from bot.rendering.incidents import incident_message
from bot.rendering.notices import notice_message
from bot.rendering.thread import event_entry
from bot.rendering.views import (
    AlertLine,
    AlertsView,
    IncidentLine,
    IncidentsView,
    LinkView,
    NoticeView,
    OfferedRemediation,
    OpenIncidentLine,
    StatusView,
    StepView,
    TimelineView,
)
from tests.rendering.samples import (
    EMOJI,
    EVIL,
    LONG,
    NOW,
    RTL,
    ZALGO,
    alert,
    approval,
    approval_view,
    event,
    event_view,
    execution,
    finding,
    finding_view,
    incident,
    incident_view,
    plan,
    runbook,
    silence,
    worst_incident_view,
)
from tests.rendering.soundness import assert_sound, assert_sound_view

NASTY = (
    "",
    " ",
    "\n",
    "\u3164",
    "\u200d",
    "\ud800",
    "&amp;",
    "*",
    "`",
    "```",
    "|",
    "{who}",
    "%s",
    "x" * 10_000,
)
TEXTS = st.one_of(
    st.sampled_from([EVIL, ZALGO, RTL, EMOJI, LONG, "&" * 4_000, "🔥" * 4_000, "\u0300" * 500, *NASTY]),
    st.text(max_size=60),
    st.text(alphabet="<>&`*_~|!@^\n \u202e\u0301🔥a", max_size=60),
)
TIMES = st.one_of(
    st.just(NOW),
    st.just(datetime(1, 1, 1, tzinfo=UTC)),
    st.floats(-700_000, 2_900_000).map(lambda days: NOW + timedelta(days=days)),
)
LABELS = st.dictionaries(TEXTS, TEXTS, max_size=8)
FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def firing(draw: st.DrawFn) -> tuple[AlertLine, ...]:
    """Some different alerts, repeated as often as may be."""
    kinds = draw(
        st.lists(
            st.builds(
                alert,
                labels=LABELS | st.builds(lambda name: {"alertname": name}, TEXTS),
                annotations=st.dictionaries(
                    st.sampled_from(["summary", "description", "value", "threshold", "message"]), TEXTS
                ),
                starts_at=TIMES,
            ),
            max_size=4,
        )
    )
    times = draw(st.sampled_from([1, 2, 125]))
    severities = draw(st.lists(st.sampled_from(Severity), min_size=4, max_size=4))
    return tuple(
        AlertLine(alert=one, severity=severity)
        for one, severity in zip(kinds, severities, strict=False)
        for _ in range(times)
    )


ACTORS = st.one_of(
    st.just(user("U0ALICE")), st.builds(Actor, kind=st.sampled_from(ActorKind), id=TEXTS), st.none()
)
STEPS = st.builds(
    StepView,
    title=TEXTS,
    text=TEXTS,
    check=st.none() | TEXTS,
    finding=st.none()
    | st.builds(finding, summary=TEXTS, reason=TEXTS, verdict=st.sampled_from(Verdict), observed_at=TIMES),
)
RUNBOOKS = st.builds(
    runbook,
    name=TEXTS,
    title=TEXTS,
    summary=TEXTS,
    symptoms=st.lists(TEXTS, max_size=9).map(tuple),
    steps=st.lists(STEPS, max_size=4).map(lambda steps: tuple(steps) * 12),
    remediations=st.lists(st.builds(OfferedRemediation, name=TEXTS, label=TEXTS), max_size=20).map(tuple),
)


@FEW
@given(st.data())
def test_any_incident_is_sound(data: st.DataObject) -> None:
    """Any alert group, runbook, people and neighbours give a message that Slack takes and that is inert."""
    lines = data.draw(firing())
    shown = incident(
        tuple(line.alert for line in lines),
        title=data.draw(TEXTS),
        state=data.draw(st.sampled_from(IncidentState)),
        severity=data.draw(st.sampled_from(Severity)),
        resolution=data.draw(st.none() | st.sampled_from(Resolution)),
        acknowledged_by=data.draw(ACTORS),
        resolved_by=data.draw(ACTORS),
        opened_at=data.draw(TIMES),
        silence=data.draw(st.none() | st.builds(silence, TEXTS)),
        truncated=data.draw(st.integers(0, 10**9)),
        reopened=data.draw(st.integers(0, 10**6)),
        group_labels=data.draw(LABELS),
    )
    shown = replace(shown, key=replace(shown.key, service=data.draw(TEXTS)))
    view = incident_view(
        shown,
        firing=lines if data.draw(st.booleans()) else (),
        runbook=data.draw(st.none() | RUNBOOKS),
        other_runbooks=tuple(data.draw(st.lists(TEXTS, max_size=20))),
        findings=tuple(data.draw(st.lists(st.builds(finding, check=TEXTS, summary=TEXTS), max_size=20))),
        links=tuple(data.draw(st.lists(st.builds(LinkView, label=TEXTS, url=ADDRESSES), max_size=12))),
        other_open=tuple(
            OpenIncidentLine(id=number, title=title, severity=Severity.P4)
            for number, title in enumerate(data.draw(st.lists(TEXTS, max_size=9)), start=1)
        ),
        mention=data.draw(st.none() | st.just("S0ONCALL") | TEXTS),
    )
    assert_sound(incident_message(view))


ADDRESSES = st.one_of(
    TEXTS,
    TEXTS.map("https://example.org/{}".format),
    TEXTS.map("javascript:{}".format),
    TEXTS.map("http://{}".format),
)


@FEW
@given(
    text=TEXTS, other=TEXTS, kind=st.sampled_from(EventKind), number=st.floats(allow_nan=True) | st.integers()
)
def test_any_thread_entry_is_sound(text: str, other: str, kind: EventKind, number: float) -> None:
    """Whatever an event's details hold, its entry and its line in the timeline are inert."""
    detail = dict.fromkeys(
        ("reason", "before", "after", "why", "action", "target", "change", "outcome", "sentence", "check"),
        text,
    )
    happened = event(kind, actor=user(other), until=number, resolution=text, still_firing=number, **detail)
    assert_sound(event_entry(event_view(happened, mention="S0ONCALL")))
    assert_sound(answers.timeline_answer(TimelineView(incident=incident(), events=(happened,) * 90, now=NOW)))


@FEW
@given(
    text=TEXTS,
    columns=st.lists(TEXTS, max_size=30),
    row=st.lists(TEXTS, max_size=30),
    rows=st.sampled_from([0, 1, 300]),
    table_block=st.booleans(),
    verdict=st.sampled_from(Verdict),
    at=TIMES,
)
def test_any_finding_is_sound(  # noqa: PLR0917 - what a finding has
    text: str,
    columns: list[str],
    row: list[str],
    rows: int,
    table_block: bool,
    verdict: Verdict,
    at: datetime,
) -> None:
    """Whatever a check read in a cluster, its finding is shown within the limits of a table."""
    found = finding(
        check=text,
        target=text,
        summary=text,
        reason=text,
        verdict=verdict,
        observed_at=at,
        details=(text,) * 40,
        table=Table(columns=tuple(columns), rows=(tuple(row),) * rows),
    )
    assert_sound(finding_message(finding_view(found), table_block=table_block))


@FEW
@given(
    text=TEXTS,
    count=st.integers(0, 40),
    state=st.sampled_from(ApprovalState),
    doing=st.none() | st.sampled_from(ExecutionState),
    approvers=st.lists(st.just("U0BOB") | TEXTS, max_size=60),
    expires=TIMES,
    by=ACTORS,
)
def test_any_approval_is_sound(  # noqa: PLR0917 - what a request has
    text: str,
    count: int,
    state: ApprovalState,
    doing: ExecutionState | None,
    approvers: list[str],
    expires: datetime,
    by: Actor | None,
) -> None:
    """Whatever a plan says and in whatever state, the request is inert and within the limits."""
    planned = plan(
        changes=(Change(field=text, before=text, after=text),) * count,
        notes=(text,) * count,
        warnings=(text,) * count,
        verification=text,
        undo=text,
    )
    asked = approval(
        planned, state=state, reason=text, decision_reason=text, decided_by=by, expires_at=expires
    )
    done = execution(doing, text) if doing else None
    assert_sound(
        approval_message(approval_view(asked, rule=ApprovalRule(approvers=tuple(approvers)), execution=done))
    )


@FEW
@given(text=TEXTS, count=st.integers(0, 60), lines=firing(), found=RUNBOOKS)
def test_any_answer_is_sound(text: str, count: int, lines: tuple[AlertLine, ...], found: object) -> None:
    """Private answers hold whatever was asked and whatever there is to list."""
    told = incident(title=text, silence=silence(text))
    told = replace(told, key=replace(told.key, service=text))
    listed = (IncidentLine(incident=told, firing=count),) * count
    seen: tuple[Finding, ...] = (finding(check=text, summary=text),) * count
    opened = [OpenIncidentLine(id=9, title=text, severity=Severity.P2)] * count
    drawn = [
        answers.help_answer(text, [(text, text)] * count),
        answers.unknown_word_answer(text, text, text),
        answers.which_incident_answer(text, text, opened),
        answers.incidents_answer(IncidentsView(service=text, open=listed, now=NOW)),
        answers.alerts_answer(AlertsView(service=text, firing=lines, now=NOW)),
        answers.status_answer(
            StatusView(
                service=text,
                open=listed,
                findings=seen,
                waiting=(approval(reason=text),) * count,
                undelivered=count,
                oldest=NOW,
                now=NOW,
            )
        ),
        answers.runbook_answer(runbook(title=text, summary=text, steps=()), incident_id=None, now=NOW),
        answers.runbook_answer(found, incident_id=count or None, now=NOW),  # type: ignore[arg-type]  # a RunbookView
        answers.no_runbook_answer(text, [text] * count),
        answers.error_answer(text),
        answers.outcome_answer(Outcome(reason=OutcomeReason.UNAVAILABLE, sentence=text)),
        notice_message(NoticeView(title=text, text=text, now=NOW)),
    ]
    for message in drawn:
        assert_sound(message)


@FEW
@given(text=TEXTS, number=st.none() | st.integers(0, 10**9))
def test_any_modal_is_sound(text: str, number: int | None) -> None:
    """Modals hold any title and any number."""
    target = FormTarget(service="churn", channel="C0CHURN", incident_id=12)
    assert_sound_view(modals.silence_modal(target, title=text))
    assert_sound_view(modals.scale_modal(target, subject=text, present=number, asked=number))
    assert_sound_view(modals.deny_modal(target, plan=text))


@pytest.mark.parametrize("text", [LONG, "&" * 20_000, "🔥" * 20_000, "<!channel>" * 2_000, ""])
def test_the_worst_alert_group_is_sound(text: str) -> None:
    """500 alerts with labels of 10,000 characters and every list overfull still make one message."""
    assert_sound(incident_message(worst_incident_view(text)))


def test_an_outcome_names_people_and_nothing_else() -> None:
    """A sentence that an engine wrote may name people; a channel or a link in it stays text."""
    words = "<@U0BOB> has it; <!channel> <!subteam^S0ONCALL> <http://x|y>"
    already = answers.outcome_answer(Outcome(reason=OutcomeReason.ALREADY, sentence=words))
    assert already.text == (
        "👌 <@U0BOB> has it; &lt;!channel&gt; &lt;!subteam^S0ONCALL&gt; &lt;http://x|y&gt;"
    )


def test_a_refusal_names_nobody() -> None:
    """A refusal quotes other programs, so that even a user id in it stays text."""
    refused = answers.outcome_answer(Outcome(reason=OutcomeReason.REFUSED, sentence="<@U0BOB> says no"))
    assert refused.text == "🚫 &lt;@U0BOB&gt; says no"


def test_a_stale_finding_says_so() -> None:
    """What is older than its limit carries the mark of age wherever it is shown."""
    old = finding(observed_at=NOW - timedelta(minutes=6))
    assert "⌛ stale, 6 min ago" in finding_message(finding_view(old)).text
