"""What follows from what is seen after an action, as a pure rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.measures import Worse
from bot.domain.verifications import (
    STEADY_FOR,
    Reading,
    Verification,
    VerificationState,
    WatchedAlert,
    WatchedMetric,
    is_this_alert,
    judge,
)
from bot.domain.watching import Watching, begin
from bot.testing import START

ALERT = WatchedAlert(name="HighAPILatency", labels={"alertname": "HighAPILatency", "endpoint": "/predict"})
METRIC = WatchedMetric(name="p95", query="p95", unit="s", threshold=1.0)
SECOND = timedelta(seconds=1)


def watching(*alerts: WatchedAlert, metric: WatchedMetric | None = METRIC) -> Verification:
    """Ten minutes of it."""
    what = Watching(within=timedelta(minutes=10), alerts=alerts, metric=metric)
    return begin(what, approval_id="a", incident_id=7, began_at=START)


def seen(*holds: bool | None, value: float | None = 0.4, over: bool = True) -> Reading:
    """A reading."""
    return Reading(holds=holds, value=value, rollout_over=over)


def test_it_is_fixed_once_nothing_held_for_a_while() -> None:
    """The time that is told is when it ceased to hold, not when that was certain."""
    at = START + timedelta(minutes=3)
    first = judge(watching(ALERT), seen(False), now=at)
    assert (first.state, first.clear_since) == (VerificationState.WATCHING, at)
    early = judge(first, seen(False), now=at + STEADY_FOR - SECOND)
    assert early.state is VerificationState.WATCHING
    done = judge(early, seen(False), now=at + STEADY_FOR)
    assert (done.state, done.ended_at, done.after) == (VerificationState.FIXED, at, 0.4)


def test_a_condition_that_wavers_begins_anew() -> None:
    """Clear, holding, clear: only the last span counts."""
    once = judge(watching(ALERT), seen(False), now=START)
    again = judge(once, seen(True), now=START + STEADY_FOR)
    assert again.clear_since is None
    last = judge(again, seen(False), now=START + 2 * STEADY_FOR)
    assert last.state is VerificationState.WATCHING


def test_nothing_is_fixed_while_it_rolls_out() -> None:
    """Old pods that are still there may be why it looks well."""
    once = judge(watching(ALERT), seen(False, over=False), now=START)
    later = judge(once, seen(False, over=False), now=START + timedelta(minutes=5))
    assert later.state is VerificationState.WATCHING


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (seen(True), VerificationState.NO_EFFECT),
        (seen(True, value=None), VerificationState.NO_EFFECT),
        (seen(None, value=1.7), VerificationState.NO_EFFECT),
        (seen(None, value=None), VerificationState.CANNOT_TELL),
        (seen(False), VerificationState.WATCHING),
    ],
)
def test_when_the_time_is_up_it_says_what_is_known(reading: Reading, state: VerificationState) -> None:
    """One that has just become clear is given the moment that it needs."""
    assert judge(watching(ALERT), reading, now=START + timedelta(minutes=10)).state is state


def test_without_a_rule_the_metric_s_threshold_decides() -> None:
    """And without either it is not watched at all."""
    once = judge(watching(), seen(value=0.4), now=START)
    assert judge(once, seen(value=0.4), now=START + STEADY_FOR).state is VerificationState.FIXED
    blind = watching(metric=replace(METRIC, threshold=None))
    assert blind.state is VerificationState.NOT_WATCHED
    assert watching(ALERT, metric=None).state is VerificationState.WATCHING
    low = watching(metric=replace(METRIC, threshold=0.5, worse=Worse.BELOW))
    assert judge(low, seen(value=0.4), now=START).clear_since is None
    assert judge(low, seen(value=0.9), now=START).clear_since == START


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_it_never_says_fixed_right_after_the_condition_held(held: list[bool]) -> None:
    """Whatever is seen in whatever order, every ten seconds."""
    watched = watching(ALERT)
    for place, holds in enumerate(held):
        watched = judge(watched, seen(holds), now=START + place * 10 * SECOND)
        if watched.state is VerificationState.FIXED:
            assert not any(held[max(0, place - 3) : place + 1])
            return


@pytest.mark.parametrize(
    ("sample", "added", "fits"),
    [
        ({"endpoint": "/predict", "pod": "a"}, {}, True),
        ({"endpoint": "/other"}, {}, False),
        ({"endpoint": "/other"}, {"endpoint": "/predict"}, True),
        ({"__name__": "x"}, {}, True),
    ],
)
def test_a_sample_is_the_alert_s_unless_a_shared_label_differs(
    sample: dict[str, str], added: dict[str, str], fits: bool
) -> None:
    """Relabelling drops labels and rules add some; in doubt the condition holds."""
    assert is_this_alert(ALERT, sample, added) is fits
