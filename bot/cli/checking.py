"""`lightship check`: everything that is wrong with the configuration and the runbooks, before it matters."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.adapters.runbook_files import RunbookLoader, Vocabulary
from bot.cli.options import config_option, show_faults
from bot.documents import read_document
from bot.settings import Settings, load_settings, read_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.domain.faults import Fault


@dataclass(slots=True)
class Review:
    """What a check found: the faults, and what was right."""

    faults: list[Fault] = field(default_factory=list)
    services: int = 0
    runbooks: int = 0

    @property
    def summary(self) -> str:
        """One line for when all is right."""
        parts = []
        if self.services:
            parts.append(_counted(self.services, "service"))
        parts.append(_counted(self.runbooks, "runbook"))
        return f"All is right: {', '.join(parts)}."


@click.command(
    epilog="\b\nExamples:\n  lightship check\n  lightship check runbooks/high-api-latency.yaml\n"
    "  lightship check --config deploy/lightship.yaml\n  lightship check --explain"
)
@config_option
@click.option("--explain", is_flag=True, help="Say in words what the policy allows, and who approves it.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
def check(config: Path, paths: tuple[Path, ...], explain: bool) -> None:
    """Validate the configuration and its runbooks, or the files and folders named.

    Prints every fault in a line of its own, `file:line:column: message`, and exits with 1 if there is one.
    """
    review = review_paths(paths, os.environ) if paths else review_configuration(config, os.environ)
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
    for service in watched_services(settings).values() if settings else ():
        yield from policy_words(service, enabled=settings.remediations.enabled if settings else True)


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
    """Files and folders: a file with `services` is a configuration, any other a runbook.

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
    names = (
        {name for service in settings.services.values() for name in service.metrics} if settings else set()
    )
    loader = RunbookLoader(Vocabulary(metrics=frozenset(names)))
    for folder in folders:
        if folder.is_dir():
            loader.add_folder(folder)
        else:
            loader.add_file(folder)
    review.faults += loader.loaded.faults
    review.runbooks += len(loader.loaded.runbooks)


def _is_configuration(path: Path) -> bool:
    if path.name == "lightship.yaml":
        return True
    document, _ = read_document(path)
    return document is not None and isinstance(document.value, dict) and "services" in document.value


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
