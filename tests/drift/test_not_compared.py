"""What takes no part in the score, each with its reason; types and schemas that changed."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from bot.domain.errors import Permanent
from bot.drift.columns import Kind, Selection
from bot.drift.profiling import make_profile
from bot.drift.report import Options, compare
from bot.drift.sources import open_source
from tests.drift.tables import churn_columns, feature, profiled, reasons, reported, source, write

if TYPE_CHECKING:
    from pathlib import Path

    from bot.domain.drift import DriftReport

ROWS = 400
SHIFTED = {"x0": churn_columns(ROWS, 2)["x0"] + 3}


def with_column(name: str, before: Any, now: Any, **selected: Any) -> DriftReport:
    """A report on steady data with one column more."""
    return reported(
        {**churn_columns(ROWS, 1), name: before}, {**churn_columns(ROWS, 2), name: now}, **selected
    )


@pytest.mark.parametrize("name", ["customer_id", "prediction_id", "id", "ID", "Customer_ID", "order_id"])
def test_identifiers_by_name(name: str) -> None:
    """`customer_id`, `prediction_id`, `id` and names that end with `_id` are identifiers, in any case."""
    report = with_column(name, np.zeros(ROWS), np.ones(ROWS))
    assert "identifier" in reasons(report)[name]
    assert report.score == 0


@pytest.mark.parametrize("name", ["paid", "idle", "candid", "id_count"])
def test_names_that_only_look_like_identifiers(name: str) -> None:
    """A name that merely holds the letters is a column like any other."""
    assert with_column(name, np.zeros(ROWS), np.ones(ROWS)).drifted


def test_excluded() -> None:
    """A column that the caller excludes is listed as that."""
    report = with_column("odd", np.zeros(ROWS), np.ones(ROWS), exclude=frozenset({"odd"}))
    assert reasons(report)["odd"] == "excluded"
    assert report.score == 0


def test_excluded_and_not_there() -> None:
    """A column that is to be left out and that neither side has is told, with what may have been meant."""
    report = with_column("tenure", np.zeros(ROWS), np.ones(ROWS), exclude=frozenset({"tenrue"}))
    (note,) = report.notes
    assert note == "Said to be left out, but no column is called so: `tenrue`; did you mean `tenure`?"


def test_excluded_and_in_one_side_alone() -> None:
    """What only one side has can be left out like any other column, without a word."""
    columns = {**churn_columns(ROWS, 2), "asked_at": np.ones(ROWS)}
    assert not reported(churn_columns(ROWS, 1), columns, exclude=frozenset({"asked_at"})).notes


def test_target() -> None:
    """The target is not scored, and its absence from the current data is no changed schema."""
    report = with_column("churned", np.zeros(ROWS), np.ones(ROWS), targets=frozenset({"churned"}))
    assert "target" in reasons(report)["churned"]
    assert report.score == 0
    unlabelled = reported(
        {**churn_columns(ROWS, 1), "churned": np.zeros(ROWS)},
        churn_columns(ROWS, 2),
        targets=frozenset({"churned"}),
    )
    assert not unlabelled.schema


@pytest.mark.parametrize(
    "values",
    [
        pa.array([datetime(2024, 1, 1)] * ROWS),  # noqa: DTZ001 - files hold times without a zone
        pa.array([date(2024, 1, 1)] * ROWS),
        pa.array([0] * ROWS, pa.duration("s")),
        pa.array([0] * ROWS, pa.time32("s")),
    ],
)
def test_dates_and_times(values: Any) -> None:
    """Columns of dates, times and durations are not compared."""
    assert "dates and times" in reasons(with_column("seen", values, values))["seen"]


def test_text_that_is_nearly_unique() -> None:
    """More than 0.9 distinct values a row is text that names rows; 0.9 is not."""
    names = [f"name {place}" for place in range(ROWS)]
    assert "nearly unique" in reasons(with_column("name", names, names[::-1]))["name"]
    at_limit = [f"name {place % (ROWS * 9 // 10)}" for place in range(ROWS)]
    assert "name" not in reasons(with_column("name", at_limit, at_limit))


def test_running_number() -> None:
    """Integers that only ever rise are a running number: without this an increasing key makes the score 1."""
    report = with_column("serial", np.arange(ROWS) * 2, np.arange(ROWS) * 2 + 10_000)
    assert "running number" in reasons(report)["serial"]
    assert report.score == 0


@pytest.mark.parametrize(
    "nothing", [pa.nulls(ROWS), pa.nulls(ROWS, pa.float64()), pa.nulls(ROWS, pa.string())]
)
def test_null_in_the_whole_reference(nothing: Any) -> None:
    """A column without any value in the reference has nothing to be compared with."""
    report = with_column("empty", nothing, nothing)
    assert reasons(report)["empty"] == "null in the whole reference"
    assert report.score == 0


def test_too_many_levels() -> None:
    """Beyond 10,000 levels categories are not kept, on either side, and that is said."""
    many = [f"level {place % 11_000}" for place in range(22_000)]
    few = ["level 1"] * 22_000
    before, now = churn_columns(22_000, 1)["x0"], churn_columns(22_000, 2)["x0"]
    there = reported({"x": before, "text": many}, {"x": now, "text": few})
    here = reported({"x": before, "text": few}, {"x": now, "text": many})
    assert "too many levels" in reasons(there)["text"]
    assert "in the current data" in reasons(here)["text"]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (pa.array([[1, 2]] * ROWS), "nested"),
        (pa.array([{"a": 1}] * ROWS), "nested"),
        (pa.array([b"a"] * ROWS), "bytes"),
    ],
)
def test_nested_values_and_bytes(values: Any, word: str) -> None:
    """Lists, records and bytes are neither numbers nor categories."""
    assert word in reasons(with_column("blob", values, values))["blob"]


def test_column_on_one_side() -> None:
    """A column of one side only is listed, and a changed schema."""
    report = reported(
        {**churn_columns(ROWS, 1), "old": np.ones(ROWS)}, {**churn_columns(ROWS, 2), "new": np.ones(ROWS)}
    )
    assert reasons(report) == {"old": "only in the reference", "new": "only in the current data"}
    assert (report.schema.missing, report.schema.added) == (("old",), ("new",))


def test_every_column_ends_somewhere() -> None:
    """Each column of either side is either a feature of the report or not compared, and never both."""
    before = {**churn_columns(ROWS, 1), "customer_id": np.arange(ROWS), "old": np.ones(ROWS)}
    now = {**churn_columns(ROWS, 2), "customer_id": np.arange(ROWS), "new": np.ones(ROWS)}
    report = reported(before, now)
    assert sorted([*(one.name for one in report.features), *reasons(report)]) == sorted({*before, *now})


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (np.arange(ROWS) % 7, [str(place % 7) for place in range(ROWS)]),
        (["a", "b"] * 200, [1.0, 2.0] * 200),
        ([True, False] * 200, ["true", "false"] * 200),
        ([True, False] * 200, [1, 0] * 200),
        (["a", "b"] * 200, pa.array([date(2024, 1, 1)] * ROWS)),
    ],
)
def test_changed_type(before: Any, now: Any) -> None:
    """Another type is unseen content in every row: u = 1, with both types in the reason."""
    report = with_column("odd", before, now)
    found = feature(report, "odd")
    assert found.effect == 1
    assert (found.statistic, found.p_value) == (None, None)
    assert "type changed from" in found.reason
    assert report.schema.retyped == ("odd",)


@pytest.mark.parametrize("kind", [pa.float64(), pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(21, 2)])
def test_integer_against_float_is_no_change(kind: Any) -> None:
    """All numbers are one type: a column of integers may become floats, narrow or wide."""
    values = (np.arange(ROWS) * 7919 % 100).tolist()
    report = with_column("n", pa.array(values), pa.array(values).cast(kind))
    assert not report.schema
    assert feature(report, "n").distance == 0


@pytest.mark.parametrize("narrow_side", ["reference", "current"])
def test_single_precision_is_no_drift(narrow_side: str) -> None:
    """0.1 in single precision is another number than 0.1; both sides are taken at the lower precision."""
    values = (np.random.default_rng(8).integers(0, 50, 4_000) / 10).tolist()
    wide, narrow = pa.array(values), pa.array(values, pa.float32())
    pair = (narrow, wide) if narrow_side == "reference" else (wide, narrow)
    report = reported({"x": pair[0]}, {"x": pair[1]})
    assert feature(report, "x").distance == 0
    assert feature(report, "x").unseen == 0


@pytest.mark.parametrize("narrow_side", ["reference", "current"])
def test_single_precision_is_no_joint_drift(narrow_side: str) -> None:
    """Nor does it tell the rows of one side from those of the other."""
    random = np.random.default_rng(8)
    before, now = (pa.array(random.integers(0, 50, 4_000) / 10) for _ in range(2))
    narrow = pa.float32()
    pair = (before.cast(narrow), now) if narrow_side == "reference" else (before, now.cast(narrow))
    report = compare(profiled({"x": pair[0]}, with_sample=True), source({"x": pair[1]}))
    assert report.joint.value is not None
    assert report.joint.value < 0.1


@pytest.mark.parametrize("mixed_side", ["reference", "current", "both"])
def test_files_of_both_precisions_are_no_drift(mixed_side: str, tmp_path: Path) -> None:
    """A folder whose newer files have single precision holds the same numbers."""
    values = pa.array(np.random.default_rng(8).integers(0, 50, 4_000) / 10)
    for side in ("reference", "current"):
        second = pa.float32() if mixed_side in {side, "both"} else pa.float64()
        for name, kind in (("part-1", pa.float64()), ("part-2", second)):
            write({"x": values.cast(kind)}, tmp_path / side / f"{name}.parquet")
    reference = make_profile(open_source(tmp_path / "reference"))
    report = compare(reference, open_source(tmp_path / "current"))
    assert feature(report, "x").distance == 0
    assert feature(report, "x").unseen == 0


def test_categories_by_value_and_not_by_spelling() -> None:
    """A code that is 1 in one file and 1.0 in another, since that one has nulls, is one category."""
    kinds = {"code": Kind.CATEGORY}
    report = with_column("code", pa.array([1, 2] * 200), pa.array([1.0, 2.0] * 200), kinds=kinds)
    assert feature(report, "code").test == "chi2"
    assert feature(report, "code").unseen == 0
    assert report.score == 0


def test_known_feature_that_is_gone() -> None:
    """Where the features are known a missing one counts as missing in every row: u = 1."""
    current = {name: values for name, values in churn_columns(ROWS, 2).items() if name != "x0"}
    named = reported(churn_columns(ROWS, 1), current, features=frozenset(churn_columns(1, 1)))
    assert feature(named, "x0").effect == 1
    assert named.schema.missing == ("x0",)
    assert named.score == 1
    by_target = reported(
        {**churn_columns(ROWS, 1), "churned": np.zeros(ROWS)}, current, targets=frozenset({"churned"})
    )
    assert by_target.score == 1
    unnamed = reported(churn_columns(ROWS, 1), current, features=frozenset({"x1"}))
    assert unnamed.score == 0


def test_feature_that_is_named_like_an_identifier() -> None:
    """A feature that the caller names is compared, whatever its name looks like."""
    report = with_column("store_id", [1, 2] * 200, [3, 4] * 200, features=frozenset({"store_id"}))
    assert feature(report, "store_id").drifted


def test_names_that_are_not_there() -> None:
    """A target or feature that no column is, is refused with the nearest name."""
    with pytest.raises(Permanent, match=r"no column `chargse`.*`charges`"):
        reported(churn_columns(ROWS, 1), churn_columns(ROWS, 2), features=frozenset({"chargse"}))
    with pytest.raises(Permanent, match="named as a target"):
        reported(churn_columns(ROWS, 1), churn_columns(ROWS, 2), targets=frozenset({"nowhere"}))


def test_profile_can_be_narrowed_later() -> None:
    """What is excluded when a report is made is left out, though the profile has it."""
    options = Options(selection=Selection(exclude=frozenset({"x0"})))
    current = source({**churn_columns(ROWS, 2), **SHIFTED})
    made = profiled(churn_columns(ROWS, 1))
    assert compare(made, current).drifted
    assert compare(made, current, options=options).score == 0


def test_column_with_few_values() -> None:
    """Fewer than 200 values on a side: no shape, no part in the false discovery rate, and it says so."""
    few = np.random.default_rng(9).permutation(150)
    before, now = (pa.array([*values.tolist(), *([None] * (ROWS - 150))]) for values in (few, few + 1_000))
    report = with_column("sparse", before, now)
    found = feature(report, "sparse")
    assert found.q_value is None
    assert "only 150 values" in found.reason
    assert found.effect == 1, "values above the reference's maximum count all the same"


def test_weights() -> None:
    """An unimportant column that moved gives its share; a weight for no column is noted."""
    before, now = churn_columns(ROWS, 1), {**churn_columns(ROWS, 2), **SHIFTED}
    light = reported(before, now, weights={"x0": 0.1, "nobody": 1.0})
    assert light.score == pytest.approx(0.1)
    assert "`nobody`" in light.notes[0]
