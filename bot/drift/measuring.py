"""One column of the reference against its counts in the current data: distances, p-values, unseen content.

Called by `bot.drift.report`. Nothing is judged here: significance needs all columns together
(`bot.drift.score`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bot.domain.drift import MINIMUM_ROWS, ColumnSummary, DriftTest, UnseenContent
from bot.drift.columns import ColumnType, Kind
from bot.drift.counting import Asked, NumberCounts
from bot.drift.histograms import histogram_of
from bot.drift.precision import at_single
from bot.drift.statistics import (
    all_in_current_p,
    chi_square,
    kolmogorov_smirnov,
    rise_p,
    smirnov_p,
    variation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.domain.drift import Histogram
    from bot.drift.counting import CategoryCounts
    from bot.drift.profile import ProfiledColumn

CHANCE: Final = 1e-4
"""Unseen content counts when chance would bring it less often than this."""
_INFINITE_SHARE: Final = 1e-3
"""Infinities are content like any other when more of the reference than this is infinite."""
_TOP_LEVELS: Final = 5
_SHOWN_LEVELS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What the counts of one column say.

    `too_few` says why the shape is not judged and is empty when it is. `broken` says why the whole column
    counts as unseen content: it is gone, or its type changed.
    """

    name: str
    test: DriftTest
    statistic: float | None = None
    p_value: float | None = None
    distance: float | None = None
    bracket: tuple[float, float] | None = None
    unseen_content: tuple[UnseenContent, ...] = ()
    too_few: str = ""
    broken: str = ""
    reference: ColumnSummary | None = None
    current: ColumnSummary | None = None
    histogram: Histogram | None = None


def asked_of(column: ProfiledColumn, current: ColumnType) -> tuple[ProfiledColumn, Asked]:
    """How to count a current column, and the reference's column on the same grid.

    When one side has single precision both are taken at that: 0.1 is not the same number in both.
    """
    if column.kind is not Kind.NUMBER or column.grid is None or column.numbers is None:
        return column, Asked(kind=Kind.CATEGORY)
    if column.type.single or not current.single:
        return column, Asked(kind=Kind.NUMBER, grid=column.grid, single=column.type.single)
    rounded = at_single(column.grid)
    grid, first = np.unique(rounded, return_index=True)
    last = np.append(first[1:], len(rounded)) - 1
    numbers = replace(
        column.numbers, below=column.numbers.below[first], at_or_below=column.numbers.at_or_below[last]
    )
    return replace(column, grid=grid, numbers=numbers), Asked(kind=Kind.NUMBER, grid=grid, single=True)


def test_of(column: ProfiledColumn) -> DriftTest:
    """The test that the column's kind gets."""
    return DriftTest.KS if column.kind is Kind.NUMBER else DriftTest.CHI2


def measure_numbers(
    column: ProfiledColumn, rows: tuple[int, int], current: NumberCounts, nulls: int
) -> Measured:
    """Numbers: the Kolmogorov-Smirnov distance and Smirnov's p; `rows` are those of reference and current."""
    before = column.numbers
    if before is None:
        raise ValueError(f"{column.name} was not profiled as numbers")
    made = Measured(
        name=column.name,
        test=DriftTest.KS,
        too_few=_too_few(before.values, current.values),
        unseen_content=_kept([
            *_risen_nulls(column.nulls, nulls, rows),
            *_unseen_numbers(before, current, rows[1]),
        ]),
        reference=_number_summary(column, before, rows[0], column.nulls),
        current=_number_summary(column, current, rows[1], nulls),
    )  # fmt: skip
    if not before.values or not current.values:
        return made
    distance = kolmogorov_smirnov((before.below, before.at_or_below), (current.below, current.at_or_below))
    return replace(
        made,
        statistic=distance.low,
        distance=distance.low,
        bracket=(distance.low, distance.high),
        p_value=smirnov_p(distance.low, before.values, current.values),
        histogram=histogram_of(column.grid, before, current),
    )


def measure_categories(
    column: ProfiledColumn, rows: tuple[int, int], current: CategoryCounts, nulls: int, key: bytes
) -> Measured:
    """Categories: the total variation beyond chance, and the two-sample chi-square test."""
    before = {**column.levels, **column.rare}
    now = {column.known_as(level, key): count for level, count in current.levels.items()}
    n, m = sum(before.values()), sum(now.values())
    unseen = {
        level: count
        for level, count in now.items()
        if level not in before and all_in_current_p(count, n, m) < CHANCE
    }
    made = Measured(
        name=column.name,
        test=DriftTest.CHI2,
        too_few=_too_few(n, m),
        unseen_content=_kept([*_risen_nulls(column.nulls, nulls, rows), *_unseen_levels(unseen, rows[1])]),
        reference=_category_summary(column.levels, n, rows[0], column.nulls),
        current=_category_summary(current.levels, m, rows[1], nulls),
    )
    if not n or not m:
        return made
    levels = sorted({*before, *now})
    pair = [before.get(level, 0) for level in levels], [now.get(level, 0) for level in levels]
    statistic, p_value = chi_square(*pair)
    return replace(made, statistic=statistic, p_value=p_value, distance=variation(*pair))


def measure_broken(column: ProfiledColumn, rows: tuple[int, int], why: str, *, kind: str) -> Measured:
    """A column whose values are of another type, or gone: every row holds what the reference never held."""
    return Measured(
        name=column.name,
        test=test_of(column),
        broken=why,
        unseen_content=(UnseenContent(kind=kind, rows=rows[1], share=1.0),),
        reference=summary_of(column, rows[0]),
    )


def summary_of(column: ProfiledColumn, rows: int) -> ColumnSummary | None:
    """The reference's side of a column; None when nothing of it was kept."""
    if column.numbers is not None:
        return _number_summary(column, column.numbers, rows, column.nulls)
    return _category_summary(column.levels, column.values, rows, column.nulls) if column.levels else None


def _too_few(n: int, m: int) -> str:
    sides = [
        f"{values} values in the {side}"
        for values, side in ((n, "reference"), (m, "current data"))
        if values < MINIMUM_ROWS
    ]
    return f"only {' and '.join(sides)}; {MINIMUM_ROWS} are needed" if sides else ""


def _kept(found: Iterable[UnseenContent]) -> tuple[UnseenContent, ...]:
    return tuple(sorted(found, key=lambda content: (-content.rows, content.kind)))


def _risen_nulls(before: int, now: int, rows: tuple[int, int]) -> list[UnseenContent]:
    rise = now / rows[1] - before / rows[0]
    if rise <= 0 or rise_p(before, rows[0], now, rows[1]) >= CHANCE:
        return []
    return [UnseenContent(kind="missing", rows=round(rise * rows[1]), share=rise)]


def _unseen_numbers(before: NumberCounts, now: NumberCounts, rows: int) -> Iterable[UnseenContent]:
    n, m = before.values, now.values
    low, high = now.infinite
    has_finite = len(before.below) > 2  # noqa: PLR2004 - more than the two infinities
    below = int(now.below[1]) - low if has_finite else 0
    above = int(now.below[-1] - now.at_or_below[-2]) if has_finite else m - low - high
    found = [("below the reference's minimum", below), ("above the reference's maximum", above)]
    if sum(before.infinite) <= _INFINITE_SHARE * n:
        found += [("minus infinity", low), ("infinity", high)]
    for kind, count in found:
        if count and all_in_current_p(count, n, m) < CHANCE:
            yield UnseenContent(kind=kind, rows=count, share=count / rows)


def _unseen_levels(unseen: Mapping[str, int], rows: int) -> Iterable[UnseenContent]:
    if not unseen:
        return
    most = sorted(unseen, key=lambda level: (-unseen[level], level))
    shown = ", ".join(_quoted(level) for level in most[:_SHOWN_LEVELS])
    more = f" and {len(most) - _SHOWN_LEVELS:,} more" if len(most) > _SHOWN_LEVELS else ""
    count = sum(unseen.values())
    words = "category" if len(most) == 1 else "categories"
    yield UnseenContent(kind=f"unseen {words} {shown}{more}", rows=count, share=count / rows)


def _number_summary(column: ProfiledColumn, counts: NumberCounts, rows: int, nulls: int) -> ColumnSummary:
    median = None
    if column.grid is not None and counts.values:
        at = int(np.searchsorted(counts.at_or_below, counts.values / 2))
        median = float(column.grid[min(at, len(column.grid) - 1)])
    return ColumnSummary(
        rows=rows,
        missing=nulls / rows if rows else 0.0,
        minimum=_finite(counts.minimum),
        median=None if median is None else _finite(median),
        maximum=_finite(counts.maximum),
    )


def _category_summary(levels: Mapping[str, int], values: int, rows: int, nulls: int) -> ColumnSummary:
    most = sorted(levels.items(), key=lambda item: (-item[1], item[0]))[:_TOP_LEVELS]
    return ColumnSummary(
        rows=rows,
        missing=nulls / rows if rows else 0.0,
        top=tuple((level, count / values) for level, count in most),
    )


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _quoted(level: str) -> str:
    return f"`{level[:40]}…`" if len(level) > 40 else f"`{level}`"  # noqa: PLR2004 - what fits into a line
