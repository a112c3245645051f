"""What a drift report costs and how far its score can be trusted: own, the method before it, and peers.

The same data, one core, one program after the other. What the score is worth is in `bench.drift_simulated`
and, on public data, in `bench.drift_public`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import parquet

from bench.drift_programs import PEERS, Cost, measured, peer, repeated
from bench.drift_public import public_figures
from bench.drift_simulated import false_alarms, others, power
from bench.figures import Chapter, Figure, Table
from bot.domain.pictures import BarPanel, Bars, Picture
from bot.rendering.pictures import draw
from tests.drift.tables import churn_columns, write
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Words = Sequence[str | Path]

ROWS: Final = 1_000_000
TIMES: Final = 10
"""The large file has so many times the rows, in row groups of that number."""
GOALS: Final = {"1M": (0.6, 250), "10M": (2.0, 300)}
"""Seconds of one core, and MiB."""
OWN: Final = "own, profile"
SEED: Final = "1 - mean(p)"

PAGE: Final = REPOSITORY / "docs" / "benchmarks-drift.md"
PLOT: Final = REPOSITORY / "docs" / "benchmarks-drift.png"
NOTE: Final = (
    "Costs are of this machine; false alarms and power are of the seeds, and the same on every machine. The "
    "others are asked for a bounded time in the last table, so a slow one came to fewer pairs."
)
BUSY: Final = (
    "**The machine was busy with other work.** Wall times are many times those of a quiet machine, processor "
    "times somewhat longer."
)
SHOWN: Final = f"\n![Processor time and peak memory of each program]({PLOT.name})\n"
"""What the page ends with."""


async def drift(rounds: int) -> Chapter:
    """Cost first, then what the score is worth."""
    return await asyncio.to_thread(_drift, rounds)


def _drift(rounds: int) -> Chapter:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        programs = _programs()
        once, tenfold = _costs(directory, programs, rounds)
        simulated = others(programs, directory)
    # No time is measured from here on: all processors may work.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        worth = (*false_alarms(pool), *power(pool))
    _plot(once)
    head = ("program", "wall", "processor", "peak memory", "runs", "says")
    tables = [
        Table(title=title, head=head, rows=tuple((name, *_shown(cost)) for name, cost in costs.items()))
        for title, costs in (
            (f"Own and others, {ROWS:,} rows", once),
            (f"{ROWS * TIMES:,} rows of now", tenfold),
        )
    ]
    return Chapter(
        title="Drift",
        how=f"{ROWS:,} rows of twelve columns on both sides, the current ones with one column moved by 0.5 "
        f"standard deviations, and {TIMES} times as many current ones; each program by itself on one core, "
        "its imports (compiled) included, the files in the page cache. Wall and processor time are medians "
        "of the runs; what one core took is judged, and other work on the machine makes that longer, never "
        "shorter. The simulations have the seeds 0, 1, 2, …",
        figures=(
            _cost_figure("1M", ROWS, once[OWN]),
            _cost_figure("10M", ROWS * TIMES, tenfold[OWN]),
            *worth,
            *public_figures(),
        ),
        tables=(*tables, simulated),
    )


def _cost_figure(key: str, rows: int, own: Cost) -> Figure:
    seconds, mebibytes = GOALS[key]
    return Figure(
        name=f"{rows:,} rows of 12 columns against a saved profile",
        found=own.failed or f"{own.processor:.2f} s of one core, {own.mebibytes:.0f} MiB",
        absolute=f"wall {own.wall:.2f} s, imports included",
        goal=f"at most {seconds} s, {mebibytes} MiB",
        met=not own.failed and own.processor <= seconds and own.mebibytes <= mebibytes,
    )


def _programs() -> dict[str, Words | str]:
    """The words that each takes files behind, or why there are none."""
    folder = REPOSITORY / "bench" / "peers"
    found: dict[str, Words | str] = {SEED: (sys.executable, folder / "seed_method.py")}
    for name in PEERS:
        python = peer(name)
        found[name] = python if isinstance(python, str) else (python, folder / f"{name}_share.py")
    return found


def _costs(
    directory: Path, programs: Mapping[str, Words | str], rounds: int
) -> tuple[dict[str, Cost], dict[str, Cost]]:
    before = write(churn_columns(ROWS, 1), directory / "reference.parquet")
    now = _moved(directory / "current.parquet", 1)
    tenfold = _moved(directory / "tenfold.parquet", TIMES)
    few = write(churn_columns(1_000, 1), directory / "few.parquet")
    profile = directory / "reference.profile"
    lightship = sys.executable, "-m", "bot", "drift"
    measured((*lightship, "profile", "--data", before, "--out", profile))
    against = (*lightship, "report", "--reference", profile, "--current")
    for words in ((*against, few), *(_behind(words, few, few) for words in programs.values())):
        if not isinstance(words, str):
            measured(words)  # compiles what it loads
    once = {
        OWN: repeated((*against, now), rounds),
        "own, data": repeated((*lightship, "report", "--reference", before, "--current", now), rounds),
    }
    for name, words in programs.items():
        full = _behind(words, before, now)
        once[name] = Cost(failed=full) if isinstance(full, str) else repeated(full, rounds)
    full = _behind(programs[SEED], before, tenfold)
    large = {OWN: repeated((*against, tenfold), rounds)}
    large[SEED] = Cost(failed=full) if isinstance(full, str) else repeated(full, 1)
    return once, large


def _behind(words: Words | str, *files: Path) -> Words | str:
    return words if isinstance(words, str) else (*words, *files)


def _moved(path: Path, times: int) -> Path:
    """A million rows a row group, one column moved."""
    writer = None
    for time in range(times):
        columns = churn_columns(ROWS, 2 + time)
        table = pa.table({**columns, "x0": columns["x0"] + 0.5})
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return path


def _shown(cost: Cost) -> tuple[str, str, str, str, str]:
    if cost.failed:
        return "", "", "", "", cost.failed
    said = _said(cost.lines[-1] if cost.lines else "")
    return (
        f"{cost.wall:.2f} s",
        f"{cost.processor:.2f} s",
        f"{cost.mebibytes:.0f} MiB",
        str(cost.runs),
        said,
    )


def _said(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return "its report"
    return ", ".join(f"{name} {value:.3g}" for name, value in found.items())


def _plot(costs: Mapping[str, Cost]) -> None:
    known = {name: cost for name, cost in costs.items() if not cost.failed}

    def panel(title: str, unit: str, value: Callable[[Cost], float]) -> BarPanel:
        bars = Bars(label=title, values=tuple(value(cost) for cost in known.values()))
        return BarPanel(title=title, labels=tuple(known), bars=(bars,), unit=unit)

    picture = Picture(
        title=f"A drift report on {ROWS:,} rows of 12 columns, one core",
        panels=(
            panel("Processor time", "s", lambda cost: cost.processor),
            panel("Peak memory", "MiB", lambda cost: cost.mebibytes),
        ),
        alt_text="Bars of processor time and peak memory of each program.",
    )
    PLOT.write_bytes(draw(picture))
