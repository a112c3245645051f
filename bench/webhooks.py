"""Durable webhooks at 16 connections: the bot's door against plain servers, in turns. Goals 1 and 5."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.bots import configuration, running_bot, slack_for
from bench.figures import Chapter, Figure, Table, at_least, milliseconds, percentile
from bench.receivers import Kind
from tests.e2e.servers.programs import REPOSITORY, Program, answers, free_port, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

CONNECTIONS: Final = 16
SECONDS: Final = 3.0
AT_MOST: Final = 60_000
SYNCS: Final = 200
LIGHTSHIP: Final = "lightship"
ORDER: Final = (LIGHTSHIP, Kind.GROUP_COMMIT, Kind.ONE_COMMIT, Kind.MEMORY)
SAID: Final = {
    LIGHTSHIP: "`lightship run`",
    Kind.GROUP_COMMIT: "plain server, group commit, parses nothing",
    Kind.ONE_COMMIT: "plain server, one commit a webhook",
    Kind.MEMORY: "plain server, keeps them in memory",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """One round of one server: answers a second, and how long an answer took (seconds)."""

    rate: float
    p50: float
    p99: float


async def webhooks(rounds: int) -> Chapter:
    """Every server in turn, as often as there are rounds."""
    bursts: dict[str, list[Burst]] = {name: [] for name in ORDER}
    syncs: list[float] = []
    for _ in range(rounds):
        syncs.append(await asyncio.to_thread(_sync))
        for name in ORDER:
            with tempfile.TemporaryDirectory() as folder:
                bursts[name].append(await _burst(name, Path(folder)))
    return Chapter(
        title="Durable webhooks",
        how=f"{CONNECTIONS} connections send groups of two alerts (200 groups in turn, so incidents open and "
        f"then repeat) for {SECONDS:g} s to a server that was just started with an empty store; the bot also "
        "makes its incidents and posts them meanwhile. SQLite with a write-ahead log and `synchronous=FULL` "
        "everywhere. The load comes from a process of its own.",
        figures=(*_against_others(bursts), *_to_compare(bursts, syncs)),
        tables=(
            Table(
                title="What durability costs",
                head=("server", "webhooks/s", "median answer", "99th percentile"),
                rows=tuple(_row(SAID[name], bursts[name]) for name in ORDER),
            ),
        ),
    )


def _against_others(bursts: Mapping[str, list[Burst]]) -> tuple[Figure, ...]:
    """The bot against each other server, as ratios of the same round."""
    ours = bursts[LIGHTSHIP]

    def absolute(other: str) -> str:
        return f"{_rate(ours)} against {_rate(bursts[other])} webhooks/s"

    return (
        at_least(
            "webhooks/s against group commit that parses nothing",
            _ratios(ours, bursts[Kind.GROUP_COMMIT]),
            0.6,
            absolute=absolute(Kind.GROUP_COMMIT),
        ),
        at_least(
            "webhooks/s against one commit a webhook",
            _ratios(ours, bursts[Kind.ONE_COMMIT]),
            4,
            absolute=absolute(Kind.ONE_COMMIT),
        ),
        Figure(
            name="webhooks/s against keeping them in memory",
            found=f"{median(_ratios(ours, bursts[Kind.MEMORY])):.2f}",
            absolute=absolute(Kind.MEMORY),
        ),
    )


def _to_compare(bursts: Mapping[str, list[Burst]], syncs: list[float]) -> tuple[Figure, ...]:
    """What the disk and grouping alone make of it."""
    most = _ratios(bursts[Kind.GROUP_COMMIT], bursts[Kind.ONE_COMMIT])
    return (
        Figure(
            name="to compare: group commit that parses nothing against one commit a webhook",
            found=f"{median(most):.2f}",
            absolute="what grouping alone is worth on this disk: about the most that a server can reach "
            "against one commit",
        ),
        Figure(
            name="to compare: 4 KiB written and on the disk (fdatasync)",
            found=milliseconds(median(syncs)),
            absolute="which one commit pays for every webhook, and a group once",
        ),
    )


def _ratios(ours: list[Burst], theirs: list[Burst]) -> list[float]:
    return [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]


def _sync() -> float:
    """Seconds, in the median, that 4 KiB more in a file take to be on the disk."""
    times: list[float] = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            os.write(file.fileno(), bytes(4_096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return median(times)


def _row(name: str, bursts: Sequence[Burst]) -> tuple[str, ...]:
    middle, tail = (median(getattr(one, which) for one in bursts) for which in ("p50", "p99"))
    return (name, _rate(bursts), milliseconds(middle), milliseconds(tail))


def _rate(bursts: Sequence[Burst]) -> str:
    return f"{median(one.rate for one in bursts):,.0f}"


async def _burst(name: str, directory: Path) -> Burst:
    async with _server(name, directory) as port:
        load = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", str(port)),
            *(str(CONNECTIONS), str(SECONDS), str(AT_MOST)),
            stdout=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
        )
        output, _ = await load.communicate()
    found = json.loads(output)
    if found["refused"]:
        raise RuntimeError(f"{name} refused {found['refused']} webhooks")
    return Burst(
        rate=found["answered"] / found["seconds"],
        p50=percentile(found["times"], 0.5),
        p99=percentile(found["times"], 0.99),
    )


@asynccontextmanager
async def _server(name: str, directory: Path) -> AsyncIterator[int]:
    if name == LIGHTSHIP:
        config = configuration(directory, ["churn"])
        async with slack_for(["churn"]) as slack, running_bot(directory, slack, config) as bot:
            yield bot.port
        return
    port = free_port()
    command = (sys.executable, "-m", "bench.receivers", name, str(port), str(directory / "bodies.db"))
    program = Program(name, command, log=directory / "log", environment={"PYTHONPATH": str(REPOSITORY)})
    try:
        await asyncio.to_thread(
            until, lambda: answers(f"http://127.0.0.1:{port}/readyz"), "it serves", program=program
        )
        yield port
    finally:
        await asyncio.to_thread(program.kill)
