"""The score on public data whose answer is known: nobody's constants were chosen by them.

Both sets come inside NannyML's package (Apache-2.0), so they are read in the environment that the benchmark
makes for it and nothing of them is kept here. Car loans drift from row 25,000 of the later half on, which
NannyML made so; the passengers of the Titanic are one population in two files. Without that package both
figures say that they are absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyarrow import csv

from bench.drift_programs import peer
from bench.figures import Figure
from bot.domain.drift import ALERT_ABOVE, ESCALATE_ABOVE
from bot.drift.as_json import report_object
from bot.drift.profiling import make_profile
from bot.drift.report import compare
from bot.drift.sources import TableSource, open_source

if TYPE_CHECKING:
    from pathlib import Path

CHUNK: Final = 5_000
ONSET: Final = 25_000


def public_figures() -> tuple[Figure, ...]:
    """Both sets, or that there is none."""
    python = peer("nannyml")
    if isinstance(python, str):
        return (Figure(name="car_loan and titanic", found="absent", absolute=f"nannyml: {python}"),)
    folder = next((python.parent.parent / "lib").glob("python*/site-packages/nannyml/datasets/data"))
    return _car_loan(folder), _titanic(folder)


def _car_loan(folder: Path) -> Figure:
    before = make_profile(open_source(folder / "synthetic_car_loan_reference.csv"))
    later = csv.read_csv(folder / "synthetic_car_loan_analysis.csv")
    quiet: list[float] = []
    moved: list[float] = []
    old: list[float] = []
    for start in range(0, later.num_rows, CHUNK):
        report = compare(before, TableSource(name="later", table=later.slice(start, CHUNK)))
        (quiet if start < ONSET else moved).append(report.score or 0.0)
        old += [report_object(report)["seed_score"]] if start < ONSET else []
    return Figure(
        name=f"car_loan in chunks of {CHUNK:,}, before the onset and after it",
        found=f"{min(quiet):.2f} to {max(quiet):.2f}, {min(moved):.2f} to {max(moved):.2f}",
        absolute=f"1 - mean(p) before the onset: {min(old):.2f} to {max(old):.2f}",
        goal=f"at most {ALERT_ABOVE} in {len(quiet)}, above {ESCALATE_ABOVE} in {len(moved)}",
        met=max(quiet) <= ALERT_ABOVE and min(moved) > ESCALATE_ABOVE,
    )


def _titanic(folder: Path) -> Figure:
    before = make_profile(open_source(folder / "titanic_reference.csv"))
    report = compare(before, open_source(folder / "titanic_analysis.csv"))
    return Figure(
        name="titanic, those kept for training and the others",
        found="no score" if report.score is None else f"{report.score:.2f}",
        absolute=f"{len(report.features)} columns compared, {len(report.not_compared)} not",
        goal=f"at most {ALERT_ABOVE}",
        met=report.score is not None and report.score <= ALERT_ABOVE,
    )
