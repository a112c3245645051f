"""How long a graph takes in the drawing process, cold and warm; the message waits for neither."""

from __future__ import annotations

import time
from statistics import median
from typing import Final

from bench.figures import Chapter, Figure, milliseconds, percentile
from bot.adapters.drawing import DrawingProcess
from tests.pictures.samples import latency, panel

GOAL: Final = 1.5
GRAPHS: Final = 10


async def drawing(rounds: int) -> Chapter:
    """Some graphs, one and six panels large, one after the other in the process of the bot."""
    process = DrawingProcess(timeout=120)
    try:
        began = time.perf_counter()
        await process.draw(latency())
        cold = time.perf_counter() - began
        one = [await _timed(process, 1) for _ in range(GRAPHS * rounds)]
        six = [await _timed(process, 6) for _ in range(GRAPHS)]
    finally:
        await process.close()
    slowest = percentile(one, 0.95)
    return Chapter(
        title="Graphs",
        how="Latency now, yesterday and a week ago with its threshold, from values to PNG through the pipe "
        "of the drawing process. The finding is in the thread before, so nothing waits for it.",
        figures=(
            Figure(
                name="a graph, warm (p95)",
                found=milliseconds(slowest),
                absolute=f"median {milliseconds(median(one))}",
                goal=f"at most {GOAL:g} s",
                met=slowest <= GOAL,
            ),
            Figure(name="six graphs in one picture, warm (median)", found=milliseconds(median(six))),
            Figure(name="the first one, with the start of the process", found=milliseconds(cold)),
        ),
    )


async def _timed(process: DrawingProcess, panels: int) -> float:
    picture = latency(*(panel(f"metric {number}") for number in range(panels)))
    began = time.perf_counter()
    await process.draw(picture)
    return time.perf_counter() - began
