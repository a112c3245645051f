"""The Spark engine on a real local Spark: the same bits as the local engine, however the rows are dealt.

pyspark stays out of everybody's environment: uv makes one of its own beside the other caches, once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from bot.cli import lightship
from tests.e2e.servers.programs import REPOSITORY

SYNC_SECONDS, SPARK_SECONDS = 300, 900


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with the group `spark` and Lightship itself."""
    own = REPOSITORY / ".tools/uv/bin/uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    assert uv, "uv is missing; `make e2e` fetches it"
    folder = Path(os.environ.get("LIGHTSHIP_CACHE", REPOSITORY / ".cache")) / "spark"
    subprocess.run(
        [uv, "sync", "--frozen", "--quiet", "--no-default-groups", "--group", "spark"],
        cwd=REPOSITORY,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)},
        timeout=SYNC_SECONDS,
        check=True,
    )
    return folder / "bin" / "python"


@pytest.mark.timeout(SYNC_SECONDS + SPARK_SECONDS)
def test_spark_counts_with_the_local_engine_s_bits(python: Path, tmp_path: Path) -> None:
    """Three partitionings of four files, both command lines, and windows over partitioned lakes."""
    random = np.random.default_rng(3)
    profile, current = tmp_path / "reference.profile", tmp_path / "current"
    parquet.write_table(rows(random, 4_000, 0.0), tmp_path / "reference.parquet")
    made = CliRunner().invoke(
        lightship,
        ["drift", "profile", "--data", str(tmp_path / "reference.parquet"), "--out", str(profile)],
    )
    assert made.exit_code == 0, made.output
    current.mkdir()
    for number in range(4):
        parquet.write_table(rows(random, 1_000, 0.4), current / f"part-{number}.parquet", row_group_size=300)
    done = subprocess.run(
        [str(python), "-m", "tests.e2e.spark_program", str(profile), str(current)],
        cwd=REPOSITORY,
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=SPARK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["same_bits"] == {"1": True, "3": True, "8": True}
    assert told["exit_codes"] == {"local": 3, "spark": 3}
    local, spark = (json.loads(told["reports"][engine]) for engine in ("local", "spark"))
    assert local == spark
    assert local["features"]["a"]["drifted"] is True
    found = told["windows"]
    assert {name: counts for name, counts in found.items() if counts[0] != counts[1]} == {}
    by_day = "year={0:%Y}/month={0:%m}/day={0:%d}"
    assert [found[f"{by_day} by {column}, a day"][0] for column in ("at", "time")] == [48, 48]
    assert [found[f"{by_day} by {column}, parts of two days"][0] for column in ("at", "time")] == [96, 24]
    assert found["year={0:%Y}/month={0:%m} by at, the end of a month"][0] == 96
    assert found["at={0:%Y-%m-%d} by at, the new year"][0] == 48


def rows(random: np.random.Generator, count: int, shift: float) -> pa.Table:
    """Numbers of both precisions, integers, words, booleans; a twentieth of one column is missing."""
    numbers = random.normal(shift, 1, count)
    numbers[::20] = np.nan
    return pa.table(
        {
            "a": pa.array(numbers, from_pandas=True),
            "b": pa.array(random.normal(0, 1, count).astype(np.float32)),
            "c": pa.array(random.integers(0, 50, count)),
            "d": pa.array(random.choice(["x", "y", "z"], count)),
            "e": pa.array(random.random(count) < 0.3),
        }
    )
