"""How long `lightship run` takes to be ready, against the import of its libraries. Goal 3, first half."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.bots import environment_for, slack_for
from bench.figures import Chapter, Figure, at_most
from tests.e2e.servers.lightship import LIGHTSHIP
from tests.e2e.servers.programs import REPOSITORY, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

GOAL: Final = 1.3
PATIENCE: Final = 60.0
POLL: Final = 0.01
LIBRARIES: Final = (
    "aiohttp.web",
    "aiosqlite",
    "apscheduler.schedulers.asyncio",
    "click",
    "jinja2.sandbox",
    "prometheus_client",
    "pydantic",
    "ruamel.yaml",
    "slack_bolt.adapter.aiohttp",
    "slack_bolt.async_app",
    "slack_sdk.web.async_client",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.ext.asyncio",
    "structlog",
)
"""What others wrote and the bot imports before it is ready, as it imports it."""
OWN: Final = ("bot.cli.running", "bot.bootstrap.assembly", "bot.bootstrap.outside", "bot.cli.serving")
"""The modules of the bot that it imports for it, which bring the libraries with them."""


async def starting(rounds: int) -> Chapter:
    """In turns: the libraries, the bot's own modules with them, the bot; the store is there already."""
    libraries: list[float] = []
    modules: list[float] = []
    ready: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        async with slack_for(["churn"]) as slack:
            environment = environment_for(slack, directory)
            environment["LIGHTSHIP_CONFIG"] = str(REPOSITORY / "lightship.yaml")
            for turn in range(rounds + 1):  # the first fills the caches and makes the store
                took = (
                    await asyncio.to_thread(_importing, LIBRARIES),
                    await asyncio.to_thread(_importing, OWN),
                    await asyncio.to_thread(_ready, environment, directory),
                )
                if turn:
                    for samples, seconds in zip((libraries, modules, ready), took, strict=True):
                        samples.append(seconds)
    ratios = [mine / bare for mine, bare in zip(ready, modules, strict=True)]
    of_others = [mine / bare for mine, bare in zip(ready, libraries, strict=True)]
    return Chapter(
        title="Start",
        how="From the start of the process `lightship run` (shipped configuration and runbooks, an existing "
        "SQLite store) to a 200 from `/readyz`, against a process that only imports the modules that it "
        f"runs, with the libraries that they bring ({', '.join(f'`{name}`' for name in OWN)}); "
        "and, to compare, against other people's libraries alone "
        f"({', '.join(f'`{name}`' for name in LIBRARIES)}).",
        figures=(
            at_most(
                "ready, against the bare import of what it runs",
                ratios,
                GOAL,
                absolute=f"{median(ready):.2f} s against {median(modules):.2f} s",
            ),
            Figure(
                name="ready, against the bare import of other people's libraries alone",
                found=f"{median(of_others):.2f}",
                absolute=f"{median(ready):.2f} s against {median(libraries):.2f} s",
            ),
        ),
    )


def _importing(names: tuple[str, ...]) -> float:
    """Seconds that a process takes which imports those and ends at once, without tidying up."""
    code = f"import os, {', '.join(names)}; os._exit(0)"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, timeout=PATIENCE)  # noqa: S603
    return time.perf_counter() - began


def _ready(environment: Mapping[str, str], directory: Path) -> float:
    """Seconds from the start of the bot to its first 200 from /readyz."""
    port = free_port()
    given = {**environment, "LIGHTSHIP_HTTP_PORT": str(port), "PATH": os.environ.get("PATH", "")}
    with (directory / "starting.log").open("ab") as log:
        began = time.perf_counter()
        bot = subprocess.Popen([LIGHTSHIP, "run"], env=given, stdout=log, stderr=log)  # noqa: S603 - it is ours
    try:
        while not _is_ready(port):
            if bot.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise RuntimeError(
                    f"the bot was not ready: {(directory / 'starting.log').read_text()[-2_000:]}"
                )
            time.sleep(POLL)
        return time.perf_counter() - began
    finally:
        bot.kill()
        bot.wait()


def _is_ready(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        link.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 200 " in link.recv(64)
    return False
