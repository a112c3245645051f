"""What the test of the Spark engine runs in an environment that has pyspark: a real local Spark, once.

Prints one JSON object: whether the counts have the local engine's bits in each partitioning, and the reports
of both engines as the command line gives them.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from bot.cli import lightship
from bot.drift.columns import Selection
from bot.drift.counting import Counts
from bot.drift.planning import plan_comparison
from bot.drift.profile_files import load_profile
from bot.drift.profiling import count_source
from bot.drift.sources import open_source
from bot.drift.spark import open_spark

PARTITIONS = (1, 3, 8)


def main(reference: Path, current: Path) -> None:
    """Count in several partitionings, then report."""
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
    }
    sys.stdout.write(json.dumps(told) + "\n")


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
