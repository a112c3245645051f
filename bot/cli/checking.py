"""`lightship check`: all that is wrong with configuration, runbooks and rehearsals, before it matters."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.adapters.runbook_files import ACTIONS, RunbookLoader
from bot.bootstrap.runbooks import vocabulary_of
from bot.cli.options import config_option, json_option, show_faults
from bot.documents import read_document
from bot.extensions import install
from bot.rehearsal.scenarios.knowing import knowledge_of
from bot.rehearsal.scenarios.loading import FOLDER, ScenarioLoader, is_rehearsal
from bot.settings import Settings, load_settings, read_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook


@dataclass(slots=True)
class Review:
    """What a check found: the faults, and what was right."""

    faults: list[Fault] = field(default_factory=list)
    services: int = 0
    runbooks: int = 0
    rehearsals: int = 0

    def as_object(self) -> dict[str, object]:
        """For programs: what was right, and each fault with its place."""
        return {
            "services": self.services,
            "runbooks": self.runbooks,
            "rehearsals": self.rehearsals,
            "faults": [asdict(fault) for fault in self.faults],
        }

    @property
    def summary(self) -> str:
        """One line for when all is right."""
        parts = []
        if self.services:
            parts.append(_counted(self.services, "service"))
        parts.append(_counted(self.runbooks, "runbook"))
        if self.rehearsals:
            parts.append(_counted(self.rehearsals, "rehearsal"))
        return f"All is right: {', '.join(parts)}."


@click.command(
    epilog="\b\nExamples:\n  lightship check\n  lightship check runbooks/high-api-latency.yaml\n"
    "  lightship check --config deploy/lightship.yaml\n  lightship check --explain\n  lightship check --json"
)
@config_option
@click.option("--explain", is_flag=True, help="Say in words what the policy allows, and who approves it.")
@json_option
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
def check(config: Path, paths: tuple[Path, ...], explain: bool, as_json: bool) -> None:
    """Validate the configuration, its runbooks and their rehearsals, or the files and folders named.

    Prints every fault in a line of its own, `file:line:column: message`, and exits with 1 if there is one.
    """
    review = review_paths(paths, os.environ) if paths else review_configuration(config, os.environ)
    review.faults += install().faults
    if as_json:
        click.echo(json.dumps(review.as_object(), indent=2, ensure_ascii=False))
        sys.exit(1 if review.faults else 0)
    show_faults(review.faults)
    if review.faults:
        click.echo(click.style(f"{_counted(len(review.faults), 'fault')}.", fg="red"), err=True)
        sys.exit(1)
    click.echo(click.style(review.summary, fg="green"))
    if explain:
        for line in _policies(config, os.environ):
            click.echo(line)


def _policies(config: Path, environ: Mapping[str, str]) -> Iterable[str]:
    from bot.bootstrap.services import watched_services  # noqa: PLC0415 - a check without it is quicker
    from bot.rendering.policies import policy_words  # noqa: PLC0415 - as above

    settings = load_settings(config, environ).settings
    if settings is None:
        return
    wished = settings.remediations
    for service in watched_services(settings).values():
        yield from policy_words(service, enabled=wished.enabled, longest_silence=wished.longest_silence)


def review_configuration(config: Path, environ: Mapping[str, str]) -> Review:
    """The configuration, the environment, and the runbooks that the configuration names."""
    loaded = load_settings(config, environ)
    review = Review(faults=[*read_environment(environ)[1], *loaded.faults])
    # Where the configuration is wrong, the runbooks of the default folder can be checked all the same.
    default = config.parent / "runbooks"
    beside = (default,) if loaded.settings is None and default.is_dir() else ()
    _add_runbooks(review, loaded.runbook_folders or beside, loaded.settings)
    review.services = len(loaded.settings.services) if loaded.settings else 0
    return review


def review_paths(paths: Iterable[Path], environ: Mapping[str, str]) -> Review:
    """Files and folders: `services` makes a file a configuration, a world a rehearsal, else it is a runbook.

    A folder with a `lightship.yaml` is checked as its configuration is; any other is a folder of runbooks.
    """
    review = Review()
    runbooks: list[Path] = []
    for path in paths:
        config = path / "lightship.yaml"
        if path.is_dir() and config.is_file():
            inner = review_configuration(config, environ)
            review.faults += inner.faults
            review.services += inner.services
            review.runbooks += inner.runbooks
            review.rehearsals += inner.rehearsals
        elif path.is_file() and _is_configuration(path):
            loaded = load_settings(path, environ)
            review.faults += loaded.faults
            review.services += len(loaded.settings.services) if loaded.settings else 0
        else:
            runbooks.append(path)
    _add_runbooks(review, runbooks, None)
    review.faults = sorted(set(review.faults))
    return review


def _add_runbooks(review: Review, folders: Iterable[Path], settings: Settings | None) -> None:
    loader = RunbookLoader(vocabulary_of(settings))
    rehearsals: list[Path] = []
    for folder in folders:
        if folder.is_dir():
            if _holds_rehearsals(folder):
                rehearsals.append(folder)
                continue
            loader.add_folder(folder)
            if (folder / FOLDER).is_dir():
                rehearsals.append(folder)
        elif _is_rehearsal(folder):
            rehearsals.append(folder)
        else:
            loader.add_file(folder)
    review.faults += loader.loaded.faults
    review.runbooks += len(loader.loaded.runbooks)
    _add_rehearsals(review, rehearsals, loader.loaded.runbooks, settings)


def _add_rehearsals(
    review: Review, paths: Iterable[Path], runbooks: Iterable[Runbook], settings: Settings | None
) -> None:
    loader = ScenarioLoader(knowledge_of(runbooks, settings, actions=ACTIONS))
    for path in paths:
        loader.add(path)
    review.faults += loader.loaded.faults
    review.rehearsals += len(loader.loaded.scenarios)


def _holds_rehearsals(folder: Path) -> bool:
    """Whether it is a folder of rehearsals itself, by what is in it."""
    files = [path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"}]
    return bool(files) and all(_is_rehearsal(path) for path in files)


def _is_rehearsal(path: Path) -> bool:
    document, _ = read_document(path)
    return document is not None and is_rehearsal(document)


def _is_configuration(path: Path) -> bool:
    if path.name == "lightship.yaml":
        return True
    document, _ = read_document(path)
    return document is not None and isinstance(document.value, dict) and "services" in document.value


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
