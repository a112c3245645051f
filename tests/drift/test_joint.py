"""The joint score: what no column shows by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.drift.columns import Kind
from bot.drift.joint import area_under_curve, joint_score
from bot.drift.profile_files import load_profile, save_profile
from bot.drift.report import compare
from bot.drift.sampling import SAMPLE_ROWS, RowSample, row_priorities
from tests.drift.tables import UNTIMED, churn_columns, profiled, source


def correlated(rows: int, seed: int, correlation: float) -> dict[str, Any]:
    """The usual columns, two of them correlated."""
    columns = churn_columns(rows, seed)
    rest = np.sqrt(1 - correlation**2)
    return {**columns, "x1": correlation * columns["x0"] + rest * columns["x1"]}


def test_broken_correlation() -> None:
    """Two columns that lost their correlation score 0 by themselves and clearly together."""
    report = compare(profiled(correlated(5_000, 1, 0.95), with_sample=True), source(churn_columns(5_000, 2)))
    assert report.score == 0
    assert report.joint.value is not None
    assert report.joint.value > 0.5


def test_no_drift() -> None:
    """Without drift the rows cannot be told apart, and it is the same number each time."""
    made = profiled(correlated(3_000, 3, 0.9), with_sample=True)
    found = [compare(made, source(correlated(3_000, 4, 0.9))).joint.value for _ in range(2)]
    assert found[0] is not None
    assert found[0] < 0.1
    assert found[0] == found[1]


def test_the_same_rows_on_both_sides() -> None:
    """Data against itself is 0, never below."""
    columns = churn_columns(1_000, 5)
    assert compare(profiled(columns, with_sample=True), source(columns)).joint.value == 0


def test_profile_alone_has_none() -> None:
    """It needs rows of the reference; a profile without a sample has none, and says so."""
    report = compare(profiled(churn_columns(400, 1)), source(churn_columns(400, 2)))
    assert report.joint.value is None
    assert "without a sample" in report.joint.reason


def test_profile_with_an_opted_in_sample(tmp_path: Any) -> None:
    """Saved with a sample, a profile gives the joint score that its data gave, rare categories hashed."""
    before = {
        **correlated(2_000, 1, 0.95),
        "word": ["often"] * 1_996 + [f"rare {place}" for place in range(4)],
    }
    now = {**churn_columns(2_000, 2), "word": ["often"] * 1_999 + ["rare 1"]}
    made = profiled(before, with_sample=True)
    save_profile(made, tmp_path / "p", key=b"k")
    saved = compare(load_profile(tmp_path / "p"), source(now)).joint.value
    assert saved == pytest.approx(compare(made, source(now)).joint.value, abs=0.02)
    assert saved is not None
    assert saved > 0.5


def test_missing_values_and_categories_are_seen() -> None:
    """A combination of category and missing value that changed is seen, with nulls and levels in the rows."""
    random = np.random.default_rng(7)

    def side(linked: bool) -> Any:
        level = random.choice(["a", "b"], 2_000)
        gone = level == "a" if linked else random.random(2_000) < 0.5
        values = [None if missing else 1.0 for missing in gone]
        return pa.table({"level": level.tolist(), "value": pa.array(values)})

    kinds = {"level": Kind.CATEGORY, "value": Kind.NUMBER}
    assert joint_score(side(linked=True), side(linked=False), kinds) > 0.3


@UNTIMED
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_area_under_curve(rows: list[tuple[int, bool]]) -> None:
    """The area is the share of pairs in the right order, ties counting half."""
    positives = [score for score, positive in rows if positive]
    negatives = [score for score, positive in rows if not positive]
    if not positives or not negatives:
        return
    pairs = [(high > low) + (high == low) / 2 for high in positives for low in negatives]
    found = area_under_curve(
        np.array([score for score, _ in rows], float), np.array([positive for _, positive in rows])
    )
    assert found == pytest.approx(sum(pairs) / len(pairs))


@UNTIMED
@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=6))
def test_sample_is_the_same_however_the_stream_is_cut(lengths: list[int]) -> None:
    """Batches of any sizes keep the same rows: those of the lowest priorities, in their order."""
    rows = sum(lengths)
    whole = pa.record_batch({"x": pa.array([float(place) for place in range(rows)])})
    sample, start = RowSample({"x": Kind.NUMBER}), 0
    for length in lengths:
        sample.add(whole.slice(start, length))
        start += length
    expected = np.sort(np.argsort(row_priorities(0, rows))[:SAMPLE_ROWS])
    assert sample.table.column("x").to_pylist() == expected.tolist()
