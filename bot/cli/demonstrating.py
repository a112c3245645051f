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
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import click
from pydantic import SecretStr

from bot.adapters.clock import OrderedIds, SystemClock
from bot.adapters.models import MlflowAliases, MlflowModels
from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import Surroundings, make_outside
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.demo_knowledge import Known
from bot.cli.demo_mlflow import DemoMlflow
from bot.cli.options import show_faults
from bot.cli.reloading import keep_runbooks
from bot.cli.serving import explain, serving, until_told
from bot.console.demo import demo_commands, demo_workspace
from bot.console.server import SlackStandIn
from bot.console.values import Word
from bot.domain.errors import LightshipError
from bot.domain.words import did_you_mean
from bot.logs import set_up_logging
from bot.playing.stages import SHORT, fires_after, service_of, stage_of
from bot.rehearsal.alertmanager import play
from bot.rehearsal.scenarios.knowing import Knowledge
from bot.rehearsal.scenarios.loading import load_scenarios
from bot.settings import load_settings, read_environment
from bot.shipped import shipped
from handlers.command_words import WORDS

if TYPE_CHECKING:
    from bot.bootstrap.outside import Outside
    from bot.domain.runbooks import Runbook
    from bot.rehearsal.scenarios.loading import Scenario
    from bot.rehearsal.scenarios.staging import Stage
    from bot.settings import Environment, Settings

DEFAULT_PORT = 8765
RELOAD_SECONDS = 2.0
"""Whoever tries a runbook out waits before the screen."""
DEFAULT_SCENARIO = "latency-high-traffic"
_BEFORE_THE_ALERT = timedelta(seconds=5)
"""How long the world is watched before its alert fires."""


@click.command(
    epilog="\b\nExamples:\n  lightship demo\n  lightship demo --scenario errors-bad-release\n"
    "  lightship demo --port 9000 --no-browser\n"
    "  lightship demo --config deploy/lightship.yaml"
)
@click.option(
    "--scenario",
    metavar="NAME",
    help=f"What happens in the world: the name of a rehearsal.  [default: {DEFAULT_SCENARIO}, or the first]",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="Of the console."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A configuration with runbooks and rehearsals of its own; the shipped one when not given.",
)
@click.option("--no-browser", is_flag=True, help="Only print the console's address.")
def demo(scenario: str | None, port: int, config: Path | None, no_browser: bool) -> None:
    """Start the bot in an embedded world and open an incident.

    Nothing outside of this machine is touched. Ends on Ctrl-C; what it kept is deleted then.
    """
    set_up_logging(log_format="console", level=os.environ.get("LIGHTSHIP_LOG_LEVEL", "warning"))
    shown = _shown(config, scenario)
    with tempfile.TemporaryDirectory(prefix="lightship-demo-") as folder:
        environment = _environment(Path(folder))
        try:
            sys.exit(asyncio.run(_demo(shown, port, environment, Path(folder), browser=not no_browser)))
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


async def _demo(shown: Shown, port: int, environment: Environment, folder: Path, *, browser: bool) -> int:
    secret = environment.slack_signing_secret
    assert secret is not None  # noqa: S101 - made below
    async with AsyncExitStack() as stack:
        console = SlackStandIn(
            demo_workspace(settings=shown.settings),
            signing_secret=secret.get_secret_value(),
            commands=demo_commands(completions(), shown.settings),
            port=port,
        )
        await stack.enter_async_context(console)
        environment = replace(
            environment,
            slack_api_url=console.api_url,
            slack_bot_token=SecretStr(console.workspace.app.bot_token),
        )
        mlflow = await stack.enter_async_context(
            DemoMlflow(folder, model=shown.model[0], alias=shown.model[1])
        )
        stage = _stage(shown.scenario, shown.settings)
        lightship = Lightship(
            settings=shown.settings, runbooks=shown.runbooks, outside=_outside(environment, stage, mlflow)
        )
        console.knowing = Known(lightship)
        server = await stack.enter_async_context(serving(lightship, environment))
        console.delivery.events_url = f"http://127.0.0.1:{server.port}/slack/events"
        playing = asyncio.create_task(_play(stage, server.port, environment))
        stack.callback(playing.cancel)
        reloading = asyncio.create_task(
            keep_runbooks(lightship, shown.folders, every=RELOAD_SECONDS), name="reloading"
        )
        stack.callback(reloading.cancel)
        _announce(console.base_url, server.port, mlflow, shown)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is demonstrated: a scenario with the configuration and the runbooks that it plays with."""

    scenario: Scenario
    settings: Settings
    runbooks: tuple[Runbook, ...]
    folders: tuple[Path, ...]

    @property
    def service(self) -> str:
        """The service whose channel the incident comes to."""
        return service_of(self.scenario, self.settings).name

    @property
    def model(self) -> tuple[str, str]:
        """The first model of a service and its alias; empty texts where no service has one."""
        models = [one.model for one in self.settings.services.values() if one.model]
        return (models[0].name, models[0].alias) if models else ("", "")


def _shown(config: Path | None, name: str | None) -> Shown:
    """The rehearsal of that name with its configuration; a usage error where there is none, 1 for faults."""
    path = config or shipped("lightship.yaml")
    found = load_settings(path, {})
    if found.settings is None:
        show_faults(found.faults)
        sys.exit(1)
    folders = found.runbook_folders if config else (shipped("runbooks"),)
    loaded = load_scenarios(folders, Knowledge())
    known = {one.name: one for one in loaded.scenarios}
    wanted = name or (DEFAULT_SCENARIO if config is None else next(iter(sorted(known)), ""))
    if wanted not in known:
        told = did_you_mean(wanted, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
        raise click.BadParameter(f"there is no scenario `{wanted[:60]}`{told}", param_hint="--scenario")
    scenario = known[wanted]
    settings = load_settings(path, scenario.environment)
    runbooks = load_runbooks(folders, vocabulary_of(settings.settings))
    if settings.settings is None or runbooks.faults or loaded.faults:
        show_faults((*settings.faults, *runbooks.faults, *loaded.faults))
        sys.exit(1)
    return Shown(
        scenario=scenario, settings=settings.settings, runbooks=runbooks.runbooks, folders=tuple(folders)
    )


def _stage(scenario: Scenario, settings: Settings) -> Stage:
    """The scenario's world in real time, shortly before its alert fires."""
    begin = max(fires_after(scenario, settings) - _BEFORE_THE_ALERT, timedelta(0))
    begun = replace(scenario, file=scenario.file.model_copy(update={"begin": begin}))
    stage = stage_of(begun, settings, SystemClock(), OrderedIds())
    stage.catch_up(every=SHORT)
    return stage


def _outside(environment: Environment, stage: Stage, mlflow: DemoMlflow) -> Outside:
    world = stage.world
    models = MlflowModels(mlflow.tracking_uri)
    surroundings = Surroundings(
        readers=replace(world.readers, models=models),
        planner=world.planner,
        writers=replace(world.writers, models=MlflowAliases(models)),
        silencer=world.alertmanager,
        close=(models.close,),
        drift=world.drift if stage.tells_drift else None,
    )
    return make_outside(environment, surroundings)


async def _play(stage: Stage, port: int, environment: Environment) -> None:
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

        await play(stage.world.dispatcher(), clock=stage.world.clock, step=stage.step, send=send)


def _announce(address: str, port: int, mlflow: DemoMlflow, shown: Shown) -> None:
    click.echo(f"Console:  {click.style(address + '/', bold=True, underline=True)}")
    click.echo(f"Bot:      http://127.0.0.1:{port}/readyz (and /metrics)")
    click.echo(f"MLflow:   {mlflow.words}")
    click.echo(f"Scenario: {shown.scenario.name}: {shown.scenario.file.title}")
    folders = ", ".join(map(str, shown.folders))
    click.echo(f"Runbooks: {folders} (change one, and it is loaded)")
    click.echo(
        f"\nAn incident arrives in #{shown.service} in a few seconds. Read it, press a check, ask for what"
    )
    click.echo(
        "mends it, become Bob (top right) and approve it; the world gets well and the incident resolves."
    )
    click.echo("Ctrl-C ends the demo.")
