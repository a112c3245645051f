"""The statistics against scipy and against published values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from bot.drift.statistics import (
    all_in_current_p,
    benjamini_hochberg,
    chi_square,
    chi_square_tail,
    kolmogorov_smirnov,
    kolmogorov_tail,
    rise_p,
    smirnov_p,
    variation,
)
from tests.drift.tables import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot.drift.statistics import Distance

VALUES = st.lists(st.integers(0, 12), min_size=1, max_size=40)


def counted(values: Sequence[float], grid: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The counts of a sample on a grid."""
    ordered = np.sort(np.asarray(values, dtype=float))
    return np.searchsorted(ordered, grid, "left"), np.searchsorted(ordered, grid, "right")


def distance(x: Sequence[float], y: Sequence[float], edges: Sequence[float]) -> Distance:
    """The distance of two samples, counted at the edges and the infinities."""
    grid = np.concatenate([[-np.inf], np.unique(np.asarray(edges, dtype=float)), [np.inf]])
    return kolmogorov_smirnov(counted(x, grid), counted(y, grid))


def plain_distance(x: Sequence[float], y: Sequence[float]) -> float:
    """The distance by its definition."""
    return max(abs(sum(a <= e for a in x) / len(x) - sum(b <= e for b in y) / len(y)) for e in {*x, *y})


def test_ties() -> None:
    """The published case of ties has D = 3/7, exactly."""
    x, y = [1, 2, 2, 3, 3], [1, 2, 3, 3, 4, 5, 6]
    found = distance(x, y, x)
    assert found.low == pytest.approx(3 / 7, abs=1e-15)
    assert found.high == pytest.approx(3 / 7, abs=1e-15)
    assert smirnov_p(found.low, 5, 7) == pytest.approx(stats.ks_2samp(x, y).pvalue, abs=1e-12)


@UNTIMED
@given(VALUES, VALUES)
def test_distance_is_exact_for_few_distinct_values(x: list[int], y: list[int]) -> None:
    """With every value of the reference as an edge the bracket has no width and D is exact."""
    found = distance(x, y, x)
    assert found.low == pytest.approx(plain_distance(x, y), abs=1e-12)
    assert found.high == pytest.approx(found.low, abs=1e-12)


@UNTIMED
@given(VALUES, VALUES, st.lists(st.integers(0, 12), max_size=4))
def test_bracket_holds_the_exact_distance(x: list[int], y: list[int], edges: list[int]) -> None:
    """Whatever the edges are, the exact distance lies in the bracket."""
    found = distance(x, y, edges)
    exact = plain_distance(x, y)
    assert found.low - 1e-12 <= exact <= found.high + 1e-12


@pytest.mark.parametrize(("n", "m"), [(5, 7), (30, 30), (200, 350), (900, 900), (1100, 700)])
def test_smirnov_is_exact_where_samples_are_small(n: int, m: int) -> None:
    """The p-value of samples up to 2,000 values together is the exact one."""
    random = np.random.default_rng(n * m)
    found = stats.ks_2samp(random.normal(size=n), random.normal(0.1, size=m), method="exact")
    assert smirnov_p(found.statistic, n, m) == pytest.approx(found.pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [5_000, 20_000])
def test_smirnov_of_equal_sizes_is_exact(n: int) -> None:
    """Samples of one size have an exact p-value at any usual size."""
    found = smirnov_p(round(0.02 * n) / n, n, n)
    height = round(0.02 * n)
    first = math.exp(2 * math.lgamma(n + 1) - math.lgamma(n + height + 1) - math.lgamma(n - height + 1))
    second = math.exp(
        2 * math.lgamma(n + 1) - math.lgamma(n + 2 * height + 1) - math.lgamma(n - 2 * height + 1)
    )
    assert found == pytest.approx(2 * (first - second), rel=1e-3)


def test_smirnov_of_large_samples_is_near_scipys() -> None:
    """Beyond that the limit is used; it is within a few per cent of scipy's asymptotic value."""
    random = np.random.default_rng(4)
    found = stats.ks_2samp(random.normal(size=15_000), random.normal(0.02, size=9_000))
    assert smirnov_p(found.statistic, 15_000, 9_000) == pytest.approx(found.pvalue, rel=0.05)


def test_no_distance_is_no_evidence() -> None:
    """A distance of zero has p = 1, a distance of one is as rare as it gets."""
    assert smirnov_p(0.0, 300, 200) == 1.0
    assert smirnov_p(1.0, 300, 200) < 1e-90
    assert smirnov_p(1.0, 10**8, 10**8) == 0.0


@UNTIMED
@given(st.floats(0.05, 15))
def test_kolmogorov_tail(scaled: float) -> None:
    """The tail of the limit is scipy's."""
    assert kolmogorov_tail(scaled) == pytest.approx(special.kolmogorov(scaled), rel=1e-10)


@UNTIMED
@given(st.floats(0, 3_000), st.one_of(st.integers(1, 60), st.sampled_from([999, 1_000, 9_999])))
def test_chi_square_tail(statistic: float, degrees: int) -> None:
    """The tail of chi-square is scipy's, for odd and even degrees of freedom."""
    assert chi_square_tail(statistic, degrees) == pytest.approx(
        special.chdtrc(degrees, statistic), rel=1e-9, abs=1e-290
    )


def test_chi_square_of_the_published_table() -> None:
    """The two-sample statistic of the published table is 1.62241 with p = 0.898526."""
    statistic, p_value = chi_square([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8])
    assert statistic == pytest.approx(1.62241, abs=5e-6)
    assert p_value == pytest.approx(0.898526, abs=5e-7)


def test_chi_square_has_no_yates_correction() -> None:
    """A table of two by two gets the statistic without Yates' correction."""
    statistic, p_value = chi_square([40, 60], [55, 45])
    expected = stats.chi2_contingency([[40, 60], [55, 45]], correction=False)
    assert statistic == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue)


def test_rare_cells_are_pooled() -> None:
    """Cells expected below 5 in the smaller sample are pooled into one."""
    statistic, p_value = chi_square([100, 80, 3, 2, 1, 0], [50, 45, 1, 0, 2, 1])
    expected = stats.chi2_contingency([[100, 80, 6], [50, 45, 4]], correction=False)
    assert statistic == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue)


def test_one_cell_is_no_test() -> None:
    """A single cell left, from the start or after pooling, has no statistic and p = 1."""
    assert chi_square([300], [250]) == (None, 1.0)
    assert chi_square([1, 1, 1, 2], [1, 2, 1, 0]) == (None, 1.0)


@UNTIMED
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_rate(p_values: list[float]) -> None:
    """The q-values are Benjamini and Hochberg's, in the order given."""
    assert benjamini_hochberg(p_values) == pytest.approx(list(stats.false_discovery_control(p_values)))


def test_variation_without_drift_does_not_grow_with_the_levels() -> None:
    """Two samples of 500 over 200 levels vary by more than 0.2; what is left of it is below 0.1."""
    random = np.random.default_rng(1)
    found = []
    for _ in range(20):
        before, now = (np.bincount(random.integers(0, 200, 500), minlength=200) for _ in range(2))
        assert np.abs(before - now).sum() / 1_000 > 0.2
        found.append(variation(before.tolist(), now.tolist()))
    assert np.mean(found) < 0.1


def test_variation_of_a_real_shift() -> None:
    """Half of a level moved to another is a variation of its share."""
    assert variation([5_000, 5_000], [2_500, 7_500]) == pytest.approx(0.25, abs=1e-3)
    assert variation([100, 0], [0, 100]) == pytest.approx(1, abs=0.01)


def test_rise_of_a_share() -> None:
    """The test of missing values is one-sided, and silent where nothing can rise."""
    assert rise_p(0, 500, 50, 500) < 1e-10
    assert rise_p(50, 500, 0, 500) > 0.999
    assert rise_p(0, 500, 0, 500) == 1.0
    assert rise_p(500, 500, 500, 500) == 1.0
    z = (30 / 400 - 10 / 500) / math.sqrt((40 / 900) * (860 / 900) * (1 / 400 + 1 / 500))
    assert rise_p(10, 500, 30, 400) == pytest.approx(stats.norm.sf(z))


@UNTIMED
@given(st.integers(1, 40), st.integers(1, 10**6), st.integers(1, 10**6))
def test_chance_of_unseen_rows(rows: int, n: int, m: int) -> None:
    """The chance that given rows all fall into the current sample is a share to their number."""
    assert all_in_current_p(rows, n, m) == pytest.approx((m / (n + m)) ** rows)
    assert all_in_current_p(rows, 0, 0) == 1.0
