"""`lightship rehearse`: whether the runbooks do what their rehearsals say, before a night needs them."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.adapters.runbook_files import ACTIONS, load_runbooks
from bot.cli.options import config_option, show_faults
from bot.domain.errors import LightshipError
from bot.logs import set_up_logging
from bot.rehearsal.scenarios.knowing import knowledge_of
from bot.rehearsal.scenarios.loading import load_scenarios
from bot.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook
    from bot.playing.playing import Rehearsed
    from bot.playing.reporting import Played
    from bot.rehearsal.scenarios.loading import Scenario


@click.command(
    epilog="\b\nExamples:\n  lightship rehearse\n  lightship rehearse runbooks/rehearsals/api-down.yaml\n"
    "  lightship rehearse --junit rehearsals.xml"
)
@config_option
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the results as JUnit XML.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the table.")
def rehearse(config: Path, paths: tuple[Path, ...], junit: Path | None, as_json: bool) -> None:
    """Play the rehearsals of the runbooks, or those of the files and folders named.

    Each runs the whole bot against a world in memory on a virtual clock. Prints a table, and for each one
    that fails what was expected, what happened and the message; exits with 1 then.
    """
    from bot.playing.reporting import as_object, failure, junit_xml, table  # noqa: PLC0415 - not for --help

    set_up_logging(log_format="console", level=os.environ.get("LIGHTSHIP_LOG_LEVEL", "error"))
    loaded = load_settings(config, os.environ)
    runbooks = load_runbooks(loaded.runbook_folders)
    faults: list[Fault] = [*loaded.faults, *runbooks.faults]
    if loaded.settings is None or faults:
        show_faults(faults)
        sys.exit(1)
    knowledge = knowledge_of(runbooks.runbooks, loaded.settings, actions=ACTIONS)
    scenarios = load_scenarios(paths or loaded.runbook_folders, knowledge)
    if scenarios.faults:
        show_faults(scenarios.faults)
        sys.exit(1)
    if not scenarios.scenarios:
        click.echo("lightship rehearse: there are no rehearsals; write one in runbooks/rehearsals/", err=True)
        sys.exit(1)
    played = play_all(scenarios.scenarios, config=config, environ=os.environ, runbooks=runbooks.runbooks)
    if junit is not None:
        junit.write_text(junit_xml(played), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(as_object(played), indent=2, ensure_ascii=False))
    else:
        for one in played:
            if not one.passed:
                click.echo(failure(one))
        click.echo(table(played))
    sys.exit(0 if all(one.passed for one in played) else 1)


def play_all(
    scenarios: Sequence[Scenario],
    *,
    config: Path,
    environ: Mapping[str, str],
    runbooks: Sequence[Runbook],
    timer: Callable[[], float] = time.perf_counter,
) -> tuple[Played, ...]:
    """Play one after the other; what goes wrong with one is told of that one."""
    from bot.playing.playing import rehearse as play  # noqa: PLC0415 - it loads the whole bot
    from bot.playing.reporting import Played  # noqa: PLC0415 - likewise

    played = []
    for scenario in scenarios:
        began = timer()
        rehearsed: Rehearsed | None = None
        error = ""
        loaded = load_settings(config, {**environ, **scenario.environment})
        if loaded.settings is None:
            error = "; ".join(str(fault) for fault in loaded.faults)
        else:
            try:
                rehearsed = play(scenario, settings=loaded.settings, runbooks=runbooks)
            except LightshipError as wrong:
                error = str(wrong)
        played.append(Played(scenario=scenario, rehearsed=rehearsed, error=error, seconds=timer() - began))
    return tuple(played)
