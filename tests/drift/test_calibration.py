"""What the score must reach: false alarms and power, in small simulations with fixed seeds.

The benchmark repeats them at full size; the bounds here leave room for the smaller number of runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bot.drift.as_json import report_object
from tests.drift.tables import churn_columns, reported, with_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def scores(rows: int, runs: int, spoil: Callable[[dict[str, Any]], Mapping[str, Any]]) -> list[float]:
    """The scores of several runs, each on fresh samples, the current one spoiled."""
    found = []
    for run in range(runs):
        report = reported(churn_columns(rows, 2 * run), spoil(churn_columns(rows, 2 * run + 1)))
        assert report.score is not None
        found.append(report.score)
    return found


def alerts(found: list[float]) -> int:
    """How many are above the threshold."""
    return sum(score > 0.3 for score in found)


@pytest.mark.parametrize(("rows", "runs"), [(500, 100), (5_000, 30)])
def test_no_alert_without_drift(rows: int, runs: int) -> None:
    """Without drift at most one run in a hundred alerts; 1 - mean(p) is above 0.3 in nearly every one."""
    first = 100_000
    reports = [
        report_object(
            reported(churn_columns(rows, first + 2 * run), churn_columns(rows, first + 2 * run + 1))
        )
        for run in range(runs)
    ]
    assert np.mean([report["score"] > 0.3 for report in reports]) <= 0.01
    assert np.mean([report["seed_score"] > 0.3 for report in reports]) > 0.85


def times_a_thousand(columns: dict[str, Any]) -> Mapping[str, Any]:
    """Another unit."""
    return {**columns, "charges": columns["charges"] * 1_000}


def ten_percent_missing(columns: dict[str, Any]) -> Mapping[str, Any]:
    """A source that fails now and then."""
    return {**columns, "x1": with_missing(columns["x1"], 0.1)}


def five_percent_new(columns: dict[str, Any]) -> Mapping[str, Any]:
    """A new plan is sold."""
    new = np.arange(len(columns["plan"])) % 20 == 0
    return {**columns, "plan": np.where(new, "new plan", columns["plan"].astype(object)).tolist()}


def half_a_deviation(columns: dict[str, Any]) -> Mapping[str, Any]:
    """Another population."""
    return {**columns, "x0": columns["x0"] + 0.5}


@pytest.mark.parametrize("spoil", [times_a_thousand, ten_percent_missing, five_percent_new, half_a_deviation])
@pytest.mark.parametrize(("rows", "runs"), [(500, 40), (5_000, 10)])
def test_one_broken_column_of_twelve_alerts(
    spoil: Callable[[dict[str, Any]], Mapping[str, Any]], rows: int, runs: int
) -> None:
    """One column of twelve that broke alerts in at least 95 % of the runs, small or large."""
    assert alerts(scores(rows, runs, spoil)) >= 0.95 * runs


@pytest.mark.parametrize("spoil", [ten_percent_missing, five_percent_new, half_a_deviation])
def test_score_does_not_depend_on_the_sample_size(
    spoil: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> None:
    """The same shift scores the same at 5,000 and at 200,000 rows, within 0.05."""
    few = float(np.mean(scores(5_000, 5, spoil)))
    reference = churn_columns(5_000, 90)
    many = reported(reference, spoil(churn_columns(200_000, 91))).score
    assert many is not None
    assert abs(few - many) <= 0.05


def test_tiny_shift_of_many_rows_is_no_drift() -> None:
    """A hundredth of a deviation at 200,000 rows is significant and nothing that anybody should hear of."""
    report = reported({"x": churn_columns(200_000, 1)["x0"]}, {"x": churn_columns(200_000, 2)["x0"] + 0.02})
    assert report.features[0].q_value is not None
    assert report.features[0].q_value < 0.01
    assert report.score == 0


def test_thresholds_mean_what_they_should() -> None:
    """A shift of a normal mean scores about 0.31 at a stability index of 0.10 and 0.49 at 0.25."""
    before, now = churn_columns(100_000, 1)["x0"], churn_columns(100_000, 2)["x0"]
    for index, expected in ((0.10, 0.31), (0.25, 0.49)):
        score = reported({"x": before}, {"x": now + np.sqrt(index)}).score
        assert score == pytest.approx(expected, abs=0.02)
