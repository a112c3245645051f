"""The arithmetic of rehearsals: what it computes, and that nothing but arithmetic is in it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rehearsal.scenarios.formulas import FormulaError, read_formula
from bot.rehearsal.scenarios.numbers import Course, Numbers

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def numbers(**courses: Course | str | float) -> Numbers:
    """A world with these numbers and four ready pods."""
    made = {
        name: one if isinstance(one, Course) else Course(points=((timedelta(0), read_formula(one)),))
        for name, one in courses.items()
    }
    return Numbers(made, start=START, given=lambda _name, _at: 4.0)


def at(minutes: float) -> datetime:
    """So many minutes after the beginning."""
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 ** 2", 19),
        ("load / ready", 15),
        ("-load if load > 50 else load", -60),
        ("min(load, 10) + max(1, 2, 3)", 13),
        ("load > 50 and not ready < 4", 1),
        ("t / 60", 5),
        (7, 7),
    ],
)
def test_what_a_formula_says(text: str | float, value: float) -> None:
    """Sums, comparisons, choices, functions, and the time since the beginning."""
    assert read_formula(text).value(numbers(load=60), at(5)) == value


def test_a_division_by_nothing_has_no_value() -> None:
    """Where a formula has no value there is no sample, as with Prometheus, and no error."""
    assert read_formula("1 / (ready - 4)").value(numbers(), at(0)) is None
    assert read_formula("10 ** 10 ** 10").value(numbers(), at(0)) is None


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "ready.__class__",
        "[n for n in (1, 2)]",
        "lambda: 1",
        "'text'",
        "f'{ready}'",
        "ready; 1",
        "open(1)",
        "min()",
        "1 < 2 < 3",
        "",
        "(" * 200,
        "1 +" * 300 + " 1",
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    """Nothing that could reach beyond numbers is read."""
    with pytest.raises(FormulaError):
        read_formula(text)


@given(st.text(max_size=80))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    """Reading never raises anything else, and what was read gives a finite number or none."""
    try:
        formula = read_formula(text)
    except FormulaError:
        return
    value = formula.value(numbers(), at(0))
    assert value is None or math.isfinite(value)


def test_steps_hold_until_the_next_and_ramps_join_them() -> None:
    """Before the first time the first value holds; between times a step stays, a ramp climbs."""
    points = tuple((timedelta(minutes=m), read_formula(v)) for m, v in ((1, 10), (3, 30)))
    world = numbers(step=Course(points=points), ramp=Course(points=points, ramp=True))
    assert [world.value("step", at(m)) for m in (-60, 0, 1, 2, 3, 9)] == [10, 10, 10, 10, 30, 30]
    assert [world.value("ramp", at(m)) for m in (-60, 0, 1, 2, 3, 9)] == [10, 10, 10, 20, 30, 30]


def test_smooth_is_the_mean_of_the_time_before() -> None:
    """A jump shows in full only after the window."""
    jump = Course(points=((timedelta(0), read_formula(0)), (timedelta(minutes=1), read_formula(10))))
    world = numbers(jump=jump, smoothed="smooth(jump, 20)")
    values = [world.value("smoothed", START + timedelta(seconds=s)) for s in (59, 60, 70, 80)]
    assert values == [0, 2, 6, 10]


def test_a_circle_has_no_value_and_no_end() -> None:
    """Numbers that rest on each other have no sample."""
    assert numbers(a="b + 1", b="a + 1").sample("a", at(0)) is None
