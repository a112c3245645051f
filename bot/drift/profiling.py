"""From rows to a profile: which columns are compared, where their edges lie, how often each value occurs.

Called by the command line and by training pipelines. Two passes: the first finds the edges of each column of
numbers, a few columns at a time, the second counts everything at those edges by the same code that counts the
current data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bot.domain.errors import Permanent
from bot.domain.words import did_you_mean
from bot.drift.columns import (
    NULL_REFERENCE,
    RUNNING_NUMBER,
    TARGET,
    Holds,
    Kind,
    Selection,
    kind_of,
    reason_by_name,
    reason_by_type,
    unknown_names,
)
from bot.drift.counting import MAXIMUM_LEVELS, Asked, Counts, as_floats, count_batch
from bot.drift.precision import at_single
from bot.drift.profile import Profile, ProfiledColumn
from bot.drift.sampling import RowSample, row_priorities
from bot.drift.sources import CountsItself

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bot.drift.columns import ColumnType
    from bot.drift.sources import Source

EDGES: Final = 1_025
"""Edges of a column of numbers; a column with fewer distinct values has each as an edge, and D is exact."""
NEARLY_UNIQUE: Final = 0.9
"""Text with more distinct values a value than this is not compared."""
_VALUES_AT_ONCE: Final = 8_000_000
_VALUES_FOR_EDGES: Final = 16_000_000


def silent(rows: int) -> None:
    """Progress that nobody watches."""
    del rows


def make_profile(
    source: Source,
    selection: Selection | None = None,
    *,
    model_version: str = "",
    with_sample: bool = False,
    progress: Callable[[int], None] = silent,
) -> Profile:
    """Profile the rows of a source.

    `with_sample` keeps up to 2,500 rows of the compared columns, which the joint score needs. Raises
    Permanent when a target or a feature is named that no column is, or when the source cannot be read.
    """
    selection = selection or Selection()
    columns = source.columns
    _refuse_unknown(source, selection)
    reasons = {
        name: reason_by_name(name, selection) or reason_by_type(held) for name, held in columns.items()
    }
    kinds = {
        name: kind
        for name, held in columns.items()
        if (not reasons[name] or name in selection.targets) and (kind := kind_of(name, held, selection))
    }
    grids = dict(_grids(source, [name for name, kind in kinds.items() if kind is Kind.NUMBER], progress))
    asked = {
        name: Asked(kind=kind, grid=grids[name][0] if name in grids else None, single=columns[name].single)
        for name, kind in kinds.items()
    }
    counts, sample = count_source(source, asked, sampled=kinds if with_sample else None, progress=progress)
    made = tuple(
        _column(
            name,
            held,
            reasons[name] or (RUNNING_NUMBER if grids.get(name, (None, False))[1] else ""),
            asked,
            counts,
        )
        for name, held in columns.items()
    )
    compared = [column.name for column in made if column.compared]
    return Profile(
        name=source.name,
        rows=counts.rows,
        columns=made,
        model_version=model_version,
        features=selection.features,
        targets=selection.targets,
        sample=None if sample is None else sample.select(compared),
    )


def count_source(
    source: Source,
    asked: dict[str, Asked],
    *,
    sampled: dict[str, Kind] | None,
    progress: Callable[[int], None] = silent,
) -> tuple[Counts, Any]:
    """One pass over a source: its counts, and the sample of rows when columns are named for it.

    A source that counts itself gives no sample.
    """
    if isinstance(source, CountsItself):
        return source.count(asked, progress), None
    counts = Counts.none(asked)
    sample = RowSample(sampled) if sampled else None
    # with nothing asked a column is still read, because rows are counted
    names = list(asked) or list(source.columns)[:1]
    for batch in source.batches(names):
        counts.add(count_batch(batch, asked))
        if sample is not None:
            sample.add(batch)
        progress(batch.num_rows)
    return counts, None if sample is None else sample.table


def edges_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most 1,025 quantiles of finite, sorted values, the extremes among them, without repeats."""
    if not len(values):
        return values
    distinct: NDArray[np.float64] = values[np.concatenate([[True], values[1:] != values[:-1]])]
    if len(distinct) <= EDGES:
        return distinct
    # equal steps of at most 1/1024 of the rows between two edges
    places = np.linspace(0, len(values) - 1, EDGES).astype(np.int64)
    quantiles: NDArray[np.float64] = np.unique(values[places])
    return quantiles


def _grids(
    source: Source, names: list[str], progress: Callable[[int], None]
) -> Iterator[tuple[str, tuple[NDArray[np.float64], bool]]]:
    """For each column the grid to count on, and whether it is a running number."""
    at_once = max(1, _VALUES_AT_ONCE // max(1, source.rows or _VALUES_AT_ONCE))
    share = min(1.0, _VALUES_FOR_EDGES / max(1, source.rows or 1))
    for start in range(0, len(names), at_once):
        group = [_Edges(name, source.columns[name], share=share) for name in names[start : start + at_once]]
        for batch in source.batches([edges.name for edges in group]):
            for edges in group:
                edges.add(batch)
            progress(batch.num_rows * len(group) // max(1, len(names)))
        for edges in group:
            yield edges.name, (edges.grid(), edges.is_running)


class _Edges:
    """The values of one column on their way to edges: all, or of very many rows an even share."""

    def __init__(self, name: str, held: ColumnType, *, share: float) -> None:
        self.name = name
        self._single = held.single
        self._share = share
        self._chunks: list[NDArray[np.float64]] = []
        self._extremes = (math.inf, -math.inf)
        self._seen = 0
        self._rising = held.integer
        self._last = -math.inf

    def add(self, batch: Any) -> None:
        index = batch.schema.get_field_index(self.name)
        floats = np.zeros(0) if index < 0 else as_floats(batch.column(index))
        if self._single:
            floats = at_single(floats)
        finite = np.isfinite(floats)
        values = floats[finite]
        if len(values):
            self._extremes = min(self._extremes[0], values.min()), max(self._extremes[1], values.max())
            self._rising = bool(self._rising and values[0] > self._last and (np.diff(values) > 0).all())
            self._last = float(values[-1])
        if self._share < 1 and len(floats):
            chosen = row_priorities(self._seen, batch.num_rows) < np.uint64(int(self._share * 2**64))
            values = floats[finite & chosen]
        self._seen += batch.num_rows
        self._chunks.append(values)

    @property
    def is_running(self) -> bool:
        """Whether all integers rose, and there were two at least."""
        return self._rising and self._extremes[0] < self._extremes[1]

    def grid(self) -> NDArray[np.float64]:
        """The edges between the infinities; the values are given free."""
        values = np.concatenate(self._chunks) if self._chunks else np.zeros(0)
        self._chunks = []
        values.sort()
        edges = edges_of(values)
        if len(edges):
            edges = np.unique(np.concatenate([[self._extremes[0]], edges, [self._extremes[1]]]))
        return np.concatenate([[-math.inf], edges, [math.inf]])


def _column(
    name: str, held: ColumnType, reason: str, asked: dict[str, Asked], counts: Counts
) -> ProfiledColumn:
    how = asked.get(name)
    if how is None:
        return ProfiledColumn(name=name, type=held, reason=reason)
    nulls = counts.nulls[name]
    if how.kind is Kind.NUMBER:
        reason = reason or (NULL_REFERENCE if nulls == counts.rows else "")
        if _keeps_nothing(reason):
            return ProfiledColumn(name=name, type=held, reason=reason, nulls=nulls)
        return ProfiledColumn(
            name=name,
            type=held,
            kind=how.kind,
            reason=reason,
            nulls=nulls,
            grid=how.grid,
            numbers=counts.numbers[name],
        )
    categories = counts.categories[name]
    if nulls == counts.rows:
        reason = reason or NULL_REFERENCE
    elif categories.overflow:
        reason = reason or f"too many levels: more than {MAXIMUM_LEVELS:,} distinct values in the reference"
    elif held.holds is Holds.TEXT and len(categories.levels) > NEARLY_UNIQUE * categories.values:
        reason = reason or (
            f"text that is nearly unique: {len(categories.levels):,} distinct values in {categories.values:,}"
        )
    levels = {} if _keeps_nothing(reason) else categories.levels
    return ProfiledColumn(name=name, type=held, kind=how.kind, reason=reason, nulls=nulls, levels=levels)


def _keeps_nothing(reason: str) -> bool:
    """No value of a column that is not compared is kept, but the target's."""
    return bool(reason) and reason != TARGET


def _refuse_unknown(source: Source, selection: Selection) -> None:
    for what, names in (("target", selection.targets), ("feature", selection.features or frozenset())):
        for name in unknown_names(names, source.columns):
            hint = did_you_mean(name, list(source.columns))
            raise Permanent(f"{source.name} has no column `{name}`, named as a {what}{hint}")
