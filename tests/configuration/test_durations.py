"""Durations: what is taken, what is refused, and that writing and reading are inverse."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.durations import LONGEST, DurationError, format_duration, parse_duration, rough_duration

LENGTHS = st.timedeltas(min_value=timedelta(0), max_value=LONGEST).map(
    lambda length: timedelta(milliseconds=length // timedelta(milliseconds=1))
)


@given(LENGTHS)
def test_what_is_written_reads_back_the_same(length: timedelta) -> None:
    """Formatting a duration and parsing the text gives the duration."""
    assert parse_duration(format_duration(length)) == length


@given(st.text())
def test_any_text_is_a_duration_or_a_clear_fault(text: str) -> None:
    """No text makes the parser fail in another way than its own error."""
    try:
        found = parse_duration(text)
    except DurationError:
        return
    assert timedelta(0) <= found <= LONGEST


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1w2d", timedelta(days=9)),
        (" 500ms ", timedelta(milliseconds=500)),
    ],
)
def test_the_usual_forms_are_taken(text: str, length: timedelta) -> None:
    """Units from weeks to milliseconds, largest first."""
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "10", "m", "1.5h", "-5m", "30m1h", "1h1h", "1y", "٣m", "9" * 39 + "w", "99999d"]
)
def test_other_forms_are_refused(text: str) -> None:
    """A number without a unit, fractions, signs, wrong order, repeats and more than ten years are faults."""
    with pytest.raises(DurationError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=250), "4m10s"),
        (timedelta(hours=1), "1h"),
        (timedelta(days=2, hours=3, minutes=5), "2d3h"),
        (timedelta(minutes=-5), "-5m"),
    ],
)
def test_a_rough_duration_has_two_units_at_most(length: timedelta, text: str) -> None:
    """What people read is short."""
    assert rough_duration(length) == text
