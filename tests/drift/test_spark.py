from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import lightship
from bot.drift.columns import Kind
from bot.drift.counting import Asked, Counts, count_batch
from bot.drift.profiling import count_source, make_profile
from bot.drift.report import compare
from bot.drift.sources import TableSource
from bot.drift.spark import counts_as_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.drift.columns import ColumnType

ASKED = {
    "a": Asked(kind=Kind.NUMBER, grid=np.array([-np.inf, -1.0, 0.0, 1.0, np.inf])),
    "b": Asked(kind=Kind.CATEGORY),
    "gone": Asked(kind=Kind.CATEGORY),
}
NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True, width=32)
ROWS = st.lists(st.tuples(NUMBERS, st.none() | st.sampled_from("xyz")), max_size=40)


def batch_of(rows: list[tuple[float | None, str | None]]) -> Any:
    """Rows as Arrow."""
    numbers, words = [row[0] for row in rows], [row[1] for row in rows]
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers, pa.float64()), pa.array(words, pa.string())], names=["a", "b"]
    )


def bits(counts: Counts) -> object:
    """Everything in it, comparable."""
    numbers = counts.numbers["a"]
    return (
        counts.rows,
        counts.nulls,
        numbers.below.tobytes(),
        numbers.at_or_below.tobytes(),
        (numbers.minimum, numbers.maximum),
        {name: (one.levels, one.values, one.overflow) for name, one in counts.categories.items()},
    )


@given(rows=ROWS, data=st.data())
def test_any_partitioning_gives_the_same_bits(
    rows: list[tuple[float | None, str | None]], data: st.DataObject
) -> None:
    """Rows dealt to tasks and batches at random, added in any order: as if one batch had held them all."""
    whole = count_batch(batch_of(rows), ASKED)
    places = data.draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=len(rows), max_size=len(rows))
    )
    tasks = []
    for task in data.draw(st.permutations(range(4))):
        dealt = [
            batch_of([row for row, place in zip(rows, places, strict=True) if place == (task, number)])
            for number in range(3)
        ]
        tasks.append(counts_as_batch(iter(dealt), ASKED).column(0)[0].as_py())
    added = Counts.none(ASKED)
    for part in tasks:
        added.add(pickle.loads(part))  # noqa: S301 - made a line above
    assert bits(added) == bits(whole)


class Distant:
    """A source whose rows stay where they are, as Spark's do."""

    rows = None

    def __init__(self, table: TableSource) -> None:
        self._table = table
        self.name = "distant"

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The table's."""
        return self._table.columns

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Nobody may."""
        raise AssertionError(columns)

    def count(self, asked: Mapping[str, Asked], progress: Callable[[int], None]) -> Counts:
        """Counted there."""
        return count_source(self._table, dict(asked), sampled=None, progress=progress)[0]


def test_the_report_is_the_local_one_but_for_joint() -> None:
    """Counts are all that a report needs; the joint score needs rows, and says that there are none."""
    random = np.random.default_rng(5)

    def table(shift: float) -> TableSource:
        columns = {"a": pa.array(random.normal(shift, 1, 2_000)), "b": pa.array(["x", "y"] * 1_000)}
        return TableSource(name="distant", table=pa.table(columns))

    profile = make_profile(table(0.0), with_sample=True)
    current = table(0.5)
    here, there = compare(profile, current), compare(profile, Distant(current))
    assert there.joint.value is None
    assert there.joint.reason == "the engine counts rows and takes no sample of the current ones"
    assert replace(there, joint=here.joint) == here


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The words of a report on two files."""
    table = pa.table({"a": pa.array(np.arange(300.0))})
    made = []
    for name in ("reference", "current"):
        path = tmp_path / f"{name}.parquet"
        pa.parquet.write_table(table, path)
        made += [f"--{name}", str(path)]
    return ["drift", "report", *made, "--engine", "spark"]


def test_without_pyspark_the_way_to_get_it_is_told(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1 and one line, no traceback."""
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    result = CliRunner().invoke(lightship, files)
    assert result.exit_code == 1
    assert "the Spark engine needs pyspark, which is not installed: `pip install" in result.output
    assert "Traceback" not in result.output


def test_without_java_that_is_told(files: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Spark's own words for it are forty lines."""
    module = ModuleType("pyspark.sql")
    setattr(module, "SparkSession", object())  # noqa: B010 - a module has no such attribute for the type checker
    monkeypatch.setitem(sys.modules, "pyspark", ModuleType("pyspark"))
    monkeypatch.setitem(sys.modules, "pyspark.sql", module)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(lightship, files)
    assert result.exit_code == 1
    assert "Spark needs Java 17 or newer, and there is none" in result.output
