"""Data as it comes: a report that says what is wrong with it, never NaN, never a crash."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.drift import DriftVerdict
from bot.drift.as_json import report_json
from bot.drift.profiling import make_profile
from bot.drift.report import compare
from bot.drift.sources import frame_source
from tests.drift.tables import UNTIMED, churn_columns, feature, reasons, reported, with_missing

if TYPE_CHECKING:
    from bot.domain.drift import DriftReport

ROWS = 600
REFERENCE = churn_columns(ROWS, 1)
CURRENT = churn_columns(ROWS, 2)


def changed(**columns: Any) -> DriftReport:
    """The report when these current columns differ; its JSON is strict, whatever is in them."""
    report = reported(REFERENCE, {**CURRENT, **columns})
    json.loads(report_json(report), parse_constant=lambda word: pytest.fail(f"{word} in the JSON"))
    return report


def test_nothing_wrong() -> None:
    """Without drift the score is 0 and no column is left out."""
    report = changed()
    assert report.score == 0
    assert report.verdict is DriftVerdict.STEADY
    assert not report.not_compared


def test_more_nulls() -> None:
    """A jump in missing values is drift of its own, which the test of the rest cannot see."""
    report = changed(x0=with_missing(CURRENT["x0"], 0.1))
    assert feature(report, "x0").effect == 1
    assert "10.0% missing" in feature(report, "x0").reason
    assert report.drifted


def test_fewer_nulls() -> None:
    """Missing values that went away are no drift."""
    reference = {**REFERENCE, "x0": with_missing(REFERENCE["x0"], 0.3)}
    assert reported(reference, CURRENT).score == 0


def test_all_null() -> None:
    """A column that is null in every current row is drift, with no statistic and no p-value."""
    report = changed(x0=pa.nulls(ROWS, pa.float64()))
    found = feature(report, "x0")
    assert (found.statistic, found.p_value, found.effect) == (None, None, 1)


def test_all_null_without_a_type() -> None:
    """Null without any type is missing values, not a changed type."""
    report = changed(x0=pa.nulls(ROWS), plan=pa.nulls(ROWS))
    assert report.schema.retyped == ()
    assert feature(report, "x0").effect == feature(report, "plan").effect == 1


def test_nan_is_missing() -> None:
    """NaN in a column of floats counts as null does."""
    values = CURRENT["x0"].copy()
    values[:60] = math.nan
    assert (
        feature(changed(x0=values), "x0").reason
        == feature(changed(x0=with_missing(CURRENT["x0"], 0.1)), "x0").reason
    )


def test_constant_on_both_sides() -> None:
    """A constant column is compared and does not drift; a single category has no statistic and p = 1."""
    ones, same = np.ones(ROWS), ["same"] * ROWS
    report = reported({**REFERENCE, "x0": ones, "plan": same}, {**CURRENT, "x0": ones, "plan": same})
    assert report.score == 0
    assert feature(report, "x0").statistic == 0
    assert (feature(report, "plan").statistic, feature(report, "plan").p_value) == (None, 1.0)


def test_became_constant() -> None:
    """A column stuck at one value is drift."""
    assert feature(changed(x0=np.zeros(ROWS)), "x0").effect == 1


def test_new_category() -> None:
    """A category that the reference never held counts by its share."""
    plan = np.where(np.arange(ROWS) < 30, "brand new", CURRENT["plan"].astype(object))
    found = feature(changed(plan=plan.tolist()), "plan")
    assert found.unseen == pytest.approx(0.05)
    assert found.effect == pytest.approx(0.5)
    assert "brand new" in found.reason


def test_long_tail_of_categories() -> None:
    """Many unseen categories of one row each are what a long tail brings, and no drift."""
    random = np.random.default_rng(5)
    tail = [[f"level {place}" for place in random.zipf(1.6, ROWS)] for _ in range(2)]
    report = reported({**REFERENCE, "plan": tail[0]}, {**CURRENT, "plan": tail[1]})
    assert report.score == 0


def test_empty_window() -> None:
    """No current rows are insufficient data, not 0 and not drift."""
    report = reported(REFERENCE, {name: values[:0] for name, values in CURRENT.items()})
    assert report.verdict is DriftVerdict.INSUFFICIENT
    assert report.score is None
    assert "0 rows in the current data" in report.reason


def test_too_few_rows() -> None:
    """199 rows are insufficient on either side, 200 are enough."""
    short = {name: values[:199] for name, values in CURRENT.items()}
    assert reported(REFERENCE, short).score is None
    assert reported(short, REFERENCE).score is None
    assert reported(REFERENCE, {name: values[:200] for name, values in CURRENT.items()}).score is not None


def test_unused_category_levels() -> None:
    """Levels that a pandas categorical declares and no row has are not there."""
    before, now = (pd.DataFrame({"plan": columns["plan"]}) for columns in (REFERENCE, CURRENT))
    before["plan"] = pd.Categorical(before["plan"], categories=[*sorted(set(before["plan"])), "unused"])
    now["plan"] = pd.Categorical(now["plan"], categories=["other unused", *sorted(set(now["plan"]))])
    report = compare(make_profile(frame_source(before)), frame_source(now))
    assert report.score == 0
    assert not any(level == "unused" for level, _ in feature(report, "plan").reference.top)  # type: ignore[union-attr]  # a compared column has both sides


@pytest.mark.parametrize("infinity", [math.inf, -math.inf])
def test_infinities_in_the_current_data(infinity: float) -> None:
    """Infinity is content that a finite reference never held, and extremes stay finite."""
    values = CURRENT["x0"].copy()
    values[:30] = infinity
    found = feature(changed(x0=values), "x0")
    assert found.effect == pytest.approx(0.5)
    assert found.current is not None
    assert found.current.maximum is not None
    assert math.isfinite(found.current.maximum)


def test_infinities_in_the_reference() -> None:
    """Where more than one value in a thousand of the reference is infinite, infinity is nothing new."""
    before, now = REFERENCE["x0"].copy(), CURRENT["x0"].copy()
    before[:30] = now[:30] = math.inf
    assert reported({**REFERENCE, "x0": before}, {**CURRENT, "x0": now}).score == 0


def test_nothing_but_infinities() -> None:
    """A column of infinities on both sides has no finite extreme, and a report."""
    values = np.full(ROWS, math.inf)
    report = reported({**REFERENCE, "x0": values}, {**CURRENT, "x0": values})
    assert report.score == 0
    assert feature(report, "x0").reference.minimum is None  # type: ignore[union-attr]  # a compared column has both sides
    finite = reported({**REFERENCE, "x0": values}, CURRENT)
    assert feature(finite, "x0").effect == 1


def test_mixed_types_in_the_current_data() -> None:
    """Numbers and words in one column are a changed type, with both named."""
    before, now = pd.DataFrame(REFERENCE), pd.DataFrame(CURRENT)
    now["x0"] = [value if place % 2 else "unknown" for place, value in enumerate(now["x0"])]
    report = compare(make_profile(frame_source(before)), frame_source(now))
    assert feature(report, "x0").effect == 1
    assert "float and str" in feature(report, "x0").reason
    assert report.schema.retyped == ("x0",)


def test_mixed_types_in_the_reference() -> None:
    """Where the reference itself is mixed the column is not compared, and the others are."""
    before, now = pd.DataFrame(REFERENCE), pd.DataFrame(CURRENT)
    before["x0"] = [value if place % 2 else "unknown" for place, value in enumerate(before["x0"])]
    report = compare(make_profile(frame_source(before)), frame_source(now))
    assert "mixed types" in reasons(report)["x0"]
    assert report.score == 0


def test_missing_column() -> None:
    """A column that is gone is a changed schema and the rest is compared."""
    current = {name: values for name, values in CURRENT.items() if name != "x0"}
    report = reported(REFERENCE, current)
    assert report.schema.missing == ("x0",)
    assert reasons(report)["x0"] == "only in the reference"
    assert report.score == 0


def test_extra_column() -> None:
    """A column that is new is a changed schema and the rest is compared."""
    report = changed(extra=np.ones(ROWS))
    assert report.schema.added == ("extra",)
    assert reasons(report)["extra"] == "only in the current data"
    assert report.score == 0


def test_nothing_in_common() -> None:
    """Two tables without a common column are insufficient data."""
    report = reported(REFERENCE, {"y": np.ones(ROWS)})
    assert report.verdict is DriftVerdict.INSUFFICIENT
    assert "nothing in common" in report.reason


def test_column_times_a_thousand() -> None:
    """One column in another unit is severe, whatever the other eleven do."""
    report = changed(charges=CURRENT["charges"] * 1_000)
    assert report.verdict is DriftVerdict.SEVERE
    assert [one.name for one in report.worst()] == ["charges"]


CELL = st.one_of(st.none(), st.floats(width=32), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e300]))


@UNTIMED
@given(st.lists(CELL, min_size=1, max_size=12), st.lists(CELL, min_size=1, max_size=12))
def test_any_numbers_have_a_strict_report(before: list[float | None], now: list[float | None]) -> None:
    """Nulls, NaN, infinities and extremes in any mixture: a score in [0, 1] and strict JSON."""
    report = reported(
        {"x": pa.array((before * 300)[:300], pa.float64()), "y": REFERENCE["x1"][:300]},
        {"x": pa.array((now * 250)[:250], pa.float64()), "y": CURRENT["x1"][:250]},
    )
    assert report.score is not None
    assert 0 <= report.score <= 1
    assert "NaN" not in report_json(report)
    assert "Infinity" not in report_json(report)


LEVEL = st.one_of(st.none(), st.text(max_size=3))


@UNTIMED
@given(st.lists(LEVEL, min_size=1, max_size=12), st.lists(LEVEL, min_size=1, max_size=12))
def test_any_categories_have_a_strict_report(before: list[str | None], now: list[str | None]) -> None:
    """Text of any kind, empty and null: a score in [0, 1] and strict JSON."""
    report = reported(
        {"x": pa.array((before * 300)[:300], pa.string()), "y": REFERENCE["x1"][:300]},
        {"x": pa.array((now * 250)[:250], pa.string()), "y": CURRENT["x1"][:250]},
    )
    assert report.score is not None
    assert 0 <= report.score <= 1
    json.loads(report_json(report))
