"""Durable webhooks at 16 connections: the bot's door against plain servers, in turns. Goals 1 and 5."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.bots import configuration, running_bot, slack_for
from bench.disk import synced
from bench.figures import Chapter, Figure, Table, at_least, milliseconds, percentile
from bench.receivers import Kind
from bench.volumes import LATER_MS, farther_volumes
from tests.e2e.servers.programs import REPOSITORY, Program, answers, free_port, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

CONNECTIONS: Final = 16
SECONDS: Final = 3.0
AT_MOST: Final = 60_000
SYNCS: Final = 200
LIGHTSHIP: Final = "lightship"
DURABLE: Final = (LIGHTSHIP, Kind.GROUP_COMMIT, Kind.ONE_COMMIT)
ORDER: Final = (*DURABLE, Kind.AS_IT_COMES, Kind.MEMORY)
SAID: Final = {
    LIGHTSHIP: "`lightship run`",
    Kind.GROUP_COMMIT: "plain server, group commit, parses nothing",
    Kind.ONE_COMMIT: "plain server, one commit a webhook",
    Kind.AS_IT_COMES: "plain server, one commit a webhook, SQLite as it comes",
    Kind.MEMORY: "plain server, keeps them in memory",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """One round of one server: answers a second, and how long an answer took (seconds)."""

    rate: float
    p50: float
    p99: float


async def webhooks(rounds: int) -> Chapter:
    """Every server in turn, as often as there are rounds: on this machine's disk, then on a slower one."""
    bursts, syncs = await _rounds(rounds, {}, ORDER)
    far: dict[int, dict[str, list[Burst]]] = {}
    with farther_volumes() as volume:
        if volume is not None:
            for later in LATER_MS:
                far[later], _ = await _rounds(rounds, volume(later), DURABLE)
    return Chapter(
        title="Durable webhooks",
        how=f"{CONNECTIONS} connections send groups of two alerts (200 groups in turn, so incidents open and "
        f"then repeat) for {SECONDS:g} s to a server that was just started with an empty store; the bot also "
        "makes its incidents and posts them meanwhile. SQLite with a write-ahead log and `synchronous=FULL` "
        "everywhere but in the server that takes SQLite as it comes, with a rollback journal, which is as "
        "durable. The load comes from a process of its own. Then the same with every sync of every server "
        "some milliseconds longer, as on the network volumes where a cluster's databases mostly are.",
        figures=(*_against_others(bursts), *_to_compare(bursts, syncs), *_far_away(far)),
        tables=(
            Table(
                title="What durability costs",
                head=("server", "webhooks/s", "median answer", "99th percentile"),
                rows=tuple(_row(SAID[name], bursts[name]) for name in ORDER),
            ),
            *_by_disk(bursts, syncs, far),
        ),
    )


async def _rounds(
    rounds: int, disk: Mapping[str, str], servers: Sequence[str]
) -> tuple[dict[str, list[Burst]], list[float]]:
    """The bursts of each server, and how long this machine's disk took to sync before each round."""
    bursts: dict[str, list[Burst]] = {name: [] for name in servers}
    syncs: list[float] = []
    for _ in range(rounds):
        syncs.append(await asyncio.to_thread(_sync))
        for name in servers:
            with tempfile.TemporaryDirectory() as folder:
                bursts[name].append(await _burst(name, Path(folder), disk))
    return bursts, syncs


def _against_others(bursts: Mapping[str, list[Burst]]) -> tuple[Figure, ...]:
    """The bot against each other server, as ratios of the same round."""
    return (
        at_least(
            "webhooks/s against group commit that parses nothing",
            _against(Kind.GROUP_COMMIT, bursts),
            0.6,
            absolute=_rates(Kind.GROUP_COMMIT, bursts),
        ),
        at_least(
            "webhooks/s against one commit a webhook, SQLite as it comes",
            _against(Kind.AS_IT_COMES, bursts),
            4,
            absolute=_rates(Kind.AS_IT_COMES, bursts),
        ),
        *(
            Figure(name=name, found=f"{median(_against(other, bursts)):.2f}", absolute=_rates(other, bursts))
            for other, name in (
                (Kind.ONE_COMMIT, "webhooks/s against one commit a webhook, with a write-ahead log"),
                (Kind.MEMORY, "webhooks/s against keeping them in memory"),
            )
        ),
    )


def _to_compare(bursts: Mapping[str, list[Burst]], syncs: list[float]) -> tuple[Figure, ...]:
    """What the disk and grouping alone make of it."""
    return (
        Figure(
            name="to compare: group commit that parses nothing against one commit, with a write-ahead log",
            found=f"{median(_ratios(bursts[Kind.GROUP_COMMIT], bursts[Kind.ONE_COMMIT])):.2f}",
            absolute="what grouping alone is worth on this disk: about the most that a server can reach "
            "against one commit",
        ),
        Figure(
            name="to compare: 4 KiB written and on the disk (fdatasync)",
            found=milliseconds(median(syncs)),
            absolute="which one commit pays for every webhook, and a group once",
        ),
    )


def _far_away(far: Mapping[int, Mapping[str, list[Burst]]]) -> tuple[Figure, ...]:
    """The goal against one commit: only a disk on which a commit takes its time can show it."""
    name = f"webhooks/s against one commit a webhook, a sync {LATER_MS[-1]} ms longer"
    if not far:
        return (Figure(name=name, found="not measured", absolute="needs a C compiler (`cc`)"),)
    found = far[LATER_MS[-1]]
    return (at_least(name, _against(Kind.ONE_COMMIT, found), 4, absolute=_rates(Kind.ONE_COMMIT, found)),)


def _by_disk(
    bursts: Mapping[str, list[Burst]], syncs: list[float], far: Mapping[int, Mapping[str, list[Burst]]]
) -> tuple[Table, ...]:
    """How the ratios depend on what a commit costs."""
    if not far:
        return ()
    disks = {milliseconds(median(syncs)): bursts}
    disks |= {milliseconds(median(syncs) + later / 1_000): found for later, found in far.items()}
    return (
        Table(
            title="What grouping commits is worth, by disk",
            head=(
                "a sync takes",
                *(SAID[name] for name in DURABLE),
                "against group commit",
                "against one commit",
            ),
            rows=tuple(
                (
                    sync,
                    *(_rate(found[name]) for name in DURABLE),
                    f"{median(_against(Kind.GROUP_COMMIT, found)):.2f}",
                    f"{median(_against(Kind.ONE_COMMIT, found)):.2f}",
                )
                for sync, found in disks.items()
            ),
        ),
    )


def _against(other: Kind, bursts: Mapping[str, list[Burst]]) -> list[float]:
    return _ratios(bursts[LIGHTSHIP], bursts[other])


def _rates(other: Kind, bursts: Mapping[str, list[Burst]]) -> str:
    return f"{_rate(bursts[LIGHTSHIP])} against {_rate(bursts[other])} webhooks/s"


def _ratios(ours: list[Burst], theirs: list[Burst]) -> list[float]:
    return [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]


def _sync() -> float:
    """Seconds, in the median, that 4 KiB more in a file take to be on the disk."""
    with tempfile.NamedTemporaryFile() as file:
        return median(synced(file.fileno()) for _ in range(SYNCS))


def _row(name: str, bursts: Sequence[Burst]) -> tuple[str, ...]:
    middle, tail = (median(getattr(one, which) for one in bursts) for which in ("p50", "p99"))
    return (name, _rate(bursts), milliseconds(middle), milliseconds(tail))


def _rate(bursts: Sequence[Burst]) -> str:
    return f"{median(one.rate for one in bursts):,.0f}"


async def _burst(name: str, directory: Path, disk: Mapping[str, str]) -> Burst:
    async with _server(name, directory, disk) as port:
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
async def _server(name: str, directory: Path, disk: Mapping[str, str]) -> AsyncIterator[int]:
    if name == LIGHTSHIP:
        config = configuration(directory, ["churn"])
        async with slack_for(["churn"]) as slack, running_bot(directory, slack, config, disk) as bot:
            yield bot.port
        return
    port = free_port()
    command = (sys.executable, "-m", "bench.receivers", name, str(port), str(directory / "bodies.db"))
    program = Program(
        name, command, log=directory / "log", environment={"PYTHONPATH": str(REPOSITORY), **disk}
    )
    try:
        await asyncio.to_thread(
            until, lambda: answers(f"http://127.0.0.1:{port}/readyz"), "it serves", program=program
        )
        yield port
    finally:
        await asyncio.to_thread(program.kill)
