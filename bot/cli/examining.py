"""`lightship doctor`: is everything there that the configuration needs, and what mends it where not."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.options import config_option, show_faults
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


@click.command(
    epilog="\b\nExamples:\n  lightship doctor\n  lightship doctor --config deploy/lightship.yaml --json"
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(config: Path, as_json: bool) -> None:
    """Ask every dependency whether it is reachable and permits what is configured.

    Changes nothing. A table, each fault with the line that mends it; exit code 1 if there is a fault.
    """
    environment, faults = read_environment(os.environ)
    loaded = load_settings(config, os.environ)
    if loaded.settings is None or faults or loaded.faults:
        show_faults((*faults, *loaded.faults))
        sys.exit(1)
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings))
    found = [_configuration(len(runbooks.faults), len(runbooks.runbooks))]
    found += asyncio.run(_examine(environment, loaded.settings))
    click.echo("\n".join(_json(one) for one in found) if as_json else table(found))
    sys.exit(1 if any(one.health is Health.FAULT for one in found) else 0)


async def _examine(environment: Environment, settings: Settings) -> list[Examination]:
    # Imported here: `--help` and a fault in the configuration need none of it.
    from bot.bootstrap.examining import examine  # noqa: PLC0415 - said above
    from bot.bootstrap.outside import make_outside, real_surroundings  # noqa: PLC0415 - said above
    from bot.bootstrap.services import watched_services  # noqa: PLC0415 - said above

    try:
        outside = make_outside(environment, real_surroundings(environment))
    except LightshipError as error:
        return [fault("store", str(error), "mend LIGHTSHIP_DATABASE_URL")]
    try:
        return list(await examine(settings, environment, outside, watched_services(settings)))
    finally:
        for close in outside.close:
            await close()


def _configuration(faults: int, runbooks: int) -> Examination:
    if faults:
        return fault("configuration", f"{faults} faults in the runbooks", "`lightship check` names them")
    return well("configuration", f"right, with {runbooks} runbook{'' if runbooks == 1 else 's'}")


def table(found: Sequence[Examination]) -> str:
    """One line each, and under a fault what mends it."""
    width = max((len(one.name) for one in found), default=0)
    lines = []
    for one in found:
        word, colour = _MARKS[one.health]
        lines.append(f"{click.style(f'{word:<8}', fg=colour)} {one.name:<{width}}  {one.said}")
        if one.mend and one.health in {Health.FAULT, Health.WARNING}:
            lines.append(f"{'':<8} {'':<{width}}  → {one.mend}")
    faults = sum(one.health is Health.FAULT for one in found)
    lines.append(
        click.style(f"{faults} fault{'' if faults == 1 else 's'}.", fg="red")
        if faults
        else click.style("Everything that is configured works.", fg="green")
    )
    return "\n".join(lines)


def _json(one: Examination) -> str:
    return json.dumps({"name": one.name, "health": one.health.value, "said": one.said, "mend": one.mend})
