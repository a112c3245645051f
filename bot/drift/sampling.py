"""A sample of rows for the joint score: the same rows however the stream is cut into batches.

Called by `bot.drift.profiling` and `bot.drift.report`. Every row has a priority that follows from its place
in the stream alone, and the rows of the lowest priorities are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from bot.drift.columns import Kind
from bot.drift.counting import as_floats, level_of, number_array, text_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SAMPLE_ROWS: Final = 2_500
"""At most this many rows a side."""


class RowSample:
    """Gathers the sample while batches pass."""

    def __init__(self, kinds: Mapping[str, Kind], *, size: int = SAMPLE_ROWS) -> None:
        self._kinds = kinds
        self._size = size
        self._seen = 0
        self._priorities = np.zeros(0, np.uint64)
        self._rows: Any = None

    def add(self, batch: Any) -> None:
        """Consider the rows of the next batch."""
        priorities = row_priorities(self._seen, batch.num_rows)
        self._seen += batch.num_rows
        if len(self._priorities) == self._size:
            chosen = np.flatnonzero(priorities < self._priorities.max())
        else:
            chosen = np.arange(batch.num_rows)
        if len(chosen) > self._size:
            chosen = np.sort(chosen[np.argsort(priorities[chosen])[: self._size]])
        if not len(chosen):
            return
        rows = _plain(batch.take(number_array(chosen)), self._kinds)
        everything = rows if self._rows is None else pa.concat_tables([self._rows, rows])
        known = np.concatenate([self._priorities, priorities[chosen]])
        if len(known) > self._size:
            kept = np.sort(np.argsort(known)[: self._size])  # in the order of the stream
            everything, known = everything.take(number_array(kept)), known[kept]
        self._rows, self._priorities = everything.combine_chunks(), known

    @property
    def table(self) -> Any:
        """The rows as an Arrow table: float64 for numbers, text for categories; None before any row came."""
        return self._rows


def row_priorities(first: int, count: int) -> NDArray[np.uint64]:
    """SplitMix64 of the rows' places in the stream: evenly spread, no two alike."""
    mixed = np.arange(first, first + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _plain(batch: Any, kinds: Mapping[str, Kind]) -> Any:
    arrays = []
    for name, kind in kinds.items():
        index = batch.schema.get_field_index(name)
        if kind is Kind.NUMBER:
            values = np.full(batch.num_rows, np.nan) if index < 0 else as_floats(batch.column(index))
            arrays.append(number_array(values))
        else:
            held = [None] * batch.num_rows if index < 0 else batch.column(index).to_pylist()
            arrays.append(text_array([level_of(value) for value in held]))
    return pa.table(arrays, names=list(kinds))
