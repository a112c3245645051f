"""The Spark engine: current data that outgrows one machine is counted where it lies.

Called by the command line with `--engine spark`. The edges come from a profile that was made locally; each
task reduces its Arrow batches to the integer counts of `bot.drift.counting`, and the driver adds them. Sums
of integers have the same bits in any partitioning, so the report is the one that the local engine makes, but
for *joint*: a sample of rows would depend on their order. The workers need Lightship installed.
"""

from __future__ import annotations

import os
import pickle  # our own tasks' counts, which never leave the job
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pyarrow as pa

from bot.domain.errors import Permanent
from bot.drift.columns import ColumnType, Holds, column_type
from bot.drift.counting import Counts, count_batch
from bot.drift.partitions import keys_in
from bot.drift.windows import is_time_key, touches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.drift.counting import Asked
    from bot.drift.windows import Window

_SCHEMA: Final = "counts binary"
_TASKS_A_CORE: Final = 4
_COLLAPSED: Final = re.compile(r"^([a-z][a-z0-9+.-]*):/(?!/)")
_TIMES: Final = frozenset({"timestamp", "timestamp_ntz", "date"})
_CAUSE: Final = re.compile(r"(?:\w+\.)*\w+Error: ")
_GET_SPARK: Final = (
    "the Spark engine needs pyspark, which is not installed: `pip install 'pyspark[sql]>=3.5,<5'`, or in a "
    "clone `uv sync --group spark`"
)
_GET_JAVA: Final = "Spark needs Java 17 or newer, and there is none: install a JRE, or set JAVA_HOME"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SparkSource:
    """A Spark data frame as a source that counts itself."""

    name: str
    frame: Any
    columns: Mapping[str, ColumnType]
    rows: int | None = None

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Nobody reads the rows of such a source: they stay where they are."""
        raise Permanent(f"{self.name} is read by Spark and is not streamed to one machine ({len(columns)})")

    def count(self, asked: Mapping[str, Asked], progress: Callable[[int], None]) -> Counts:
        """The counts of all rows: one row of bytes a task, added here."""
        names = [name for name in asked if name in self.columns] or list(self.columns)[:1]
        wanted, hows = [f"`{name.replace('`', '``')}`" for name in names], dict(asked)

        def reduced(batches: Iterable[Any]) -> Iterator[Any]:
            yield counts_as_batch(batches, hows)

        counts = Counts.none(asked)
        if not names:
            return counts  # no file is in the window
        cores = self.frame.sparkSession.sparkContext.defaultParallelism
        few = self.frame.select(*wanted).coalesce(cores * _TASKS_A_CORE)
        try:
            for row in few.mapInArrow(reduced, _SCHEMA).collect():
                part = pickle.loads(bytes(row[0]))  # noqa: S301 - see above
                counts.add(part)
                progress(part.rows)
        except Exception as error:
            raise _as_permanent(error, f"Spark cannot read {self.name}") from error
        return counts


def counts_as_batch(batches: Iterable[Any], asked: Mapping[str, Asked]) -> Any:
    """What a task does: its batches to counts, and those to one row of bytes."""
    counts = Counts.none(asked)
    for batch in batches:
        counts.add(count_batch(batch, asked))
    return pa.RecordBatch.from_arrays([pa.array([pickle.dumps(counts)], pa.binary())], names=["counts"])


def open_spark(path: Path, *, window: Window | None = None) -> SparkSource:
    """Parquet (or CSV, by its name) at a path or URL that Spark reads. Raises Permanent in words for users.

    The session is Spark's own business: `SPARK_CONF_DIR`, `spark-submit`, or this machine by default.
    """
    # A path collapses the two slashes of s3a://.
    where = _COLLAPSED.sub(r"\1://", str(path))
    session = _session()
    try:
        reader = session.read.option("header", "true").option("inferSchema", "true")
        is_csv = where.lower().endswith((".csv", ".csv.gz"))
        frame = reader.csv(where) if is_csv else session.read.parquet(where)
        if window is not None:
            frame = _inside(session, frame, window, where)
        columns = _columns(frame, window)
    except Permanent:
        raise
    except Exception as error:
        raise _as_permanent(error, f"Spark cannot read {where}") from error
    return SparkSource(name=where, frame=frame.select(*columns), columns=columns)


def _session() -> Any:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise Permanent(_GET_SPARK) from error
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise Permanent(_GET_JAVA)
    # Else workers on this machine take whatever `python3` is first in the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("lightship-drift").config("spark.sql.session.timeZone", "UTC")
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise _as_permanent(error, "Spark does not start") from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _inside(session: Any, frame: Any, window: Window, where: str) -> Any:
    """The rows in the window as the local engine has them: of folders that touch it, by the column if any."""
    files = _files(frame)
    keys = files[0][1] if files else {}
    if files and not window.is_answerable(frame.columns, keys):
        raise Permanent(f"{where} has no column and no partition key `{window.column}` for the time window")
    touched = [file for file, its in files if touches(window, its)]
    if not touched:
        return frame.limit(0).select()
    if len(touched) < len(files):
        frame = session.read.option("basePath", where).parquet(*touched)
    if window.column in frame.columns and window.column not in keys:
        frame = _rows_inside(frame, window)
    return frame


def _rows_inside(frame: Any, window: Window) -> Any:
    from pyspark.sql import functions  # noqa: PLC0415 - as above

    held = frame.schema[window.column].dataType.simpleString()
    if held not in _TIMES:
        raise Permanent(f"`{window.column}` holds {held}, not dates or times")
    column = functions.col(f"`{window.column}`").cast("timestamp")
    for moment, holds in ((window.start, column.__ge__), (window.end, column.__lt__)):
        if moment is not None:
            frame = frame.filter(holds(functions.lit(moment)))
    return frame


def _files(frame: Any) -> list[tuple[str, dict[str, str]]]:
    """The files with the keys of their folders that Spark has made columns of; addresses come encoded."""
    addresses = [unquote(address) for address in frame.inputFiles()]
    held = set(frame.columns)
    return [
        (address, {key: value for key, value in keys_in(address).items() if key in held})
        for address in addresses
    ]


def _columns(frame: Any, window: Window | None) -> dict[str, ColumnType]:
    """As the local engine has them: without the keys of folders that only say when."""
    from pyspark.sql.pandas.types import to_arrow_type  # noqa: PLC0415 - as above

    times = {
        key for _, keys in _files(frame) for key, value in keys.items() if is_time_key(key, value, window)
    }
    found: dict[str, ColumnType] = {}
    for item in frame.schema.fields:
        if item.name in times:
            continue
        try:
            found[item.name] = column_type(to_arrow_type(item.dataType))
        except Exception:  # noqa: BLE001 - a type of Spark's own, which is not compared
            words = item.dataType.simpleString()
            found[item.name] = ColumnType(holds=Holds.NESTED, words=words)
    return found


def _as_permanent(error: Exception, what: str) -> Permanent:
    """Its line with the cause, else its first one: Spark's errors are pages long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = next((line for line in reversed(lines) if _CAUSE.match(line)), lines[0])
    return Permanent(f"{what}: {said[:300]}")
