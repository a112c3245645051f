"""Data at an address is read as data at a path is: the same files give the same report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from click.testing import CliRunner
from fsspec.implementations.memory import MemoryFileSystem

from bot.cli import lightship
from bot.domain.comparisons import DriftComparison
from bot.domain.drift_runs import DriftWindow
from bot.domain.errors import NotFound, Permanent, Temporary
from bot.drift.comparing import run_comparison
from bot.drift.locations import location
from bot.drift.sources import open_source
from tests.drift.tables import churn_columns, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAKE = "memory://lake"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    """The same files on this machine and behind an address: two days, a profile's data, a CSV, packed."""
    write(churn_columns(800, 1), tmp_path / "reference.parquet")
    for day in (22, 23):
        columns = {**churn_columns(800, day), "tenure": churn_columns(800, day)["tenure"] * (day - 21)}
        write(columns, tmp_path / "days" / f"date=2026-11-{day}" / "part.parquet")
    (tmp_path / "small.csv").write_text("tenure\n" + "1.5\n" * 300)
    memory = fsspec.filesystem("memory")
    memory.put(f"{tmp_path}/", "/lake/", recursive=True)
    yield tmp_path
    memory.rm("/lake", recursive=True)


def comparison(root: str, **changes: Any) -> DriftComparison:
    """The second day against the reference."""
    values: dict[str, Any] = {
        "reference": f"{root}/reference.parquet",
        "current": f"{root}/days",
        "window": DriftWindow(column="date", start=datetime(2026, 11, 23, tzinfo=UTC)),
    }
    return DriftComparison(**{**values, **changes})


def test_a_lake_behind_an_address_gives_the_report_of_the_same_files(lake: Path) -> None:
    """Partitions, window, streamed Parquet: all numbers are the same."""
    here, there = run_comparison(comparison(str(lake))).report, run_comparison(comparison(LAKE)).report
    assert here.current.rows == there.current.rows == 800
    assert here.score is not None
    assert here.score > 0.3
    assert (there.score, there.features, there.joint) == (here.score, here.features, here.joint)
    assert there.current.name == f"{LAKE}/days"


def test_profiles_and_csv_are_read_from_addresses_too(lake: Path) -> None:
    """A saved profile is told by its content; a CSV is read whole."""
    made = run_comparison(comparison(str(lake)))
    assert made.profile is not None
    fsspec.filesystem("memory").pipe("/lake/saved.profile", made.profile)
    report = run_comparison(comparison(LAKE, reference=f"{LAKE}/saved.profile")).report
    assert report.reference.rows == 800
    assert open_source(location(f"{LAKE}/small.csv")).rows == 300


def test_the_command_takes_an_address(lake: Path) -> None:
    """Where it takes a path."""
    given = ["--reference", str(lake / "reference.parquet"), "--current", f"{LAKE}/days"]
    result = CliRunner().invoke(lightship, ["drift", "report", *given])
    assert result.exit_code == 3, result.output


def test_an_address_that_nothing_here_reads_is_told() -> None:
    """At once, as a user's mistake."""
    given = ["--reference", "nosuch://lake/x", "--current", "memory://lake"]
    result = CliRunner().invoke(lightship, ["drift", "report", *given])
    assert result.exit_code == 1
    assert "nosuch://lake/x cannot be read" in result.output
    with pytest.raises(Permanent, match="cannot be read"):
        location("nosuch://lake/x")


def test_what_is_not_there_and_what_does_not_answer_are_two_things(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has to be mended, the second may pass; a password in an address is not repeated."""
    with pytest.raises(NotFound, match="memory://lake/nowhere does not exist"):
        open_source(location(f"{LAKE}/nowhere"))

    def away(*_: object, **__: object) -> None:
        raise RuntimeError("no route to https://me:secret@store.example")

    monkeypatch.setattr(MemoryFileSystem, "info", away)
    with pytest.raises(Temporary, match="cannot be read now: RuntimeError") as told:
        open_source(location(f"{LAKE}/days"))
    assert "secret" not in str(told.value)
    assert lake.exists()
