"""Streamed batches to integer counts: what a side of a comparison is reduced to, on whatever engine.

Called by `bot.drift.profiling` and `bot.drift.report`. Counts are sums of integers over rows, so adding is
commutative and associative: any partitioning, in any order, gives the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa

from bot.drift.cells import WORTH_CELLS, Cells, cells_of, ranks_by_sorting
from bot.drift.columns import Kind
from bot.drift.precision import at_single

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

MAXIMUM_LEVELS: Final = 10_000
"""Categories are counted up to this many levels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Asked:
    """How a column is to be counted: a number on its grid, or a category.

    The grid is sorted, without repeats, and begins with minus and ends with plus infinity. `single` rounds
    the values to single precision first, because the other side has no more.
    """

    kind: Kind
    grid: NDArray[np.float64] | None = None
    single: bool = False
    cells: Cells | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Divide the grid once for all batches."""
        if self.grid is not None:
            object.__setattr__(self, "cells", cells_of(self.grid))


@dataclass(kw_only=True, slots=True)
class NumberCounts:
    """How many values lie below, and at or below, each point of the grid; extremes over finite values."""

    below: NDArray[np.int64]
    at_or_below: NDArray[np.int64]
    minimum: float = math.inf
    maximum: float = -math.inf

    @property
    def values(self) -> int:
        """How many are not null."""
        return int(self.at_or_below[-1])

    @property
    def infinite(self) -> tuple[int, int]:
        """How many are minus and plus infinity."""
        return int(self.at_or_below[0]), int(self.at_or_below[-1] - self.below[-1])

    def add(self, other: NumberCounts) -> None:
        """Add the counts of other rows on the same grid."""
        self.below += other.below
        self.at_or_below += other.at_or_below
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)


@dataclass(kw_only=True, slots=True)
class CategoryCounts:
    """How many values each level has; `overflow` when there are too many levels, and then none is kept."""

    levels: dict[str, int] = field(default_factory=dict)
    overflow: bool = False
    values: int = 0

    def add(self, other: CategoryCounts) -> None:
        """Add the counts of other rows."""
        self.values += other.values
        self.overflow |= other.overflow
        if not self.overflow:
            for level, count in other.levels.items():
                self.levels[level] = self.levels.get(level, 0) + count
            self.overflow = len(self.levels) > MAXIMUM_LEVELS
        if self.overflow:
            self.levels = {}


@dataclass(kw_only=True, slots=True)
class Counts:
    """The counts of some rows: of each column asked for, and of nulls."""

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, NumberCounts] = field(default_factory=dict)
    categories: dict[str, CategoryCounts] = field(default_factory=dict)

    @classmethod
    def none(cls, asked: Mapping[str, Asked]) -> Self:
        """No rows yet."""
        made = cls()
        for name, how in asked.items():
            made.nulls[name] = 0
            if how.kind is Kind.NUMBER and how.grid is not None:
                size = len(how.grid)
                made.numbers[name] = NumberCounts(
                    below=np.zeros(size, np.int64), at_or_below=np.zeros(size, np.int64)
                )
            else:
                made.categories[name] = CategoryCounts()
        return made

    def add(self, other: Counts) -> None:
        """Add the counts of other rows of the same columns."""
        self.rows += other.rows
        for name, nulls in other.nulls.items():
            self.nulls[name] += nulls
        for name, numbers in other.numbers.items():
            self.numbers[name].add(numbers)
        for name, categories in other.categories.items():
            self.categories[name].add(categories)


def count_batch(batch: Any, asked: Mapping[str, Asked]) -> Counts:
    """The counts of one Arrow record batch; a column that it lacks is null in all its rows."""
    counts = Counts.none(asked)
    counts.rows = batch.num_rows
    for name, how in asked.items():
        index = batch.schema.get_field_index(name)
        if index < 0 or batch.num_rows == 0:
            counts.nulls[name] = batch.num_rows
            continue
        column = batch.column(index)
        if name in counts.numbers and how.grid is not None:
            counts.numbers[name].add(_count_numbers(column, how, how.grid))
            counts.nulls[name] = batch.num_rows - counts.numbers[name].values
        else:
            counts.categories[name].add(_count_categories(column))
            counts.nulls[name] = batch.num_rows - counts.categories[name].values
    return counts


def as_floats(column: Any) -> NDArray[np.float64]:
    """A column of numbers as float64, nulls as NaN. The array may be read only.

    By dlpack, because Arrow's own way into numpy imports pandas where that is installed.
    """
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    column = _plain(column)
    floats = np.from_dlpack(_without_validity(column)).astype(np.float64, copy=column.null_count > 0)
    if column.null_count:
        floats[~_validity(column)] = math.nan
    return floats


def _plain(column: Any) -> Any:
    """Integers or floats, whatever their encoding."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.float64(), safe=False) if pa.types.is_decimal(column.type) else column


def _validity(column: Any) -> NDArray[np.bool_]:
    """Which of its values are not null, where some are."""
    bits = np.unpackbits(np.frombuffer(column.buffers()[0], np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)].astype(np.bool_)


def _without_validity(column: Any) -> Any:
    """The numbers of a column, whatever stands where it is null; nothing is copied."""
    buffers = [None, column.buffers()[1]]
    return pa.Array.from_buffers(column.type, len(column), buffers, offset=column.offset)


def text_array(levels: Sequence[str | None]) -> Any:
    """Text and nulls as an Arrow array, from buffers: `pyarrow.array` imports pandas where it is there."""
    encoded = [b"" if level is None else level.encode("utf-8", "surrogatepass") for level in levels]
    offsets = np.zeros(len(levels) + 1, np.int64)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    known = np.packbits([level is not None for level in levels], bitorder="little")
    buffers = [
        pa.py_buffer(known.tobytes()),
        pa.py_buffer(offsets.tobytes()),
        pa.py_buffer(b"".join(encoded)),
    ]
    return pa.Array.from_buffers(pa.large_string(), len(levels), buffers)


def number_array(values: NDArray[np.float64] | NDArray[np.int64]) -> Any:
    """Numbers as an Arrow array without nulls, from a buffer for the same reason."""
    kind = pa.int64() if values.dtype == np.int64 else pa.float64()
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.tobytes())])


def level_of(value: Any) -> str | None:
    """A category as its key, by value: 1 and 1.0 are one, True is `true`; None for what counts as null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    number = float(value) if isinstance(value, Decimal) else value
    if math.isnan(number):
        return None
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(number)


def _count_numbers(column: Any, how: Asked, grid: NDArray[np.float64]) -> NumberCounts:
    values = _known(column)
    if how.single and values.dtype != np.float32:
        values = at_single(values.astype(np.float64, copy=False))
    if how.cells is not None and len(values) >= WORTH_CELLS:
        below, at_or_below = how.cells.ranks(values)
    else:
        below, at_or_below = ranks_by_sorting(values, grid)
    minimum, maximum = _finite_extremes(values)
    return NumberCounts(below=below, at_or_below=at_or_below, minimum=minimum, maximum=maximum)


def _known(column: Any) -> NDArray[Any]:
    """The numbers that are there, of the type they have: neither nulls nor NaN."""
    if pa.types.is_null(column.type):
        return np.zeros(0)
    column = _plain(column)
    values: NDArray[Any] = np.from_dlpack(_without_validity(column))
    if column.null_count:
        values = values[_validity(column)]
    if len(values) and math.isnan(values.min()):
        values = values[~np.isnan(values)]
    return values


def _finite_extremes(values: NDArray[Any]) -> tuple[float, float]:
    """Of none they are those of an empty side."""
    if len(values) and not math.isfinite(float(values.max()) - float(values.min())):
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (math.inf, -math.inf)


def _count_categories(column: Any) -> CategoryCounts:
    made = CategoryCounts()
    for value, number in _value_counts(column):
        level = level_of(value)
        if level is not None:
            made.levels[level] = made.levels.get(level, 0) + number
            made.values += number
    made.overflow = len(made.levels) > MAXIMUM_LEVELS
    if made.overflow:
        made.levels = {}
    return made


def _value_counts(column: Any) -> Iterable[tuple[Any, int]]:
    """The values of a column, perhaps some more than once, with how often each occurs."""
    if pa.types.is_boolean(column.type):
        found = ((True, column.true_count), (False, column.false_count))
        return [(value, number) for value, number in found if number]
    if pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
        return _encoded_counts(column)
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())  # Arrow counts a null among views as an empty text
    counted = column.value_counts()
    values = counted.field(0)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return zip(values.to_pylist(), counted.field(1).to_pylist(), strict=True)


def _encoded_counts(column: Any) -> Iterable[tuple[Any, int]]:
    """Of a dictionary: counting its indices needs no hashing."""
    indices: NDArray[Any] = np.from_dlpack(_without_validity(column.indices))
    if column.null_count:
        indices = indices[_validity(column.indices)]
    numbers = np.bincount(indices.astype(np.int64, copy=False), minlength=len(column.dictionary)).tolist()
    return [(value, n) for value, n in zip(column.dictionary.to_pylist(), numbers, strict=True) if n]
