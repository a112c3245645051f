"""Drift of the predictions: part of the same report and score, and reported by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bot.domain.errors import Permanent
from bot.drift.predictions import PredictionSides, reference_predictions
from tests.drift.tables import churn_columns, reported, source

ROWS = 1_000
RANDOM = np.random.default_rng(1)
BEFORE, SAME, SHIFTED = (RANDOM.beta(2, 5, ROWS), RANDOM.beta(2, 5, ROWS), RANDOM.beta(3, 4, ROWS))


def report_on(before: dict[str, Any], now: dict[str, Any], column: str = "", **changed: Any) -> Any:
    """A report on steady features with these predictions."""
    sides = PredictionSides(
        reference=reference_predictions(source(before, "before"), column),
        current=source(now, "now"),
        column=column,
    )
    current = {**churn_columns(ROWS, 2), **changed}
    return reported(churn_columns(ROWS, 1), current, predictions=sides)


def test_steady_predictions() -> None:
    """Predictions that did not move have a score of 0 of their own."""
    report = report_on({"prediction": BEFORE}, {"prediction": SAME})
    assert report.predictions.score == 0
    assert report.score == 0


def test_shifted_predictions() -> None:
    """Predictions that moved alert though no feature did, and are named in the verdict."""
    report = report_on({"prediction": BEFORE}, {"prediction": SHIFTED})
    assert report.predictions.score > 0.3
    assert report.score == pytest.approx(report.predictions.score)
    assert report.predictions.feature.test == "ks"
    assert "the prediction" in report.reason
    assert all(one.name != "prediction" for one in report.features)


def test_predictions_are_among_the_columns_of_the_false_discovery_rate() -> None:
    """With twelve features beside it the prediction's q-value is larger than its p-value."""
    found = report_on({"prediction": BEFORE}, {"prediction": SAME + 0.02}).predictions.feature
    assert found.q_value > found.p_value


def test_predicted_classes() -> None:
    """Predictions of classes are categories and get the chi-square test."""
    before, now = ["stay"] * 800 + ["churn"] * 200, ["stay"] * 600 + ["churn"] * 400
    report = report_on({"prediction": before}, {"prediction": now})
    assert report.predictions.feature.test == "chi2"
    assert report.drifted


def test_column_is_the_only_one() -> None:
    """Without a column `prediction` the only one is meant, keys and dates aside, whatever it is called."""
    keys = np.arange(ROWS)
    report = report_on({"customer_id": keys, "p": BEFORE}, {"score": SHIFTED})
    assert report.predictions.score > 0.3


def test_named_column() -> None:
    """A named column is taken, and one that is not there is refused."""
    both = {"prediction": BEFORE, "other": SHIFTED}
    assert report_on(both, {"prediction": SHIFTED, "other": SHIFTED}, "other").predictions.score == 0
    with pytest.raises(Permanent, match="no prediction column `chance`"):
        report_on(both, both, "chance")


def test_several_columns_to_choose_from() -> None:
    """Two columns of which none is called `prediction` are refused with the way out."""
    with pytest.raises(Permanent, match="--prediction-column"):
        report_on({"a": BEFORE, "b": BEFORE}, {"a": BEFORE, "b": BEFORE})


def test_few_predictions() -> None:
    """Fewer than 200 predictions have no score and spoil nothing."""
    report = report_on({"prediction": BEFORE}, {"prediction": SHIFTED[:150]})
    assert report.predictions.score is None
    assert "150 predictions" in report.predictions.reason
    assert report.score == 0


def test_no_predictions_yet() -> None:
    """An empty file of predictions is said to be one."""
    report = report_on({"prediction": BEFORE}, {"prediction": BEFORE[:0]})
    assert report.predictions.score is None
    assert report.score == 0


def test_drifted_features_and_predictions_add_up() -> None:
    """Feature and prediction are combined as two columns are."""
    report = report_on({"prediction": BEFORE}, {"prediction": SHIFTED}, x0=churn_columns(ROWS, 2)["x0"] + 0.6)
    assert report.score >= report.predictions.score
    assert report.score >= max(one.effect for one in report.features)


def test_prediction_among_the_features() -> None:
    """A column `prediction` in the data itself is compared there and reported by itself as well."""
    report = reported(
        {**churn_columns(ROWS, 1), "prediction": BEFORE}, {**churn_columns(ROWS, 2), "prediction": SHIFTED}
    )
    assert report.predictions is not None
    assert report.predictions.score is not None
    assert report.predictions.score > 0.3
