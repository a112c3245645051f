"""`lightship doctor`: is everything there that the configuration needs, and what mends it where not."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.drill_arriving import try_alert
from bot.cli.drill_making import Ready, runbook_names
from bot.cli.options import config_option, show_faults
from bot.cli.progress import waiting
from bot.domain.durations import DurationError, parse_duration
from bot.domain.errors import LightshipError
from bot.domain.examinations import Examination, Health, fault, well
from bot.settings import load_settings, read_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.settings import Environment, Settings

_MARKS: Final = {
    Health.WELL: ("ok", "green"),
    Health.WARNING: ("warning", "yellow"),
    Health.FAULT: ("FAULT", "red"),
    Health.SKIPPED: ("-", "bright_black"),
}


class DurationType(click.ParamType[timedelta]):
    """A length of time, as everywhere in the configuration."""

    name = "DURATION"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it, or say what one looks like."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except DurationError as error:
            self.fail(str(error), param, ctx)


@click.command(
    epilog="\b\nExamples:\n  lightship doctor\n  lightship doctor --config deploy/lightship.yaml --json\n"
    "  lightship doctor --send --within 2m"
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--send", is_flag=True, help="Then send a test alert through Alertmanager, a drill, and wait for it."
)
@click.option(
    "--within",
    type=DurationType(),
    default="1m",
    show_default=True,
    help="With --send: how long to wait. Alertmanager waits itself for the group_wait of its route.",
)
@click.option(
    "--runbook",
    default="",
    metavar="NAME",
    shell_complete=runbook_names,
    help="With --send: whose alert to send; the first that fits unless said.",
)
@click.option("--yes", is_flag=True, help="With --send: do not ask.")
def doctor(  # noqa: PLR0917 - click hands them over by name
    config: Path, as_json: bool, send: bool, within: timedelta, runbook: str, yes: bool
) -> None:
    """Ask every dependency whether it is reachable and permits what is configured.

    Changes nothing, and sends an alert only with --send: a drill, after saying which receivers of
    Alertmanager it reaches. A table, each fault with the line that mends it; exit code 1 if there is a fault.
    """
    if not send and (runbook or yes):
        raise click.UsageError("--runbook and --yes are for --send")
    environment, faults = read_environment(os.environ)
    loaded = load_settings(config, os.environ)
    if loaded.settings is None or faults or loaded.faults:
        show_faults((*faults, *loaded.faults))
        sys.exit(1)
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings))
    found = [_configuration(len(runbooks.faults), len(runbooks.runbooks))]
    found += asyncio.run(_examine(environment, loaded.settings))
    for line in map(_json, found) if as_json else rows(found):
        click.echo(line)
    if send:
        ready = Ready(environment=environment, settings=loaded.settings, runbooks=runbooks.runbooks)
        tried = asyncio.run(try_alert(ready, runbook, within=within, ask=not yes, aside=as_json))
        for line in (_json(tried),) if as_json else rows([tried], beside=found):
            click.echo(line)
        found.append(tried)
    if not as_json:
        click.echo(summary(found))
    sys.exit(1 if any(one.health is Health.FAULT for one in found) else 0)


async def _examine(environment: Environment, settings: Settings) -> list[Examination]:
    # Imported here: `--help` and a fault in the configuration need none of it.
    with waiting("Loading") as say:
        from bot.bootstrap.examining import examine  # noqa: PLC0415 - said above
        from bot.bootstrap.outside import make_outside, real_surroundings  # noqa: PLC0415 - said above
        from bot.bootstrap.services import watched_services  # noqa: PLC0415 - said above

        try:
            outside = make_outside(environment, real_surroundings(environment))
        except LightshipError as error:
            return [fault("store", str(error), "mend LIGHTSHIP_DATABASE_URL")]

        def tell(silent: Sequence[str]) -> None:
            say(f"Waiting for {', '.join(silent)}" if silent else "Closing")

        try:
            services = watched_services(settings)
            return list(await examine(settings, environment, outside, services, progress=tell))
        finally:
            for close in outside.close:
                await close()


def _configuration(faults: int, runbooks: int) -> Examination:
    if faults:
        return fault("configuration", f"{faults} faults in the runbooks", "`lightship check` names them")
    return well("configuration", f"right, with {runbooks} runbook{'' if runbooks == 1 else 's'}")


def table(found: Sequence[Examination]) -> str:
    """One line each, under a fault what mends it, and the sum of it."""
    return "\n".join((*rows(found), summary(found)))


def rows(found: Sequence[Examination], *, beside: Sequence[Examination] = ()) -> list[str]:
    """One line each, and under a fault what mends it; in the columns of what stands beside them."""
    width = max((len(one.name) for one in (*found, *beside)), default=0)
    lines = []
    for one in found:
        word, colour = _MARKS[one.health]
        lines.append(f"{click.style(f'{word:<8}', fg=colour)} {one.name:<{width}}  {one.said}")
        if one.mend and one.health in {Health.FAULT, Health.WARNING}:
            lines.append(f"{'':<8} {'':<{width}}  → {one.mend}")
    return lines


def summary(found: Sequence[Examination]) -> str:
    """How many faults, or that there is none."""
    faults = sum(one.health is Health.FAULT for one in found)
    if not faults:
        return click.style("Everything that is configured works.", fg="green")
    return click.style(f"{faults} fault{'' if faults == 1 else 's'}.", fg="red")


def _json(one: Examination) -> str:
    return json.dumps({"name": one.name, "health": one.health.value, "said": one.said, "mend": one.mend})
