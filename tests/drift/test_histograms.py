"""The bins of a column of numbers: exact shares on both sides, whatever the column holds."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drift.tables import UNTIMED, churn_columns, feature, reported

_VALUES = st.lists(
    st.floats(allow_nan=False, allow_infinity=True, width=32) | st.integers(-5, 5).map(float),
    min_size=1, max_size=40,
)  # fmt: skip


@UNTIMED
@given(before=_VALUES, now=_VALUES)
def test_the_shares_are_those_of_the_values_between_the_edges(before: list[float], now: list[float]) -> None:
    """Each side adds up to one, and each bin holds the share of its own values."""
    before, now = before * 200, now * 200
    report = reported({"x": np.array(before)}, {"x": np.array(now)})
    for drift in report.features:
        found = drift.histogram
        if found is None:
            assert not np.isfinite(before).any()
            continue
        edges = [-math.inf, *found.edges, math.inf]
        for values, shares in ((np.array(before), found.reference), (np.array(now), found.current)):
            assert math.fsum(shares) == pytest.approx(1)
            inside = [
                ((values > low) & (values <= high)).mean() if low > -math.inf else (values <= high).mean()
                for low, high in pairwise(edges)
            ]
            assert shares == pytest.approx(inside)


def test_few_values_have_a_bin_each_and_many_have_few_bins() -> None:
    """A count of calls shows its numbers; a continuous column at most fourteen bins over what is usual."""
    report = reported(churn_columns(2000, 1), {**churn_columns(2000, 2), "x0": np.full(2000, 1000.0)})
    calls, moved = feature(report, "calls").histogram, feature(report, "x0").histogram
    assert calls is not None
    assert moved is not None
    assert calls.edges[:3] == (0.0, 1.0, 2.0)
    assert len(moved.reference) <= 14
    assert moved.current[-1] == 1.0
