"""What the bot holds when it idles after its first incident and check. Goal 3, second half."""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from bench.bodies import group
from bench.bots import configuration, running_bot, slack_for
from bench.figures import Chapter, Figure
from bench.load import TOKEN
from tests.e2e.servers.cluster import Cluster
from tests.e2e.servers.programs import Missing
from tests.e2e.servers.workloads import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.console import SlackStandIn

GOAL_MB: Final = 130
SETTLING: Final = 5.0
PATIENCE: Final = 60.0
MEGABYTE: Final = 1_000_000


async def memory() -> Chapter:
    """One incident of a service in a real cluster where there is one to be had."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        try:
            cluster = await asyncio.to_thread(Cluster.start)
        except Missing:
            return await _chapter(
                directory, {}, "churn-mlops", "its checks fail, because no cluster is there"
            )
        try:
            namespace = await asyncio.to_thread(cluster.create_namespace)
            wanted = deployment(namespace, "churn-api", replicas=3, image=cluster.image)
            await asyncio.to_thread(cluster.apply, wanted)
            environment = {"KUBECONFIG": str(cluster.kubeconfig)}
            return await _chapter(
                directory, environment, namespace, "its checks have asked a real Kubernetes API server"
            )
        finally:
            await asyncio.to_thread(cluster.stop)


async def _chapter(directory: Path, environment: dict[str, str], namespace: str, checks: str) -> Chapter:
    config = configuration(directory, ["churn"], namespace=namespace)
    async with slack_for(["churn"]) as slack, running_bot(directory, slack, config, environment) as bot:
        fresh = _resident(bot.program.pid)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{bot.url}/alerts", data=group(1, service="churn")) as answer,
        ):
            answer.raise_for_status()
        await _checked(slack, bot.url)
        await asyncio.sleep(SETTLING)
        resident, proportional = _resident(bot.program.pid), _proportional(bot.program.pid)
    return Chapter(
        title="Memory",
        how=f"The resident set (VmRSS) of `lightship run` {SETTLING:g} s after its first incident; {checks}.",
        figures=(
            Figure(
                name="idle after the first incident and check",
                found=f"{resident:.0f} MB",
                absolute=f"{proportional:.0f} MB of it proportionally (PSS), {fresh:.0f} MB after the start",
                goal=f"under {GOAL_MB} MB",
                met=resident < GOAL_MB,
            ),
        ),
    )


async def _checked(slack: SlackStandIn, url: str) -> None:
    """Wait until the incident is posted and its checks have ended, as the bot's own metrics say."""
    await slack.recording.until(lambda: slack.recording.of("chat.postMessage"), timeout=PATIENCE)
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/metrics") as answer:
                if re.search(r"^lightship_checks_total\{", await answer.text(), re.MULTILINE):
                    return
            await asyncio.sleep(0.2)


def _resident(pid: int) -> float:
    with _lines(f"/proc/{pid}/status") as lines:
        return next(_kilobytes(line) for line in lines if line.startswith("VmRSS:")) / MEGABYTE


def _proportional(pid: int) -> float:
    with _lines(f"/proc/{pid}/smaps_rollup") as lines:
        return next(_kilobytes(line) for line in lines if line.startswith("Pss:")) / MEGABYTE


@contextmanager
def _lines(path: str) -> Iterator[Iterator[str]]:
    with Path(path).open() as file:
        yield iter(file)


def _kilobytes(line: str) -> float:
    return float(line.split()[1]) * 1_024
