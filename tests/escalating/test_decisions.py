"""The decisions over escalation rules and reminders, as rules over all histories."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actors import user
from bot.domain.escalation import (
    Answer,
    EscalationReason,
    Holder,
    Reading,
    ReminderReason,
    ReminderRules,
    Watch,
    escalate,
    is_silent,
    judge,
    reading_of,
    remind,
)
from bot.domain.incidents import (
    Classification,
    IncidentState,
    IntakeRules,
    SilenceMark,
    Suppression,
    acknowledge,
    reclassify,
    reopen,
)
from bot.domain.runbooks import EscalationRule
from bot.domain.severity import Severity
from bot.testing import START
from tests.making import make_alert, make_incident

RULE = EscalationRule(
    expression="slow_share > 0.05",
    held_for=timedelta(minutes=15),
    severity=Severity.P1,
    tell=("oncall",),
    reason="too slow for 15 minutes",
)
HELD_BY = frozenset(Holder)
HOLDS = Reading(answer=Answer.HOLDS, value=0.34)
NOT = Reading(answer=Answer.DOES_NOT_HOLD)
UNKNOWN = Reading(answer=Answer.UNKNOWN)
REMINDERS = ReminderRules(after={Severity.P1: timedelta(minutes=10)}, at_most=3, backoff=2.0)
OPEN = make_incident(id=1)
STEPS = st.lists(
    st.tuples(st.sampled_from([HOLDS, NOT, UNKNOWN]), st.integers(min_value=0, max_value=20)), max_size=40
)


@given(STEPS, st.data())
def test_a_rule_escalates_once_and_only_after_it_has_held(
    steps: list[tuple[Reading, int]], data: st.DataObject
) -> None:
    """Over any answers, with looks repeated at will, a rule escalates at most once, never before its time."""
    now, watch, incident, held_since, told = START, None, OPEN, None, 0
    for reading, minutes in steps:
        now += timedelta(minutes=minutes)
        if reading is NOT:
            held_since = None
        elif reading is HOLDS:
            held_since = held_since or now
        for _ in range(data.draw(st.integers(1, 3))):
            found = judge(RULE, watch, reading, incident, now=now, silent=False, held_by=HELD_BY)
            watch = found.watch
            if found.reason is EscalationReason.ESCALATES:
                assert held_since is not None
                assert now - held_since >= RULE.held_for
                assert reading is HOLDS
                incident, told = escalate(incident, RULE, now=now), told + 1
    assert told <= 1
    assert incident.severity is (Severity.P1 if told else Severity.P3)


def test_no_answer_leaves_what_was_known() -> None:
    """Prometheus away for an hour: the rule neither escalates nor forgets since when it has held."""
    first = judge(RULE, None, HOLDS, OPEN, now=START, silent=False, held_by=HELD_BY)
    later = START + timedelta(hours=1)
    away = judge(RULE, first.watch, UNKNOWN, OPEN, now=later, silent=False, held_by=HELD_BY)
    assert (away.reason, away.watch) == (EscalationReason.NO_ANSWER, first.watch)
    back = judge(RULE, away.watch, HOLDS, OPEN, now=later, silent=False, held_by=HELD_BY)
    assert back.reason is EscalationReason.ESCALATES


def test_a_gap_starts_the_time_anew() -> None:
    """A rule that ceased to hold for one look counts from its next beginning."""
    watch = judge(RULE, None, HOLDS, OPEN, now=START, silent=False, held_by=HELD_BY).watch
    gap = START + timedelta(minutes=14)
    watch = judge(RULE, watch, NOT, OPEN, now=gap, silent=False, held_by=HELD_BY).watch
    assert watch.since is None
    found = judge(RULE, watch, HOLDS, OPEN, now=gap + timedelta(minutes=1), silent=False, held_by=HELD_BY)
    assert found.reason is EscalationReason.NOT_LONG_ENOUGH


def test_an_acknowledgement_or_a_silence_holds_it_as_configured() -> None:
    """Each holder holds only where it is configured; afterwards a rule that still holds escalates at once."""
    due = Watch(incident_id=1, rule=_key(), episode=0, since=START)
    now = START + timedelta(minutes=20)
    acked = acknowledge(OPEN, by=user("U0ALICE"), now=now)
    assert acked is not None
    for incident, silent, held_by, reason in (
        (acked, False, HELD_BY, EscalationReason.ACKNOWLEDGED),
        (acked, False, frozenset({Holder.SILENCE}), EscalationReason.ESCALATES),
        (OPEN, True, HELD_BY, EscalationReason.SILENCED),
        (OPEN, True, frozenset({Holder.ACKNOWLEDGEMENT}), EscalationReason.ESCALATES),
        (OPEN, False, HELD_BY, EscalationReason.ESCALATES),
        (replace(OPEN, severity=Severity.P1), False, HELD_BY, EscalationReason.AS_URGENT_ALREADY),
        (replace(OPEN, state=IncidentState.RESOLVED), False, HELD_BY, EscalationReason.RESOLVED),
    ):
        found = judge(RULE, due, HOLDS, incident, now=now, silent=silent, held_by=held_by)
        assert found.reason is reason
        assert found.watch.since == START


def test_a_webhook_does_not_lower_what_was_escalated_until_it_opens_again() -> None:
    """The severity stays raised while the incident lasts; opened again it is its alerts', the rule armed."""
    rules = IntakeRules(resolve_settle=timedelta(seconds=60), reopen_within=timedelta(minutes=15))

    def classify(_: object) -> Classification:
        return Classification(severity=Severity.P3, runbook="high-latency")

    raised = escalate(OPEN, RULE, now=START)
    assert reclassify(raised, classify, rules).severity is Severity.P1
    again = reclassify(reopen(replace(raised, state=IncidentState.RESOLVED), now=START), classify, rules)
    assert again.severity is Severity.P3
    told = Watch(incident_id=1, rule=_key(), episode=0, since=START, told_at=START, told=1)
    late = START + timedelta(hours=1)
    first = judge(RULE, told, HOLDS, again, now=late, silent=False, held_by=HELD_BY)
    assert (first.reason, first.watch.since) == (EscalationReason.NOT_LONG_ENOUGH, late)
    second = judge(RULE, first.watch, HOLDS, again, now=late + RULE.held_for, silent=False, held_by=HELD_BY)
    assert second.reason is EscalationReason.ESCALATES


@given(st.lists(st.floats(), max_size=5))
def test_not_a_number_does_not_hold(values: list[float]) -> None:
    """An answer holds where at least one of its samples is a number, zero among them."""
    numbers = [value for value in values if value == value]  # noqa: PLR0124 - NaN alone differs from itself
    assert (reading_of(values).answer is Answer.HOLDS) is bool(numbers)


def test_what_alertmanager_keeps_to_itself_is_silent() -> None:
    """Silent is a mark that lasts still, or every firing alert suppressed; one alert heard is not silence."""
    now, settle = START, timedelta(seconds=60)
    mark = SilenceMark(
        id="s", by=user("U0ALICE"), reason="", starts_at=START, ends_at=START + timedelta(hours=1)
    )
    name = make_alert().fingerprint
    assert is_silent(replace(OPEN, silence=mark), now=now, settle=settle)
    assert not is_silent(replace(OPEN, silence=mark), now=mark.ends_at, settle=settle)
    assert is_silent(replace(OPEN, suppressed={name: Suppression.INHIBITED}), now=now, settle=settle)
    assert not is_silent(OPEN, now=now, settle=settle)


def test_reminders_come_after_ten_thirty_and_seventy_minutes() -> None:
    """Looked at every minute for five hours, a P1 nobody has is reminded of three times, pauses doubling."""
    incident, watch, told = replace(OPEN, severity=Severity.P1), None, []
    for minute in range(300):
        found = remind(watch, incident, REMINDERS, now=START + timedelta(minutes=minute), silent=False)
        watch = found.watch
        if found.reason is ReminderReason.REMIND:
            told.append(minute)
    assert told == [10, 30, 70]


@given(
    st.lists(st.integers(0, 100_000), max_size=30),
    st.integers(1, 20),
    st.floats(1, 10),
    st.booleans(),
)
def test_reminders_are_bounded_and_never_two_at_once(
    pauses: list[int], at_most: int, backoff: float, silent: bool
) -> None:
    """Whatever ticks were missed, a moment has at most one reminder, an incident at most the bound."""
    rules = replace(REMINDERS, at_most=at_most, backoff=backoff)
    incident, watch, told, now = replace(OPEN, severity=Severity.P1), None, [], START
    for seconds in pauses:
        now += timedelta(seconds=seconds)
        for _ in range(2):
            found = remind(watch, incident, rules, now=now, silent=silent)
            watch = found.watch
            if found.reason is ReminderReason.REMIND:
                told.append(now)
    assert len(told) <= (0 if silent else at_most)
    assert all(b - a >= timedelta(minutes=10) for a, b in itertools.pairwise(told))


def test_nobody_is_reminded_of_what_somebody_has() -> None:
    """Acknowledged, resolved, or of a severity that is not configured: no reminder is remembered."""
    late = START + timedelta(hours=1)
    acked = acknowledge(replace(OPEN, severity=Severity.P1), by=user("U0ALICE"), now=START)
    assert acked is not None
    assert remind(None, acked, REMINDERS, now=late, silent=False).reason is ReminderReason.SOMEBODY_HAS_IT
    assert remind(None, OPEN, REMINDERS, now=late, silent=False).reason is ReminderReason.NOT_CONFIGURED


def _key() -> str:
    return judge(RULE, None, NOT, OPEN, now=START, silent=False, held_by=HELD_BY).watch.rule
