"""What Alertmanager's list means for an incident, as pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actors import user
from bot.domain.alerts import AlertStatus, TrackedAlert
from bot.domain.incidents import (
    Classification,
    Incident,
    IncidentState,
    IntakeRules,
    Resolution,
    SilenceMark,
    Suppression,
    end,
)
from bot.domain.reconciling import (
    LEFT_OUT,
    HeldAlert,
    HeldSilence,
    ReconcileReason,
    ReconcileRules,
    Reconciliation,
    SilenceTurn,
    Trust,
    reconcile,
    review_silence,
    trust,
)
from bot.domain.severity import Severity
from bot.testing import START
from tests.making import make_alert, make_incident, make_key

TIMEOUT = timedelta(minutes=5)
SETTLE = timedelta(seconds=60)
RULES = ReconcileRules(
    resolve_timeout=TIMEOUT,
    intake=IntakeRules(resolve_settle=SETTLE, reopen_within=timedelta(minutes=15)),
)
KEY = replace(make_key(), source="default")
ALERT = make_alert()
HELD = {ALERT.fingerprint: HeldAlert(labels=ALERT.labels, starts_at=START)}


def at(**span: float) -> datetime:
    """A moment after the start."""
    return START + timedelta(**span)


def tracked(
    pod: str = "api-1", *, firing: datetime | None = START, resolve: datetime | None = None
) -> TrackedAlert:
    """An alert with the times of its last tellings."""
    return TrackedAlert(alert=make_alert(pod=pod), last_firing=firing, last_resolve=resolve)


def incident(*alerts: TrackedAlert, **changes: object) -> Incident:
    """An open incident of the Alertmanager that is asked."""
    return make_incident(**{"key": KEY, "alerts": alerts or (tracked(),), **changes})


def compare(
    known: Incident, held: dict[str, HeldAlert], now: datetime, *, is_own: bool = True
) -> Reconciliation:
    """Reconcile by these rules."""
    return reconcile(
        known,
        held,
        now=now,
        rules=RULES,
        classify=lambda _: Classification(severity=Severity.P3, runbook=None),
        is_own=lambda _: is_own,
    )


def missed_since(known: Incident, since: datetime) -> Incident:
    """The incident after its alerts were first missed then."""
    first = compare(known, {}, since)
    assert first.reason is ReconcileReason.NOTED
    assert first.incident.revision == known.revision
    return first.incident


def test_an_incident_whose_alert_is_missing_for_too_long_closes() -> None:
    """First noted, which shows nothing; closed only after the whole time-out."""
    noted = missed_since(incident(), at(minutes=10))
    assert compare(noted, {}, at(minutes=15)).reason is ReconcileReason.UNCHANGED
    closed = compare(noted, {}, at(minutes=15, seconds=1))
    assert closed.reason is ReconcileReason.GONE
    assert closed.incident.state is IncidentState.RESOLVED
    assert closed.incident.resolution is Resolution.GONE
    assert closed.incident.firing(settle=SETTLE) == ()
    assert closed.incident.missing == {}


def test_an_alert_that_is_there_again_is_missed_anew() -> None:
    """What counts is one absence without a break."""
    noted = missed_since(incident(), at(minutes=10))
    seen = compare(noted, HELD, at(minutes=12))
    assert (seen.reason, dict(seen.incident.missing)) == (ReconcileReason.NOTED, {})
    assert compare(seen.incident, {}, at(minutes=20)).reason is ReconcileReason.NOTED


def test_a_webhook_that_was_received_meanwhile_ends_the_absence() -> None:
    """Alertmanager told of it after it was missed, so it was there."""
    noted = replace(missed_since(incident(), at(minutes=10)), alerts=(tracked(firing=at(minutes=14)),))
    assert compare(noted, {}, at(minutes=16)).reason is ReconcileReason.NOTED
    assert compare(noted, {}, at(minutes=19, seconds=1)).reason is ReconcileReason.GONE


def test_another_source_is_left_alone() -> None:
    """The list of one Alertmanager says nothing about another's alerts."""
    foreign = incident(key=replace(KEY, source="east"), missing={ALERT.fingerprint: START})
    outcome = compare(foreign, {}, at(days=1))
    assert (outcome.reason, outcome.incident) == (ReconcileReason.OTHER_SOURCE, foreign)


def test_an_alert_that_goes_to_another_receiver_counts_as_missing() -> None:
    """The route was changed: its resolve will not come here."""
    held = {ALERT.fingerprint: replace(HELD[ALERT.fingerprint], receivers=("pager",))}
    noted = compare(incident(), held, at(minutes=10))
    assert compare(noted.incident, held, at(minutes=16)).reason is ReconcileReason.GONE
    ours = {ALERT.fingerprint: replace(HELD[ALERT.fingerprint], receivers=("pager", "lightship"))}
    assert compare(incident(), ours, at(minutes=10)).reason is ReconcileReason.UNCHANGED


def test_the_missing_part_of_a_group_ends_and_the_rest_burns_on() -> None:
    """One of two alerts ended while it was silenced: the incident stays open with the other."""
    noted = compare(incident(tracked(), tracked("api-2")), HELD, at(minutes=10))
    outcome = compare(noted.incident, HELD, at(minutes=16))
    assert outcome.reason is ReconcileReason.CHANGED
    assert [one.labels["pod"] for one in outcome.incident.firing(settle=SETTLE)] == ["api-1"]
    assert outcome.incident.revision == noted.incident.revision + 1


def test_suppressed_alerts_show_as_such() -> None:
    """Silenced or inhibited, and heard again afterwards; each change shows once."""
    quiet = {ALERT.fingerprint: replace(HELD[ALERT.fingerprint], suppression=Suppression.INHIBITED)}
    first = compare(incident(), quiet, at(minutes=1))
    assert first.reason is ReconcileReason.CHANGED
    assert first.incident.suppressed == {ALERT.fingerprint: Suppression.INHIBITED}
    assert compare(first.incident, quiet, at(minutes=2)).reason is ReconcileReason.UNCHANGED
    heard = compare(first.incident, HELD, at(minutes=3))
    assert (heard.reason, dict(heard.incident.suppressed)) == (ReconcileReason.CHANGED, {})


def test_what_was_resolved_by_hand_and_is_gone_burns_no_more() -> None:
    """It loses its words `still firing`, and stays resolved by whom it was."""
    by_hand = end(incident(), Resolution.BY_HAND, now=at(minutes=1), by=user("U0ALICE"))
    assert by_hand is not None
    outcome = compare(missed_since(by_hand, at(minutes=2)), {}, at(minutes=8))
    assert outcome.reason is ReconcileReason.CHANGED
    assert outcome.incident.resolution is Resolution.BY_HAND
    assert outcome.incident.firing(settle=SETTLE) == ()
    assert compare(by_hand, HELD, at(days=1)).reason is ReconcileReason.UNCHANGED


def test_a_firing_taken_for_a_late_repeat_counts_when_alertmanager_still_holds_it() -> None:
    """A partition that healed within the settling time would else stay resolved until the next repeat."""
    known = incident(tracked(firing=at(seconds=30), resolve=START))
    closed = end(known, Resolution.ALERTS_RESOLVED, now=START)
    assert closed is not None
    assert compare(closed, HELD, at(minutes=5)).reason is ReconcileReason.UNCHANGED
    outcome = compare(closed, HELD, at(minutes=6))
    assert outcome.reason is ReconcileReason.FIRES_AGAIN
    assert (outcome.incident.state, outcome.incident.reopened) == (IncidentState.TRIGGERED, 1)
    assert len(outcome.incident.firing(settle=SETTLE)) == 1
    assert compare(closed, {}, at(minutes=6)).reason is ReconcileReason.UNCHANGED


def test_an_alert_that_went_missing_and_is_there_again_reopens() -> None:
    """Alertmanager thinks that it has told of it already, so only its list says so; silenced it waits."""
    closed = compare(missed_since(incident(), at(minutes=10)), {}, at(minutes=16)).incident
    quiet = {ALERT.fingerprint: replace(HELD[ALERT.fingerprint], suppression=Suppression.SILENCED)}
    assert compare(closed, quiet, at(minutes=17)).reason is ReconcileReason.UNCHANGED
    assert compare(closed, HELD, at(minutes=17)).reason is ReconcileReason.FIRES_AGAIN


def test_alerts_that_were_left_out_of_the_message_keep_an_incident_open() -> None:
    """All that were named have ended; it closes once Alertmanager holds no other of the group."""
    known = incident(tracked(resolve=at(seconds=1)), truncated=3)
    other = make_alert(pod="unnamed")
    held = {other.fingerprint: HeldAlert(labels=other.labels, starts_at=START)}
    assert compare(known, held, at(minutes=30)).reason is ReconcileReason.UNCHANGED
    noted = compare(known, held, at(minutes=30), is_own=False)
    assert dict(noted.incident.missing) == {LEFT_OUT: at(minutes=30)}
    assert compare(noted.incident, {}, at(minutes=36)).reason is ReconcileReason.GONE


def test_an_alertmanager_that_has_just_started_is_not_believed() -> None:
    """Its memory may be empty; half as long again as the time-out passes first."""
    assert trust(START, now=at(minutes=7), rules=RULES) is Trust.JUST_STARTED
    assert trust(START, now=at(minutes=8), rules=RULES) is Trust.FULL
    assert trust(at(hours=1), now=START, rules=RULES) is Trust.JUST_STARTED


MINUTES = st.integers(min_value=0, max_value=60)


@given(
    looks=st.lists(st.tuples(MINUTES, st.sets(st.sampled_from(["api-1", "api-2", "api-3"]))), max_size=12),
    source=st.sampled_from(["default", "east"]),
)
def test_nothing_ends_that_was_seen_within_the_time_out(
    looks: list[tuple[int, set[str]]], source: str
) -> None:
    """Whenever it is looked, an alert burns for the whole time-out after it was last held."""
    pods = ("api-1", "api-2", "api-3")
    known = incident(*(tracked(pod) for pod in pods), key=replace(KEY, source=source))
    last_held = dict.fromkeys(pods, START)
    for minute, present in sorted(looks, key=lambda look: look[0]):
        now = at(minutes=minute)
        held = {f"HighLatency/{pod}": HeldAlert(labels={}, starts_at=START) for pod in present}
        last_held |= dict.fromkeys(present, now)
        known = compare(known, held, now).incident
        burning = {alert.labels["pod"] for alert in known.firing(settle=SETTLE)}
        recent = {pod for pod in pods if now - last_held[pod] <= TIMEOUT}
        assert (recent if source == "default" else set(pods)) <= burning
        assert known.state is not IncidentState.RESOLVED or not burning


@given(MINUTES, st.booleans())
def test_looking_twice_at_the_same_changes_nothing(minute: int, is_held: bool) -> None:
    """The decision is idempotent: a second replica that looks at the same moment finds nothing to do."""
    once = compare(incident(), HELD if is_held else {}, at(minutes=minute)).incident
    again = compare(once, HELD if is_held else {}, at(minutes=minute))
    assert (again.reason, again.incident) == (ReconcileReason.UNCHANGED, once)


def mark(**changes: object) -> SilenceMark:
    """An hour of silence."""
    values = {"id": "s", "by": user("U0ALICE"), "reason": "", "starts_at": START, "ends_at": at(hours=1)}
    return SilenceMark(**{**values, **changes})  # type: ignore[arg-type]  # a test's keyword values


def test_a_silence_that_ended_outside_is_noticed() -> None:
    """Over before its time it was lifted, at its time it ended, and one that was prolonged moves."""
    over = HeldSilence(ends_at=at(seconds=5), is_over=True)
    assert review_silence(mark(), over, now=at(seconds=5)).turn is SilenceTurn.LIFTED
    assert review_silence(mark(), None, now=at(minutes=10)).turn is SilenceTurn.LIFTED
    assert review_silence(mark(), None, now=at(hours=1)).turn is SilenceTurn.ENDED
    held = HeldSilence(ends_at=at(hours=1), is_over=False)
    assert review_silence(mark(), held, now=at(minutes=10)).turn is SilenceTurn.UNCHANGED
    moved = review_silence(mark(), replace(held, ends_at=at(hours=2)), now=at(minutes=10))
    assert moved.turn is SilenceTurn.MOVED
    assert moved.mark is not None
    assert moved.mark.ends_at == at(hours=2)


def test_a_silence_that_was_just_made_may_be_unknown_yet() -> None:
    """The list was asked for before it was made, or by another replica of Alertmanager."""
    assert review_silence(mark(), None, now=at(seconds=59)).turn is SilenceTurn.UNCHANGED


def test_the_status_of_a_gone_alert_is_resolved() -> None:
    """It counts as resolved from when it was last there, so that any later firing reopens."""
    closed = compare(missed_since(incident(), at(minutes=10)), {}, at(minutes=16)).incident
    (gone,) = closed.alerts
    assert gone.last_resolve == at(minutes=10)
    assert gone.status(settle=SETTLE) is AlertStatus.RESOLVED
