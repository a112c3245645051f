"""`lightship demo`: the bot as it is, with a console in Slack's place and a rehearsed world in the cluster's.

Only this command knows the console and the world. The bot talks to the one by SLACK_API_URL and gets its
webhooks from the other by HTTP, as from the real ones.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
import webbrowser
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import click
from pydantic import SecretStr

from bot.adapters.clock import RandomIds, SystemClock
from bot.adapters.models import MlflowAliases, MlflowModels
from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import Surroundings, make_outside
from bot.cli.demo_mlflow import DemoMlflow
from bot.cli.options import unused_config_option
from bot.cli.serving import explain, serving, until_told
from bot.console.demo import demo_commands, demo_workspace
from bot.console.server import SlackStandIn
from bot.console.values import Word
from bot.domain.errors import LightshipError
from bot.logs import set_up_logging
from bot.rehearsal.alertmanager import play
from bot.rehearsal.churn import churn_world
from bot.settings import load_settings, read_environment
from bot.shipped import shipped
from handlers.command_words import WORDS

if TYPE_CHECKING:
    from bot.rehearsal.world import World
    from bot.settings import Environment

DEFAULT_PORT = 8765
_IN_THE_WORLD = {"LIGHTSHIP_SERVICES__CHURN__KUBERNETES__HPA": "null"}
"""What the shipped configuration names and the world has not."""
SCENARIOS = {"high-api-latency": churn_world}
"""What can be played, by name."""


@click.command(epilog="\b\nExamples:\n  lightship demo\n  lightship demo --port 9000 --no-browser")
@click.option(
    "--scenario",
    type=click.Choice(sorted(SCENARIOS)),
    default="high-api-latency",
    show_default=True,
    help="What happens in the world.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="Of the console."
)
@unused_config_option
@click.option("--no-browser", is_flag=True, help="Only print the console's address.")
def demo(scenario: str, port: int, no_browser: bool) -> None:
    """Start the bot in an embedded world and open an incident.

    Nothing outside of this machine is touched. Ends on Ctrl-C; what it kept is deleted then.
    """
    set_up_logging(log_format="console", level=os.environ.get("LIGHTSHIP_LOG_LEVEL", "warning"))
    with tempfile.TemporaryDirectory(prefix="lightship-demo-") as folder:
        environment = _environment(Path(folder))
        try:
            sys.exit(asyncio.run(_demo(scenario, port, environment, Path(folder), browser=not no_browser)))
        except OSError as error:
            click.echo(f"lightship demo: port {port}: {error.strerror or error}; try --port 0", err=True)
            sys.exit(1)
        except LightshipError as error:
            click.echo(f"lightship demo: {explain(error, environment)}", err=True)
            sys.exit(1)


def completions() -> list[Word]:
    """The words that the bot has, for the console to complete."""
    return [
        Word(word=one.word, hint=one.usage.removeprefix(one.word).strip(), description=one.does)
        for one in WORDS
    ]


async def _demo(scenario: str, port: int, environment: Environment, folder: Path, *, browser: bool) -> int:
    secret = environment.slack_signing_secret
    assert secret is not None  # noqa: S101 - made below
    async with AsyncExitStack() as stack:
        console = SlackStandIn(
            demo_workspace(),
            signing_secret=secret.get_secret_value(),
            commands=demo_commands(completions()),
            port=port,
        )
        await stack.enter_async_context(console)
        environment = replace(
            environment,
            slack_api_url=console.api_url,
            slack_bot_token=SecretStr(console.workspace.app.bot_token),
        )
        mlflow = await stack.enter_async_context(DemoMlflow(folder))
        world = SCENARIOS[scenario](SystemClock(), RandomIds())
        lightship = _assemble(environment, world, mlflow)
        server = await stack.enter_async_context(serving(lightship, environment))
        console.delivery.events_url = f"http://127.0.0.1:{server.port}/slack/events"
        playing = asyncio.create_task(_play(world, server.port, environment))
        stack.callback(playing.cancel)
        _announce(console.base_url, server.port, mlflow)
        if browser and sys.stdout.isatty():
            await asyncio.to_thread(webbrowser.open, f"{console.base_url}/")
        await until_told()
    return 0


def _environment(folder: Path) -> Environment:
    """The demo's own environment: nothing of the user's Slack, cluster or store is taken over."""
    environment, _ = read_environment({})
    return replace(
        environment,
        slack_signing_secret=SecretStr(secrets.token_hex(16)),
        webhook_token=SecretStr(secrets.token_hex(16)),
        database_url=SecretStr(f"sqlite+aiosqlite:///{folder / 'lightship.db'}"),
        http_port=0,
    )


def _assemble(environment: Environment, world: World, mlflow: DemoMlflow) -> Lightship:
    loaded = load_settings(shipped("lightship.yaml"), _IN_THE_WORLD)
    runbooks = load_runbooks([shipped("runbooks")])
    if loaded.settings is None or runbooks.faults:
        raise click.ClickException("the shipped configuration is damaged; run `lightship check`")
    models = MlflowModels(mlflow.tracking_uri)
    surroundings = Surroundings(
        readers=replace(world.readers, models=models),
        planner=world.planner,
        writers=replace(world.writers, models=MlflowAliases(models)),
        silencer=world.alertmanager,
        close=(models.close,),
    )
    outside = make_outside(environment, surroundings)
    return Lightship(settings=loaded.settings, runbooks=runbooks.runbooks, outside=outside)


async def _play(world: World, port: int, environment: Environment) -> None:
    """Post the world's webhooks to the bot, as Alertmanager would."""
    token = environment.webhook_token.get_secret_value() if environment.webhook_token else ""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as session:

        async def send(payload: dict[str, Any]) -> bool:
            try:
                async with session.post(f"http://127.0.0.1:{port}/alerts", json=payload) as answer:
                    return answer.ok
            except (aiohttp.ClientError, TimeoutError):
                return False

        await play(world.dispatcher(), clock=world.clock, alerts=world.alerts, send=send)


def _announce(address: str, port: int, mlflow: DemoMlflow) -> None:
    click.echo(f"Console:  {click.style(address + '/', bold=True, underline=True)}")
    click.echo(f"Bot:      http://127.0.0.1:{port}/readyz (and /metrics)")
    click.echo(f"MLflow:   {mlflow.words}")
    click.echo(
        "\nAn incident arrives in #churn in a few seconds. Read it, press a check, ask for the scaling,"
    )
    click.echo("become Bob (top right) and approve it; the latency falls and the incident resolves.")
    click.echo("Ctrl-C ends the demo.")
