"""Data on a web server, through fsspec: the report of the same files, and each refusal in its own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.domain.comparisons import DriftComparison
from bot.domain.drift_runs import DriftWindow
from bot.domain.errors import LightshipError, NotFound, Permanent, Temporary
from bot.drift.comparing import run_comparison
from bot.drift.locations import location
from bot.drift.sources import open_source
from tests.drift.file_server import serving
from tests.drift.tables import churn_columns, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.domain.comparisons import Compared

AWAY = "http://127.0.0.1:9"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two days in two regions, a reference, a CSV, and a folder without files."""
    write(churn_columns(800, 1), tmp_path / "reference.parquet")
    for day in (22, 23):
        columns = {**churn_columns(800, day), "tenure": churn_columns(800, day)["tenure"] * (day - 21)}
        write(columns, tmp_path / "days" / f"date=2026-11-{day}" / "region=old%20town" / "part.parquet")
    (tmp_path / "small.csv").write_text("tenure\n" + "1.5\n" * 300)
    (tmp_path / "empty").mkdir()
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "about.html").write_text("<p>nothing</p>")
    return tmp_path


@pytest.fixture
def web(lake: Path) -> Iterator[str]:
    """The same, served."""
    with serving(lake) as address:
        yield address


def compared(root: str, reference: str = "reference.parquet") -> Compared:
    """The second day against the reference."""
    window = DriftWindow(column="date", start=datetime(2026, 11, 23, tzinfo=UTC))
    asked = DriftComparison(reference=f"{root}/{reference}", current=f"{root}/days/", window=window)
    return run_comparison(asked)


def test_a_lake_on_the_web_gives_the_report_of_the_same_files(lake: Path, web: str) -> None:
    """Found by its index pages; partitions, keys in their names, window and parts of Parquet files."""
    here, there = compared(str(lake)), compared(web)
    assert here.report.current.rows == 800
    assert (there.report.score, there.report.features) == (here.report.score, here.report.features)
    assert here.profile is not None
    (lake / "saved.profile").write_bytes(here.profile)
    assert compared(web, "saved.profile").report.score == here.report.score
    regions = next(open_source(location(f"{web}/days/")).batches(["region"])).column("region")
    assert set(regions.to_pylist()) == {"old town"}


def test_single_files_and_folders_without_any(web: str) -> None:
    """A CSV, also behind a signed address, whose signature is in no report; a server without `Range`."""
    assert open_source(location(f"{web}/empty/")).rows == 0
    signed = open_source(location(f"{web}/small.csv?sig=abcdef"))
    assert (signed.rows, signed.name) == (300, f"{web}/small.csv?…")
    whole = open_source(location(f"{web}/no-parts/reference.parquet"))
    assert sum(batch.num_rows for batch in whole.batches(["tenure"])) == 800


@pytest.mark.parametrize(
    ("path", "sort", "words"),
    [
        ("nowhere.parquet", NotFound, "nowhere.parquet does not exist"),
        ("nowhere/", NotFound, "nowhere/ does not exist"),
        ("gone/x.parquet", NotFound, "gone/x.parquet does not exist"),
        ("forbidden/x.parquet", Permanent, r"may not be read \(403 Forbidden\): the store wants other cred"),
        ("wants-a-name/", Permanent, r"may not be read \(401 Unauthorized\): the store wants other cred"),
        ("broken/x.parquet", Temporary, "cannot be read now: 503 Service Unavailable"),
        ("days", Permanent, "neither Parquet nor CSV nor a saved profile; the address of a folder ends with"),
        ("page/", Permanent, r"holds no Parquet and no CSV file \(found about.html\)"),
    ],
)
def test_each_refusal_is_told_apart(web: str, path: str, sort: type[LightshipError], words: str) -> None:
    """What is not there, what may not be read, what may pass, what is no data; for both sides."""
    with pytest.raises(sort, match=words) as told:
        open_source(location(f"{web}/{path}"))
    assert type(told.value) is sort
    with pytest.raises(sort, match=words):
        run_comparison(DriftComparison(reference=f"{web}/{path}", current=f"{web}/days/"))


def test_a_server_that_is_away_may_come_back() -> None:
    """And neither password nor signature of its address is repeated."""
    with pytest.raises(Temporary, match="cannot be read now: ClientConnectorError") as told:
        open_source(location(AWAY.replace("://", "://me:hunter2@") + "/x.parquet?sig=abcdef"))
    assert "hunter2" not in str(told.value)
    assert "abcdef" not in str(told.value)


@pytest.mark.parametrize("address", ["s3://lake/x.parquet", "gs://lake/x.parquet", "sftp://host/x.parquet"])
def test_a_missing_package_is_named(address: str) -> None:
    """What speaks to a store is the operator's to install."""
    with pytest.raises(Permanent, match=r"s3fs|gcsfs|paramiko"):
        open_source(location(address))
