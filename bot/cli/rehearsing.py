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
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli import loading
from bot.cli.options import config_option, show_faults
from bot.cli.progress import progress_bar, waiting
from bot.logs import set_up_logging
from bot.rehearsal.scenarios.knowing import knowledge_of
from bot.rehearsal.scenarios.loading import FOLDER, load_scenarios, rehearsals_of
from bot.settings import load_settings

if TYPE_CHECKING:
    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook
    from bot.rehearsal.scenarios.loading import Scenario


@click.command(
    epilog="\b\nExamples:\n  lightship rehearse\n  lightship rehearse runbooks/rehearsals/crash-probe.yaml\n"
    "  lightship rehearse runbooks/api-down.yaml\n"
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
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many to play at the same time; as many as there are cores unless said.",
)
def rehearse(
    config: Path, paths: tuple[Path, ...], junit: Path | None, as_json: bool, at_once: int | None
) -> None:
    """Play the rehearsals of the runbooks, or those of the files and folders named.

    A runbook's own file means all rehearsals of that runbook.
    Each runs the whole bot against a world in memory on a virtual clock. Prints a table, and for each one
    that fails what was expected, what happened and the message; exits with 1 then.
    """
    with loading():
        with waiting("Loading"):
            from bot.playing.reporting import as_object, failure, junit_xml, table  # noqa: PLC0415 - not for --help
            from bot.playing.together import bill_of, cores, play_all  # noqa: PLC0415 - it loads the whole bot

        set_up_logging(log_format="console", level=os.environ.get("LIGHTSHIP_LOG_LEVEL", "error"))
        runbooks, scenarios = _read(config, paths)
    began = time.perf_counter()
    bill = bill_of(scenarios, config=config, environ=os.environ, runbooks=runbooks)
    with progress_bar(len(scenarios), "Playing") as progress:
        played = play_all(bill, at_once=at_once or cores(), progress=progress)
    took = time.perf_counter() - began
    if junit is not None:
        _write(junit, junit_xml(played))
    if as_json:
        click.echo(json.dumps(as_object(played), indent=2, ensure_ascii=False))
    else:
        for one in played:
            if not one.passed:
                click.echo(failure(one))
        click.echo(table(played, took=took))
    sys.exit(0 if all(one.passed for one in played) else 1)


def _read(config: Path, paths: tuple[Path, ...]) -> tuple[tuple[Runbook, ...], tuple[Scenario, ...]]:
    """The runbooks and the rehearsals that are meant; ends the command where something is wrong with them."""
    loaded = load_settings(config, os.environ)
    runbooks = load_runbooks(loaded.runbook_folders, vocabulary_of(loaded.settings))
    faults: list[Fault] = [*loaded.faults, *runbooks.faults]
    if loaded.settings is None or faults:
        show_faults(faults)
        sys.exit(1)
    knowledge = knowledge_of(runbooks.runbooks, loaded.settings, actions=ACTIONS)
    # A folder of runbooks without rehearsals is not one of rehearsals that are wrong.
    beside = tuple(folder / FOLDER for folder in loaded.runbook_folders if (folder / FOLDER).is_dir())
    meant = _meant(paths, runbooks.runbooks) if paths else beside
    scenarios = load_scenarios(meant, knowledge)
    if scenarios.faults:
        show_faults(scenarios.faults)
        sys.exit(1)
    for service in sorted(set(scenarios.left_out.values())):
        names = [name for name, about in scenarios.left_out.items() if about == service]
        click.echo(f"left out, as no service `{service}` is configured: {', '.join(names)}", err=True)
    if not scenarios.scenarios:
        click.echo("lightship rehearse: there are no rehearsals; write one in runbooks/rehearsals/", err=True)
        sys.exit(1)
    return runbooks.runbooks, scenarios.scenarios


def _meant(paths: tuple[Path, ...], runbooks: tuple[Runbook, ...]) -> tuple[Path, ...]:
    """The paths with the files of runbooks replaced by those of their rehearsals."""
    names = {Path(one.source).resolve(): one.name for one in runbooks}
    meant: dict[Path, None] = {}
    for path in paths:
        name = names.get(path.resolve())
        meant |= dict.fromkeys(rehearsals_of(name, file=path) if name else (path,))
    return tuple(meant)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"lightship rehearse: {file} cannot be written: {error.strerror}", err=True)
        sys.exit(1)
