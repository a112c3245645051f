"""How far a drift score can be trusted: false alarms and power by simulation, with fixed seeds.

The own score is simulated until its share of false alarms is known to a fraction of a percent. The others
take seconds a comparison, so each gets the same pairs of files for a bounded time, and the table says how
many it came to.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

from bench.drift_programs import measured
from bench.figures import Figure, Table, percentile
from bot.domain.drift import ALERT_ABOVE
from bot.drift.as_json import report_object
from bot.drift.report import compare
from tests.drift.tables import churn_columns, profiled, reported, source, with_missing, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

Columns = dict[str, Any]

WITHOUT_DRIFT: Final = {500: 10_000, 5_000: 500}
"""Rows → runs without drift."""
FEW_ROWS: Final = 5_000
"""From so many rows on no run without drift may alert."""
WITH_DRIFT: Final = 200
"""Runs with each kind of drift."""
LARGE: Final = 1_000_000
PATIENCE: Final = 60.0
AT_ONCE: Final = 2
CYCLES: Final = 12
"""Of the pairs for the others: four without drift and one of each kind a cycle."""


def _new_level(columns: Columns) -> Mapping[str, Any]:
    new = np.arange(len(columns["plan"])) % 20 == 0
    return {**columns, "plan": np.where(new, "new plan", columns["plan"].astype(object)).tolist()}


SPOILED: Final[Mapping[str, Callable[[Columns], Mapping[str, Any]]]] = {
    "one column times 1,000": lambda columns: {**columns, "charges": columns["charges"] * 1_000},
    "10 % of one missing": lambda columns: {**columns, "x1": with_missing(columns["x1"], 0.1)},
    "5 % of a new category": _new_level,
    "one column + 0.5 sd": lambda columns: {**columns, "x0": columns["x0"] + 0.5},
}


def false_alarms(pool: Executor) -> Iterator[Figure]:
    """The share of runs without drift that alert, with its interval of 95 %."""
    for rows, runs in WITHOUT_DRIFT.items():
        scores = _scores(pool, rows, "", runs)
        alerts = sum(score > ALERT_ABOVE for score, _ in scores)
        before = sum(old > ALERT_ABOVE for _, old in scores) / runs
        low, high = stats.binomtest(alerts, runs).proportion_ci(method="exact")
        yield Figure(
            name=f"alerts without drift, {rows:,} rows",
            found=f"{alerts / runs:.2%} of {runs:,} ({low:.2%} to {high:.2%})",
            absolute=f"1 - mean(p): {before:.0%}",
            goal="at most 1 %" if rows < FEW_ROWS else "none",
            met=high <= 0.01 if rows < FEW_ROWS else alerts == 0,  # noqa: PLR2004 - the goal
        )


def power(pool: Executor) -> Iterator[Figure]:
    """The share of runs with drift that alert; and that the score does not depend on the sample size."""
    reference = profiled(churn_columns(LARGE, 1))
    many = churn_columns(LARGE, 2)
    off: dict[str, float] = {}
    furthest = 0.0
    for name, spoil in SPOILED.items():
        for rows in (500, FEW_ROWS):
            scores = [score for score, _ in _scores(pool, rows, name, WITH_DRIFT)]
            told = sum(score > ALERT_ABOVE for score in scores) / WITH_DRIFT
            yield Figure(
                name=f"alerts, {name}, {rows:,} rows",
                found=f"{told:.1%} of {WITH_DRIFT}",
                goal="at least 95 %",
                met=told >= 0.95,  # noqa: PLR2004 - the goal
            )
        whole = compare(reference, source(spoil(many))).score or 0.0
        off[name] = abs(median(scores) - whole)
        furthest = max(furthest, percentile([abs(score - whole) for score in scores], 0.95))
    worst = max(off, key=lambda name: off[name])
    yield Figure(
        name=f"score of {FEW_ROWS:,} rows less that of {LARGE:,}, the same drift",
        found=f"{off[worst]:.3f} ({worst})",
        absolute=f"the medians of {WITH_DRIFT} runs; one run of twenty is {furthest:.3f} off or more",
        goal="at most 0.05",
        met=off[worst] <= 0.05,  # noqa: PLR2004 - the goal
    )


def others(programs: Mapping[str, Sequence[str | Path] | str], folder: Path) -> Table:
    """How often what each program says of the same pairs of files is above the threshold."""
    rows = []
    for size in (500, FEW_ROWS):
        kinds, paths = _pairs(size, folder)
        with ThreadPoolExecutor(AT_ONCE) as together:
            told = together.map(lambda words: _told(words, kinds, paths), programs.values())  # noqa: B023
        rows += [(f"{size:,}", name, *cells) for name, cells in zip(programs, told, strict=True)]
    return Table(
        title=f"Others: share of drifted columns, or score, above {ALERT_ABOVE}",
        head=("rows", "program", "without drift", *SPOILED),
        rows=tuple(rows),
    )


def _told(words: Sequence[str | Path] | str, kinds: list[str], paths: list[Path]) -> list[str]:
    if isinstance(words, str):
        return [words, *([""] * len(SPOILED))]
    lines = measured([*words, *paths], patience=PATIENCE, one_core=False).lines
    alerts: dict[str, list[bool]] = {kind: [] for kind in ("", *SPOILED)}
    for kind, line in zip(kinds, lines, strict=False):
        alerts[kind].append(next(iter(json.loads(line).values())) > ALERT_ABOVE)
    return [f"{sum(one)} of {len(one)}" for one in alerts.values()]


def _pairs(rows: int, folder: Path) -> tuple[list[str], list[Path]]:
    kinds, paths = [], []
    for run, kind in enumerate(["", "", "", "", *SPOILED] * CYCLES):
        now = churn_columns(rows, 2 * run + 1)
        paths += [
            write(churn_columns(rows, 2 * run), folder / f"{rows}-{run}-before.parquet"),
            write(SPOILED[kind](now) if kind else now, folder / f"{rows}-{run}-now.parquet"),
        ]
        kinds.append(kind)
    return kinds, paths


def _scores(pool: Executor, rows: int, kind: str, runs: int) -> list[tuple[float, float]]:
    """Each run's score, and what 1 - mean(p) says."""
    return list(pool.map(partial(_run, rows, kind), range(runs), chunksize=20))


def _run(rows: int, kind: str, run: int) -> tuple[float, float]:
    now = churn_columns(rows, 2 * run + 1)
    report = report_object(reported(churn_columns(rows, 2 * run), SPOILED[kind](now) if kind else now))
    return report["score"], report["seed_score"]
