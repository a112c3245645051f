"""The process that compares: real files, a real limit of memory, and a bot that outlives what breaks it."""

from __future__ import annotations

import resource
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bot.adapters.drifting import DriftProcesses
from bot.domain.comparisons import DriftComparison, PredictionPaths
from bot.domain.drift_runs import DriftWindow
from bot.domain.errors import NotFound, Permanent, Temporary
from bot.drift.profile_files import load_profile
from tests.drift.tables import churn_columns, write

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

# Each test starts interpreters that load numpy and Arrow, which takes seconds on a busy machine.
pytestmark = pytest.mark.timeout(180)

MIB = 1 << 20
DAY = datetime(2026, 11, 24, tzinfo=UTC)


def comparison(folder: Path, **changes: Any) -> DriftComparison:
    """The reference beside the current data, in that folder."""
    values = {"reference": str(folder / "reference.parquet"), "current": str(folder / "current")}
    return DriftComparison(**{**values, **changes})


async def test_a_configured_comparison_comes_back_with_its_profile(tmp_path: Path) -> None:
    """Window over a lake, weights, target, predictions; the profile is one that can be compared with."""
    before, now = churn_columns(1200, 1), churn_columns(1200, 2)
    write({**before, "churned": before["paperless"]}, tmp_path / "reference.parquet")
    for day, shift in (("2026-11-22", 5.0), ("2026-11-23", 0.0)):
        write({**now, "tenure": now["tenure"] + shift}, tmp_path / "current" / f"date={day}" / "part.parquet")
    write({"prediction": np.linspace(0, 1, 1200)}, tmp_path / "p-reference.parquet")
    write({"prediction": np.linspace(0.5, 1, 1200)}, tmp_path / "p-current.parquet")
    asked = comparison(
        tmp_path,
        target="churned",
        weights={"tenure": 2.0, "charges": 1.0},
        window=DriftWindow(column="date", start=DAY - timedelta(days=1), end=DAY),
        predictions=PredictionPaths(
            reference=str(tmp_path / "p-reference.parquet"), current=str(tmp_path / "p-current.parquet")
        ),
    )
    compared = await DriftProcesses().compare(asked)
    report = compared.report
    assert report.current.rows == 1200
    assert {feature.name: feature.drifted for feature in report.features}["tenure"] is False
    assert report.predictions is not None
    assert report.predictions.score is not None
    assert report.predictions.score > 0.5
    assert report.joint.value is not None
    assert compared.profile is not None
    saved = tmp_path / "saved.profile"
    saved.write_bytes(compared.profile)
    assert load_profile(saved).sample is None
    assert load_profile(saved).rows == 1200


async def test_wrong_files_are_told_with_our_words(tmp_path: Path) -> None:
    """By kind and place, as the command line would."""
    with pytest.raises(NotFound, match=r"current does not exist"):
        await DriftProcesses().compare(comparison(tmp_path))
    (tmp_path / "current").mkdir()
    (tmp_path / "current" / "notes.txt").write_text("no data")
    with pytest.raises(Permanent, match="holds no Parquet and no CSV"):
        await DriftProcesses().compare(comparison(tmp_path))


@pytest.mark.e2e
async def test_a_run_that_needs_more_memory_than_it_may_have_fails_alone(tmp_path: Path) -> None:
    """A CSV of 70 MB under a limit of 200 MiB: the process dies, the bot lives and says which setting."""
    write({"tenure": np.linspace(0, 1, 3000)}, tmp_path / "reference.parquet")
    (tmp_path / "large.csv").write_text("tenure,note\n" + f"0.5,{'x' * 90}\n" * 700_000)
    large = comparison(tmp_path, current=str(tmp_path / "large.csv"), memory=200 * MIB)
    with pytest.raises((Temporary, Permanent), match=r"more than the 200 MiB .*`drift.memory`"):
        await DriftProcesses().compare(large)
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
    small = comparison(tmp_path, current=str(tmp_path / "reference.parquet"), memory=400 * MIB)
    assert (await DriftProcesses().compare(small)).report.score == 0


async def test_memory_that_python_cannot_get_is_permanent(tmp_path: Path) -> None:
    """The same again would fail the same."""
    with pytest.raises(Permanent, match=r"needs more than the 300 MiB"):
        await DriftProcesses("tests.drift_runs.eating_worker").compare(comparison(tmp_path, memory=300 * MIB))


async def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """Its process goes with it; the next run may be quicker."""
    write(churn_columns(3000, 1), tmp_path / "reference.parquet")
    slow = comparison(
        tmp_path, current=str(tmp_path / "reference.parquet"), time_limit=timedelta(milliseconds=1)
    )
    with pytest.raises(Temporary, match="no answer in time"):
        await DriftProcesses().compare(slow)
