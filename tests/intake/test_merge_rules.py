"""The merge of alerts is a join: order, repeats and grouping of tellings never count."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Alert, AlertStatus, MergeReason, TrackedAlert, merge, track
from bot.testing import START
from tests.making import make_alert

SETTLE = timedelta(seconds=60)
Telling = tuple[Alert, int]

tellings = st.lists(
    st.tuples(
        st.builds(
            lambda status, start, words: make_alert(
                status=status,
                starts_at=START + timedelta(seconds=start),
                annotations={"summary": words},
            ),
            st.sampled_from(AlertStatus),
            st.sampled_from([0, 30, 600]),
            st.sampled_from(["a", "b"]),
        ),
        st.integers(min_value=0, max_value=200),
    ),
    min_size=1,
    max_size=7,
)


def tell(known: TrackedAlert | None, telling: Telling) -> TrackedAlert:
    """Merge one telling."""
    alert, second = telling
    received_at = START + timedelta(seconds=second)
    return merge(known, alert, received_at=received_at, settle=SETTLE).tracked


def known_after(told: list[Telling]) -> TrackedAlert | None:
    """What is known after these tellings, in this order."""
    start: TrackedAlert | None = None
    return reduce(tell, told, start)


@given(tellings, st.randoms(use_true_random=False))
def test_the_order_of_tellings_does_not_count(told: list[Telling], random: object) -> None:
    """Any order leads to the same knowledge: commutative and associative."""
    mixed = list(told)
    getattr(random, "shuffle")(mixed)  # noqa: B009 - hypothesis's random has no public type
    assert known_after(mixed) == known_after(told)


@given(tellings, st.data())
def test_repeats_do_not_count(told: list[Telling], data: st.DataObject) -> None:
    """Telling anything again changes nothing: idempotent."""
    again = data.draw(st.sampled_from(told))
    assert known_after([*told, again]) == known_after(told)


@given(tellings)
def test_only_the_newest_start_counts(told: list[Telling]) -> None:
    """What was told of an older start is gone once a newer start is known."""
    newest = max(alert.starts_at for alert, _ in told)
    assert known_after(told) == known_after([one for one in told if one[0].starts_at == newest])


def test_a_resolve_beats_a_firing_that_was_received_shortly_after() -> None:
    """Two Alertmanagers race: within the settling time the resolve holds."""
    known = tell(tell(None, (make_alert(), 0)), (make_alert(status=AlertStatus.RESOLVED), 100))
    late = merge(known, make_alert(), received_at=START + timedelta(seconds=160), settle=SETTLE)
    assert late.reason is MergeReason.SETTLED
    assert late.tracked.status(settle=SETTLE) is AlertStatus.RESOLVED


def test_a_firing_with_the_same_start_long_after_the_resolve_fires_again() -> None:
    """A healed partition sends exactly that."""
    known = tell(tell(None, (make_alert(), 0)), (make_alert(status=AlertStatus.RESOLVED), 100))
    late = merge(known, make_alert(), received_at=START + timedelta(seconds=161), settle=SETTLE)
    assert late.reason is MergeReason.FIRES_AGAIN
    assert late.newly_fired(settle=SETTLE)


def test_one_telling_alone_is_what_it_says() -> None:
    """A first telling is news, and a resolve that comes first fires nothing."""
    first = merge(None, make_alert(status=AlertStatus.RESOLVED), received_at=START, settle=SETTLE)
    assert first.reason is MergeReason.NEW
    assert not first.newly_fired(settle=SETTLE)
    assert first.tracked == track(make_alert(status=AlertStatus.RESOLVED), received_at=START)
