"""The statistics of one column, from integer counts alone: distances, p-values, false discovery rate.

Called by `bot.drift.measuring` and `bot.drift.score`. The two tails are closed forms, written out: loading
scipy.special takes longer than counting a million rows; the tests hold every function here against scipy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EXACT_UP_TO: Final = 2_000
"""Smirnov's distribution is counted exactly for samples of unequal size up to this many values together."""
EXACT_EQUAL_UP_TO: Final = 50_000
"""And for two samples of one size, where a series gives it, up to this many values each."""
SMALLEST_EXPECTED: Final = 5
"""Cells expected below this in the smaller sample are pooled into one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """A distance with a certified bracket: the exact value lies in [low, high]; `low` is attained."""

    low: float
    high: float


def kolmogorov_smirnov(
    reference: tuple[NDArray[np.int64], NDArray[np.int64]],
    current: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Distance:
    """The largest gap between two distribution functions, from counts (below, at or below) on one grid.

    The grid begins at minus and ends at plus infinity, so the last count is the number of values. Between two
    points of the grid both functions only rise; that bounds how far apart they can be where nobody counted.
    """
    n, m = int(reference[1][-1]), int(current[1][-1])
    below_f, upto_f = reference[0] / n, reference[1] / n
    below_g, upto_g = current[0] / m, current[1] / m
    low = max(float(np.abs(below_f - below_g).max()), float(np.abs(upto_f - upto_g).max()))
    gaps = np.maximum(below_f[1:] - upto_g[:-1], below_g[1:] - upto_f[:-1])
    return Distance(low=low, high=max(low, float(gaps.max(initial=0.0))))


def smirnov_p(distance: float, n: int, m: int) -> float:
    """The chance of a distance at least this large between two samples of one continuous distribution."""
    if distance <= 0:
        return 1.0
    if n == m <= EXACT_EQUAL_UP_TO:
        return _equal_sizes(round(distance * n), n)
    if n + m <= EXACT_UP_TO:
        exact = 1.0 - _paths_inside(round(distance * n * m), n, m)
        if exact > 1e-9:  # noqa: PLR2004 - below this nothing is left of the difference from one
            return min(1.0, exact)
    return kolmogorov_tail(math.sqrt(n * m / (n + m)) * distance)


def _equal_sizes(height: int, n: int) -> float:
    """Gnedenko and Korolyuk: 2 Σ (-1)^(k+1) C(2n, n+kh) / C(2n, n), by ratios, which never overflow."""
    total = 0.0
    for k in range(1, n // height + 1):
        steps = np.arange(k * height)
        log_ratio = float(np.log1p(-k * height / (n + k * height - steps)).sum())
        term = math.exp(log_ratio)
        total += term if k % 2 else -term
        if term < 1e-18 * total:
            break
    return min(1.0, max(0.0, 2.0 * total))


def _paths_inside(height: int, n: int, m: int) -> float:
    """The share of the orders of n and m values whose functions stay less than height/(nm) apart.

    Step t knows, for each number i of values of the first sample among the first t, the share of orders that
    have not left the band; a value of the first sample comes next with the odds of drawing without
    replacement.
    """
    share = np.zeros(n + 1)
    share[0] = 1.0
    taken = np.arange(n + 1)
    for t in range(1, n + m + 1):
        # |i/n - (t-i)/m| < height/(nm)  <=>  n t - height < i (n + m) < n t + height
        first = max(0, t - m, (n * t - height) // (n + m) + 1)
        last = min(n, t, (n * t + height - 1) // (n + m))
        if first > last:
            return 0.0
        begin = max(first, 1)
        stay = share[first : last + 1] * (t - taken[first : last + 1])
        stay[begin - first :] += share[begin - 1 : last] * taken[begin : last + 1]
        share[max(0, first - 1) : last + 1] = 0.0
        share[first : last + 1] = stay / t
    return float(share[n])


def kolmogorov_tail(scaled: float) -> float:
    """The limit of Smirnov's tail at √(nm/(n+m)) D; two series, each where it converges in a few terms."""
    if scaled <= 0:
        return 1.0
    if scaled < 1:
        rate = (math.pi / scaled) ** 2 / 8
        inside = math.sqrt(2 * math.pi) / scaled * math.fsum(math.exp(-rate * k * k) for k in (1, 3, 5, 7))
        return 1.0 - inside
    signs = ((1, 1), (-1, 2), (1, 3), (-1, 4), (1, 5))
    return 2 * math.fsum(sign * math.exp(-2 * (k * scaled) ** 2) for sign, k in signs)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """The upper tail for a whole number of degrees of freedom, where it is a finite sum of positive terms."""
    half = statistic / 2
    if half <= 0:
        return 1.0
    odd = degrees % 2
    # half^(k + odd/2) e^-half / Γ(k + 1 + odd/2), each term from the one before, in logarithms
    steps = np.arange(1, degrees // 2 + odd, dtype=np.float64) + odd / 2
    first = odd / 2 * math.log(half) - half - math.lgamma(1 + odd / 2)
    terms = np.exp(np.concatenate([[first], first + np.cumsum(math.log(half) - np.log(steps))]))
    return min(1.0, float(terms[: degrees // 2].sum()) + (math.erfc(math.sqrt(half)) if odd else 0.0))


def chi_square(reference: Sequence[int], current: Sequence[int]) -> tuple[float | None, float]:
    """The two-sample statistic without Yates' correction, and its p-value; rare cells are pooled into one.

    One single cell left is no test: (None, 1.0).
    """
    table = np.array([reference, current], dtype=np.float64)
    sizes = table.sum(axis=1)
    pooled_share = table.sum(axis=0) / sizes.sum()
    rare = pooled_share * sizes.min() < SMALLEST_EXPECTED
    if rare.sum() > 1:
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
        pooled_share = table.sum(axis=0) / sizes.sum()
    if table.shape[1] < 2:  # noqa: PLR2004 - two cells make a table
        return None, 1.0
    expected = sizes[:, None] * pooled_share
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, chi_square_tail(statistic, table.shape[1] - 1)


def variation(reference: Sequence[int], current: Sequence[int]) -> float:
    """The total variation less what two samples of one distribution differ by: √max(0, TV² - E²).

    Plain total variation grows with the number of categories; E is what it comes to when nothing changed.
    """
    f = np.asarray(reference, dtype=np.float64)
    g = np.asarray(current, dtype=np.float64)
    n, m = f.sum(), g.sum()
    plain = float(np.abs(f / n - g / m).sum()) / 2
    pooled = (f + g) / (n + m)
    chance = float(np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m) / (2 * math.pi)).sum())
    return math.sqrt(max(0.0, plain**2 - chance**2))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The q-values, in the order of the p-values."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    smallest = 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        smallest = min(smallest, p_values[index] * len(order) / rank)
        adjusted[index] = smallest
    return adjusted


def rise_p(before: int, rows_before: int, now: int, rows_now: int) -> float:
    """One-sided two-proportion z-test: the chance of such a rise of a share when there is none."""
    pooled = (before + now) / (rows_before + rows_now)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / rows_before + 1 / rows_now))
    if spread == 0:
        return 1.0
    return math.erfc((now / rows_now - before / rows_before) / spread / math.sqrt(2)) / 2


def all_in_current_p(rows: int, n: int, m: int) -> float:
    """The chance that `rows` given values all fall into the current sample: (m / (n + m))^rows."""
    return float((m / (n + m)) ** rows) if n + m else 1.0
