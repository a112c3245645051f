"""Where rows come from: files, folders, lakes with a window, CSV, frames; and their faults in words."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv

from bot.domain.errors import NotFound, Permanent
from bot.drift.as_json import report_object
from bot.drift.columns import Holds
from bot.drift.profiling import make_profile
from bot.drift.report import compare
from bot.drift.sources import frame_source, open_source
from bot.drift.windows import Window
from tests.drift.tables import churn_columns, profiled, write

if TYPE_CHECKING:
    from pathlib import Path

    from bot.drift.sources import Source

COLUMNS = churn_columns(900, 2)
REFERENCE = profiled(churn_columns(900, 1))


def rows_of(source: Source, *columns: str) -> dict[str, list[Any]]:
    """All rows of a source, column by column."""
    batches = [batch.to_pydict() for batch in source.batches(columns or list(source.columns))]
    return {name: [value for batch in batches for value in batch.get(name, ())] for name in columns}


def part(start: int, end: int) -> dict[str, Any]:
    """Some of the rows."""
    return {name: values[start:end] for name, values in COLUMNS.items()}


def test_every_source_gives_the_same_report(tmp_path: Path) -> None:
    """A file, a folder cut anywhere, CSV plain and zipped, a frame: one report to the last digit."""
    write(COLUMNS, tmp_path / "one.parquet", row_group_size=100)
    for number, (start, end) in enumerate([(0, 5), (5, 500), (500, 900)]):
        write(part(start, end), tmp_path / "folder" / f"part-{number}.parquet")
    csv.write_csv(pa.table(COLUMNS), tmp_path / "data.csv")
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress((tmp_path / "data.csv").read_bytes()))
    paths = [tmp_path / name for name in ("one.parquet", "folder", "data.csv", "data.csv.gz")]
    reports = [report_object(compare(REFERENCE, source)) for source in map(open_source, paths)]
    reports.append(report_object(compare(REFERENCE, frame_source(pd.DataFrame(COLUMNS)))))
    for report in reports:
        del report["current"]
    assert all(report == reports[0] for report in reports)


def test_rows_are_known_before_they_are_read(tmp_path: Path) -> None:
    """A folder says how many rows it has, for progress."""
    write(part(0, 300), tmp_path / "a.parquet")
    write(part(300, 900), tmp_path / "b.parquet")
    assert open_source(tmp_path).rows == 900


def test_files_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """part-2 comes before part-10."""
    for number in (10, 2, 1):
        write({"x": [number]}, tmp_path / f"part-{number}.parquet")
    assert rows_of(open_source(tmp_path), "x")["x"] == [1, 2, 10]


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    """What Spark leaves beside its data is no data."""
    write(part(0, 300), tmp_path / "a.parquet")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".a.parquet.crc").write_bytes(b"crc")
    write(part(0, 300), tmp_path / "_temporary" / "b.parquet")
    assert open_source(tmp_path).rows == 300


def test_files_with_other_columns_and_types(tmp_path: Path) -> None:
    """A column that a file lacks is null there; all numbers are one type; text and numbers are mixed."""
    write({"x": [1, 2], "only_here": ["a", "b"], "odd": [1, 2]}, tmp_path / "1.parquet")
    write({"x": [1.5, 2.5], "odd": ["one", "two"]}, tmp_path / "2.parquet")
    source = open_source(tmp_path)
    assert source.columns["x"].holds is Holds.NUMBERS
    assert not source.columns["x"].integer
    assert source.columns["odd"].holds is Holds.MIXED
    made = make_profile(source)
    by_name = {column.name: column for column in made.columns}
    assert by_name["only_here"].nulls == 2
    assert by_name["x"].nulls == 0
    assert "mixed types" in by_name["odd"].reason


def lake(folder: Path, days: int = 4) -> Path:
    """A lake partitioned by region and day, 250 rows a folder, with a column of times."""
    for day in range(days):
        for region in ("north", "south"):
            start = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(days=day)
            times = [start + timedelta(minutes=5 * minute) for minute in range(250)]
            columns = {**churn_columns(250, day), "at": pa.array(times, pa.timestamp("us", "UTC"))}
            write(columns, folder / f"region={region}" / f"day={start.date()}" / "part-0.parquet")
    return folder


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (datetime(2024, 5, 2, tzinfo=UTC), datetime(2024, 5, 4, tzinfo=UTC), 1_000),
        (datetime(2024, 5, 4, tzinfo=UTC), None, 500),
        (None, datetime(2024, 5, 2, tzinfo=UTC), 500),
        (datetime(2025, 1, 1, tzinfo=UTC), None, 0),
    ],
)
def test_window_over_partitions(
    tmp_path: Path, start: datetime | None, end: datetime | None, rows: int
) -> None:
    """A window over a partition key reads the folders inside it and no others."""
    source = open_source(lake(tmp_path), window=Window(column="day", start=start, end=end))
    assert len(rows_of(source, "x0")["x0"]) == rows


def test_window_over_a_column(tmp_path: Path) -> None:
    """A window over a column of times cuts inside the files; the end is not included."""
    start = datetime(2024, 5, 1, 1, tzinfo=UTC)
    window = Window(column="at", start=start, end=start + timedelta(minutes=50))
    source = open_source(lake(tmp_path, days=1), window=window)
    assert len(rows_of(source, "x0")["x0"]) == 20
    assert list(rows_of(source, "x0")) == ["x0"]


def test_window_over_naive_times_dates_and_csv(tmp_path: Path) -> None:
    """Times without a zone are UTC, dates are their midnight, null is outside."""
    late, midnight = (datetime.fromisoformat(text) for text in ("2024-05-01T23:00", "2024-05-02T00:00"))
    write({"x": [1, 2, 3], "t": [late, midnight, None]}, tmp_path / "naive.parquet")
    write({"x": [1, 2], "t": [date(2024, 5, 1), date(2024, 5, 2)]}, tmp_path / "dates.parquet")
    (tmp_path / "t.csv").write_text("x,t\n1,2024-05-01 23:00:00\n2,2024-05-02 00:00:00\n")
    window = Window(column="t", start=datetime(2024, 5, 2, tzinfo=UTC))
    for name in ("naive.parquet", "dates.parquet", "t.csv"):
        assert rows_of(open_source(tmp_path / name, window=window), "x")["x"] == [2]


def test_window_over_calendar_folders(tmp_path: Path) -> None:
    """Folders named year=, month= and day= are understood without being named."""
    for day in (30, 31):
        write({"x": [day]}, tmp_path / "year=2024" / "month=05" / f"day={day}" / "a.parquet")
    window = Window(column="", start=datetime(2024, 5, 31, tzinfo=UTC))
    source = open_source(tmp_path, window=window)
    assert rows_of(source, "x")["x"] == [31]
    assert list(source.columns) == ["x"], "the calendar is no feature"


@pytest.mark.parametrize(
    ("folder", "touched"),
    [
        ("year=2024/month=02", False),
        ("year=2024/month=03", True),
        ("year=2023", False),
        ("year=2024", True),
        ("year=2024/month=02/day=29", False),
        ("year=2024/month=03/day=01/hour=00", True),
        ("year=2024/month=02/day=29/hour=23", False),
        ("year=2024/month=13", True),
    ],
)
def test_a_calendar_folder_is_as_long_as_its_own_month(folder: str, touched: bool, tmp_path: Path) -> None:
    """February ends on its last day, a leap day is one; what is no date can hold anything."""
    write({"x": [1]}, tmp_path / folder / "a.parquet")
    window = Window(column="", start=datetime(2024, 3, 1, tzinfo=UTC))
    assert (open_source(tmp_path, window=window).rows == 1) is touched


def test_partition_keys_are_columns_but_for_dates(tmp_path: Path) -> None:
    """A region in the folder's name is a column like any other; a day only says when."""
    source = open_source(lake(tmp_path, days=1))
    assert "day" not in source.columns
    assert rows_of(source, "region")["region"].count("south") == 250


def test_numbered_partitions_are_numbers(tmp_path: Path) -> None:
    """Keys that are all whole numbers are numbers, as the table that they came from had them."""
    for shop in (7, 12):
        write({"x": [1.0]}, tmp_path / f"shop={shop}" / "a.parquet")
    assert rows_of(open_source(tmp_path), "shop")["shop"] == [7, 12]


def test_window_that_nothing_answers(tmp_path: Path) -> None:
    """A window over a column that is neither there nor a key, or holds no times, is refused."""
    window = Window(column="nowhere", start=datetime(2024, 5, 1, tzinfo=UTC))
    with pytest.raises(Permanent, match="nowhere"):
        open_source(lake(tmp_path / "lake", days=1), window=window)
    path = write({"x": [1, 2]}, tmp_path / "x.parquet")
    with pytest.raises(Permanent, match="not dates or times"):
        rows_of(open_source(path, window=Window(column="x", start=datetime(2024, 5, 1, tzinfo=UTC))), "x")


def test_empty_folder_is_no_rows(tmp_path: Path) -> None:
    """A folder to which nothing was written yet is an empty window: insufficient, not an error."""
    report = compare(REFERENCE, open_source(tmp_path))
    assert report.score is None
    assert report.current.rows == 0


def test_path_that_is_not_there(tmp_path: Path) -> None:
    """A path that does not exist is named."""
    with pytest.raises(NotFound, match=r"gone\.parquet does not exist"):
        open_source(tmp_path / "gone.parquet")


def test_files_that_are_no_data(tmp_path: Path) -> None:
    """Another kind of file, alone or in a folder, is refused by name."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(Permanent, match="neither Parquet nor CSV"):
        open_source(tmp_path / "notes.txt")
    with pytest.raises(Permanent, match=r"found notes\.txt"):
        open_source(tmp_path)


def test_damaged_files(tmp_path: Path) -> None:
    """A Parquet file that was cut short and a CSV file without a header are refused by name."""
    path = write(COLUMNS, tmp_path / "cut.parquet")
    path.write_bytes(path.read_bytes()[:2_000])
    (tmp_path / "empty.csv").write_bytes(b"")
    for name in ("cut.parquet", "empty.csv"):
        with pytest.raises(Permanent, match=name):
            open_source(tmp_path / name)


def test_damage_in_the_middle(tmp_path: Path) -> None:
    """Damage that shows only while reading is named as well."""
    path = write(COLUMNS, tmp_path / "bad.parquet")
    content = bytearray(path.read_bytes())
    content[4:3_000] = b"\xff" * 2_996
    path.write_bytes(bytes(content))
    with pytest.raises(Permanent, match=r"bad\.parquet"):
        rows_of(open_source(path), "x0")


def test_columns_of_one_name(tmp_path: Path) -> None:
    """Two columns of one name are refused, in files and in frames."""
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    with pytest.raises(Permanent, match="two columns named `a`"):
        open_source(tmp_path / "twice.csv")
    with pytest.raises(Permanent, match="two columns named `a`"):
        frame_source(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_large_csv_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV is read whole, so there is a limit, and the way out is said."""
    monkeypatch.setattr("bot.drift.sources.LARGEST_CSV", 10)
    (tmp_path / "a.csv").write_text("x\n1\n2\n3\n4\n5\n6\n7\n")
    with pytest.raises(Permanent, match="convert it to Parquet"):
        open_source(tmp_path / "a.csv")


def test_frames_of_any_types() -> None:
    """Objects, nullable integers, categoricals, dates and names that are no text all have a place."""
    frame = pd.DataFrame({
        "objects": [1, 2.5, None],
        "nullable": pd.array([1, None, 3], dtype="Int64"),
        "category": pd.Categorical(["a", None, "b"]),
        "flags": [True, None, False],
        "when": pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
        7: [1, 2, 3],
    })  # fmt: skip
    source = frame_source(frame)
    assert {name: kind.holds.value for name, kind in source.columns.items()} == {
        "objects": "numbers",
        "nullable": "numbers",
        "category": "text",
        "flags": "booleans",
        "when": "dates",
        "7": "numbers",
    }
    assert rows_of(source, "nullable")["nullable"] == [1, None, 3]


def test_memory_is_bounded_by_a_batch(tmp_path: Path) -> None:
    """No batch is larger than the limit, however large the row groups are."""
    path = write({"x": np.arange(200_000) % 97}, tmp_path / "x.parquet")
    sizes = [batch.num_rows for batch in open_source(path).batches(["x"])]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 65_536
