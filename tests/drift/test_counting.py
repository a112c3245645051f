"""Counts are the same bits however the rows are cut, ordered and spread."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.drift.columns import Kind
from bot.drift.counting import MAXIMUM_LEVELS, Asked, Counts, as_floats, count_batch, level_of
from tests.drift.tables import UNTIMED

GRID = np.array([-math.inf, -1.0, 0.0, 0.5, 2.0, math.inf])
ASKED = {
    "number": Asked(kind=Kind.NUMBER, grid=GRID),
    "whole": Asked(kind=Kind.NUMBER, grid=GRID),
    "text": Asked(kind=Kind.CATEGORY),
    "flag": Asked(kind=Kind.CATEGORY),
}
NUMBERS = st.one_of(
    st.none(), st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf, 0.5, -1.0, -0.0])
)
ROWS = st.lists(
    st.tuples(
        NUMBERS,
        st.one_of(st.none(), st.integers(-2, 3)),
        st.one_of(st.none(), st.sampled_from(["a", "b", "", "é"])),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=40,
)


def batch(rows: list[tuple[Any, ...]]) -> Any:
    """The rows as a record batch."""
    types = {"number": pa.float64(), "whole": pa.int32(), "text": pa.string(), "flag": pa.bool_()}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    arrays = [pa.array(list(values), kind) for values, kind in zip(columns, types.values(), strict=True)]
    return pa.record_batch(arrays, names=list(types))


def bits(counts: Counts) -> tuple[Any, ...]:
    """Everything that counts hold, comparable."""
    return (
        counts.rows,
        counts.nulls,
        {
            name: (one.below.tobytes(), one.at_or_below.tobytes(), one.minimum, one.maximum)
            for name, one in counts.numbers.items()
        },
        {name: (one.levels, one.values, one.overflow) for name, one in counts.categories.items()},
    )


def total(parts: list[list[tuple[Any, ...]]]) -> Counts:
    """The counts of all parts, added."""
    counts = Counts.none(ASKED)
    for part in parts:
        counts.add(count_batch(batch(part), ASKED))
    return counts


@UNTIMED
@given(ROWS, st.lists(st.integers(0, 40), max_size=5), st.randoms(use_true_random=False))
def test_any_partitioning_gives_the_same_bits(rows: list[Any], cuts: list[int], random: Any) -> None:
    """Cut anywhere, in any order of the parts and of the rows, the counts are the same bits."""
    places = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [rows[start:end] for start, end in pairwise(places)]
    random.shuffle(parts)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert bits(total(parts)) == bits(total([rows])) == bits(total([shuffled]))


@UNTIMED
@given(ROWS)
def test_counts_say_what_is_there(rows: list[Any]) -> None:
    """Counts at each point of the grid, nulls and extremes are those of the plain rows."""
    counts = total([rows])
    values = [row[0] for row in rows if row[0] is not None and not math.isnan(row[0])]
    assert counts.nulls["number"] == len(rows) - len(values)
    assert counts.numbers["number"].below.tolist() == [sum(value < edge for value in values) for edge in GRID]
    assert counts.numbers["number"].at_or_below.tolist() == [
        sum(value <= edge for value in values) for edge in GRID
    ]
    finite = [value for value in values if math.isfinite(value)]
    assert counts.numbers["number"].maximum == max(finite, default=-math.inf)
    assert counts.nulls["flag"] == sum(row[3] is None for row in rows)


def test_encoding_does_not_matter() -> None:
    """Text counts the same plain, as a dictionary with unused and repeated levels, and as a string view."""
    values = ["b", None, "a", "b"]
    dictionary = pa.DictionaryArray.from_arrays(pa.array([3, None, 1, 0]), pa.array(["b", "a", "z", "b"]))
    asked = {"text": Asked(kind=Kind.CATEGORY)}
    forms = [
        pa.array(values),
        pa.array(values, pa.large_string()),
        pa.array(values, pa.string_view()),
        dictionary,
    ]
    found = [count_batch(pa.record_batch([form], names=["text"]), asked) for form in forms]
    assert {str(bits(counts)) for counts in found} == {str(bits(found[0]))}
    assert found[0].categories["text"].levels == {"a": 1, "b": 2}


def test_levels_go_by_value() -> None:
    """1 and 1.0 are one category, NaN is missing, and a flag has its own words."""
    assert level_of(1) == level_of(1.0) == level_of(Decimal("1.00")) == "1"
    assert level_of(math.nan) is None
    assert level_of(True) == "true"
    assert level_of(0.5) == "0.5"
    assert level_of(math.inf) == "inf"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None, 3], pa.uint8()),
        pa.array([1.0, math.nan, 3.0], pa.float32()),
        pa.array([Decimal(1), None, Decimal(3)], pa.decimal128(5, 1)),
        pa.array([1, None, 3]).dictionary_encode(),
        pa.array([0, 1, None, 3])[1:],
    ],
)
def test_every_kind_of_number_becomes_floats(column: Any) -> None:
    """Integers, single precision, decimals, encoded and sliced columns are the same numbers."""
    assert as_floats(column).tolist() == pytest.approx([1.0, math.nan, 3.0], nan_ok=True)


@settings(UNTIMED, max_examples=5)
@given(st.integers(2, 5))
def test_too_many_levels_overflow_in_any_partitioning(parts: int) -> None:
    """One level too many overflows, in one batch or over several, and the values are still counted."""
    texts = [f"level {place}" for place in range(MAXIMUM_LEVELS + 1)]
    asked = {"text": Asked(kind=Kind.CATEGORY)}
    counts = Counts.none(asked)
    for part in range(parts):
        counts.add(count_batch(pa.record_batch([pa.array(texts[part::parts])], names=["text"]), asked))
    assert counts.categories["text"].overflow
    assert not counts.categories["text"].levels
    assert counts.nulls["text"] == 0


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(19, 0)])
def test_every_type_is_taken_at_the_precision_of_the_other_side(kind: Any) -> None:
    """Beside single precision 16,777,217 is 16,777,216, as an integer too; by itself it is not."""
    whole, rounded = 16_777_217, 16_777_216
    grid = np.array([-math.inf, rounded, math.inf])
    column = pa.array([rounded, None, whole]).cast(kind, safe=False)
    for single, at in ((True, 2), (False, 1 + (kind == pa.float32()))):
        asked = {"x": Asked(kind=Kind.NUMBER, grid=grid, single=single)}
        counts = count_batch(pa.record_batch([column], names=["x"]), asked)
        assert counts.numbers["x"].at_or_below.tolist() == [0, at, 2]
        assert counts.nulls["x"] == 1
