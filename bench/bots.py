"""The bot as the benchmarks start it: `lightship run` in a process of its own, with Slack's stand-in beside.

The stand-in runs in the benchmark's own process, whose event loop must therefore never be blocked.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from bench.load import TOKEN
from bot.console import SlackStandIn
from bot.console.values import App, Channel
from bot.console.workspace import Workspace
from tests.e2e.servers.lightship import Lightship
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

SECRET = "signing-secret-of-the-benchmark"  # noqa: S105 - of a stand-in that lives for seconds


def channel_of(service: str) -> str:
    """The id of a service's channel."""
    return f"C0{service.upper()}"


@asynccontextmanager
async def slack_for(services: Sequence[str]) -> AsyncIterator[SlackStandIn]:
    """Slack with a channel for each service and its rate limits on."""
    channels = [*services, "ops"]
    workspace = Workspace(
        channels=[
            Channel(id=channel_of(name), name=name, members=frozenset({App().bot_user_id}))
            for name in channels
        ]
    )
    async with SlackStandIn(workspace, signing_secret=SECRET) as slack:
        yield slack


def configuration(directory: Path, services: Sequence[str], *, namespace: str = "churn-mlops") -> Path:
    """A configuration file of these services with the shipped runbooks, each with a channel of its own."""
    wanted = {
        "default_channel": channel_of("ops"),
        "runbooks": [str(REPOSITORY / "runbooks")],
        "services": {
            name: {
                "channel": channel_of(name),
                "command": f"/{name}",
                "match": [f'service="{name}"'],
                "kubernetes": {"namespace": namespace, "deployment": "churn-api"},
                "metrics": _metrics(),
            }
            for name in services
        },
    }
    file = directory / "lightship.yaml"
    with file.open("w") as stream:
        YAML(typ="safe").dump(wanted, stream)
    return file


def environment_for(slack: SlackStandIn, directory: Path) -> dict[str, str]:
    """What the bot is told, with an empty SQLite store in the directory."""
    return {
        "SLACK_BOT_TOKEN": slack.workspace.app.bot_token,
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": slack.api_url,
        "LIGHTSHIP_WEBHOOK_TOKEN": TOKEN,
        "LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{directory / 'lightship.db'}",
    }


@asynccontextmanager
async def running_bot(
    directory: Path, slack: SlackStandIn, config: Path, more: Mapping[str, str] | None = None
) -> AsyncIterator[Lightship]:
    """The bot, ready; at the end it is killed, what it has still to do is of no interest."""
    given = {**environment_for(slack, directory), "LIGHTSHIP_CONFIG": str(config), **(more or {})}
    bot = Lightship(directory, given)
    await asyncio.to_thread(bot.start)
    try:
        yield bot
    finally:
        await asyncio.to_thread(bot.program.kill)


def _metrics() -> dict[str, dict[str, str]]:
    """The metrics that the shipped runbooks name; Prometheus is not there to answer them."""
    shipped = YAML(typ="safe").load((REPOSITORY / "lightship.yaml").read_text())
    return {name: {"query": "vector(1)"} for name in shipped["services"]["churn"]["metrics"]}
