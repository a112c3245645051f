"""All shipped rehearsals, as `lightship rehearse` plays them: how long people and their CI wait."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Final

from bench.figures import Chapter, Figure
from bot.playing.together import cores
from tests.e2e.servers.programs import REPOSITORY

GOAL_SECONDS: Final = 5.0
_TIMES: Final = 3
"""The first one may have to compile what it loads; the quickest counts."""


async def rehearsing(_rounds: int) -> Chapter:
    """Play all of them a few times. Raises RuntimeError where one does not go as expected."""
    runs = [await _played() for _ in range(_TIMES)]
    quickest, count, work = min(runs)
    return Chapter(
        title="Rehearsals",
        how=f"`lightship rehearse` over the {count} shipped rehearsals on {cores()} cores, start of the "
        f"process included; the quickest of {_TIMES} runs.",
        figures=(
            Figure(
                name="all shipped rehearsals",
                found=f"{quickest:.1f} s",
                absolute=f"{work:.1f} s if they were played one after the other",
                goal=f"at most {GOAL_SECONDS:g} s",
                met=quickest <= GOAL_SECONDS,
            ),
        ),
    )


async def _played() -> tuple[float, int, float]:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "rehearse", "--json",
        cwd=REPOSITORY, env=os.environ, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    took = time.perf_counter() - began
    told = json.loads(output)
    if process.returncode or not told["passed"]:
        raise RuntimeError("a shipped rehearsal does not go as expected; `lightship rehearse` says why")
    return took, len(told["rehearsals"]), float(told["seconds"])
