"""What the test of the Spark engine runs in an environment that has pyspark: a real local Spark, once.

Prints one JSON object: whether the counts have the local engine's bits in each partitioning, and the reports
of both engines as the command line gives them.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from click.testing import CliRunner
from pyarrow import parquet

from bot.cli import lightship
from bot.drift.columns import Selection
from bot.drift.counting import Counts
from bot.drift.planning import plan_comparison
from bot.drift.profile_files import load_profile
from bot.drift.profiling import count_source
from bot.drift.sources import open_source
from bot.drift.spark import open_spark
from bot.drift.windows import Window

PARTITIONS = (1, 3, 8)
HOUR = timedelta(hours=1)
FEBRUARY = datetime(2024, 2, 28, tzinfo=UTC)
WINDOWS = {
    "a day": (FEBRUARY, FEBRUARY + 24 * HOUR),
    "parts of two days": (FEBRUARY + 18 * HOUR, FEBRUARY + 30 * HOUR),
    "the end of a month": (datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
    "the new year": (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)),
    "open": (datetime(2024, 2, 29, tzinfo=UTC), None),
    "nothing": (datetime(2025, 1, 1, tzinfo=UTC), None),
}
DAYS = ("2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02")
LAKES = (
    ("year={0:%Y}/month={0:%m}/day={0:%d}", ("at", "time"), tuple(WINDOWS)),
    ("year={0:%Y}/month={0:%m}", ("at",), ("the end of a month", "the new year")),
    ("at={0:%Y-%m-%d}", ("at",), ("parts of two days", "the new year")),
)


def main(reference: Path, current: Path) -> None:
    """Count in several partitionings, then report, then count what lies in a time."""
    profile, here, there = load_profile(reference), open_source(current), open_spark(current)
    asked = plan_comparison(profile, here.columns, Selection()).asked
    wanted = bits(count_source(here, asked, sampled=None)[0])
    same = {}
    for number in PARTITIONS:
        dealt = replace(there, frame=there.frame.repartition(number))
        same[number] = bits(count_source(dealt, asked, sampled=None)[0]) == wanted
    words = ["drift", "report", "--reference", str(reference), "--current", str(current), "--json"]
    reports = {
        engine: CliRunner().invoke(lightship, [*words, "--engine", engine]) for engine in ("local", "spark")
    }
    told: dict[str, Any] = {
        "same_bits": same,
        "exit_codes": {engine: result.exit_code for engine, result in reports.items()},
        "reports": {engine: result.stdout for engine, result in reports.items()},
        "windows": windows(reference, current.with_name("lakes")),
    }
    sys.stdout.write(json.dumps(told) + "\n")


def windows(reference: Path, folder: Path) -> dict[str, list[int]]:
    """The rows of each window in each lake, of the local engine and of Spark; where bits differ, no rows."""
    profile, found = load_profile(reference), {}
    for layout, columns, names in LAKES:
        lake = folder / str(layout.count("=")) / layout.partition("=")[0]
        write_lake(lake, layout)
        for column, name in product(columns, names):
            start, end = WINDOWS[name]
            window = Window(column=column, start=start, end=end)
            here, there = open_source(lake, window=window), open_spark(lake, window=window)
            asked = plan_comparison(profile, here.columns, Selection()).asked
            local = count_source(here, asked, sampled=None)[0]
            spark = count_source(there, asked, sampled=None)[0]
            same = bits(local) == bits(spark) and set(here.columns) == set(there.columns)
            found[f"{layout} by {column}, {name}"] = [local.rows, spark.rows if same else -1]
    return found


def write_lake(lake: Path, layout: str) -> None:
    """Six days of an hourly row each, in two segments; `time` is a column, the rest are folders."""
    random = np.random.default_rng(5)
    for day in DAYS:
        begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
        for segment in ("new", "old%20"):
            place = lake / layout.format(begin) / f"segment={segment}"
            place.mkdir(parents=True, exist_ok=True)
            times = pa.array([begin + hour * HOUR for hour in range(24)], pa.timestamp("us", tz="UTC"))
            columns = {"time": times, "a": random.normal(0, 1, 24), "c": random.integers(0, 50, 24)}
            parquet.write_table(pa.table(columns), place / f"part-{day}.parquet")


def bits(counts: Counts) -> object:
    """Everything in it, comparable."""
    return (
        counts.rows,
        counts.nulls,
        {
            name: (one.below.tobytes(), one.at_or_below.tobytes(), one.minimum, one.maximum)
            for name, one in counts.numbers.items()
        },
        {name: (one.levels, one.values, one.overflow) for name, one in counts.categories.items()},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
