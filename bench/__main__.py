"""`python -m bench [CHAPTER…] [--write] [--rounds N]`: run the benchmarks; exit 1 where a goal is missed."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bench.approvals import approvals
from bench.checks import checks
from bench.drawing import drawing
from bench.drift import BUSY as DRIFT_BUSY
from bench.drift import NOTE as DRIFT_NOTE
from bench.drift import PAGE as DRIFT_PAGE
from bench.drift import SHOWN, drift
from bench.folding import folding
from bench.latency import latency
from bench.memory import memory
from bench.page import machine, page, terminal
from bench.ranking import ranking
from bench.rehearsing import rehearsing
from bench.starting import starting
from bench.storm import storm
from bench.webhooks import webhooks
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.figures import Chapter

PAGE: Final = REPOSITORY / "docs" / "benchmarks.md"
CHAPTERS: Final[dict[str, Callable[[int], Awaitable[Chapter]]]] = {
    "webhooks": webhooks,
    "latency": latency,
    "start": starting,
    "memory": lambda _rounds: memory(),
    "checks": checks,
    "causes": ranking,
    "rehearsals": rehearsing,
    "logs": folding,
    "graphs": drawing,
    "approvals": lambda _rounds: approvals(),
    "drift": drift,
    "storm": storm,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "chapters", nargs="*", choices=[[], *CHAPTERS], help="what to run (default: everything)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of each server, in turns (default: 5)")
    parser.add_argument("--write", action="store_true", help="keep the run as docs/benchmarks.md")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> list[Chapter]:
    chapters = []
    for name in arguments.chapters or CHAPTERS:
        chapter = await CHAPTERS[name](arguments.rounds)
        sys.stdout.write(terminal(chapter) + "\n")
        sys.stdout.flush()
        chapters.append(chapter)
    return chapters


def main() -> int:
    """Run what was asked for; 1 where a goal is missed."""
    arguments = _arguments()
    load = os.getloadavg()[0]
    sys.stdout.write(f"On {machine(load)}.\n")
    chapters = asyncio.run(_run(arguments))
    if arguments.write:
        more = "".join(f" {word}" for word in sys.argv[1:])
        command = f'make bench ARGS="{more.strip()}"'
        # The score's page is made by itself: it takes minutes, and others' packages.
        on = datetime.now(UTC).date()
        if arguments.chapters == ["drift"]:
            made = page(chapters, command=command, on=on, load=load, note=DRIFT_NOTE, busy=DRIFT_BUSY)
            DRIFT_PAGE.write_text(made + SHOWN)
        else:
            PAGE.write_text(page(chapters, command=command, on=on, load=load))
    return int(any(figure.met is False for chapter in chapters for figure in chapter.figures))


if __name__ == "__main__":
    sys.exit(main())
