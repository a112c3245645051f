"""`lightship.yaml` with what the environment puts over it, as `Settings`, or all that is wrong with them.

Called by `lightship run`, `check` and every other command that needs the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.documents import Document, checked, read_document
from bot.settings.models import Settings
from bot.settings.overrides import put_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bot.domain.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSettings:
    """The outcome of loading: settings, or faults; never both."""

    path: Path
    settings: Settings | None
    faults: tuple[Fault, ...]

    @property
    def folder(self) -> Path:
        """The folder of the file; relative paths in it count from here."""
        return self.path.parent

    @property
    def runbook_folders(self) -> tuple[Path, ...]:
        """Where the runbooks are; empty when the settings could not be loaded."""
        return tuple(self.folder / folder for folder in self.settings.runbooks) if self.settings else ()

    def resolved(self, location: str) -> str:
        """A path of the configuration counted from its folder; an address such as `s3://…` as it is."""
        return location if "://" in location else str(self.folder / location)


def load_settings(path: Path, environ: Mapping[str, str]) -> LoadedSettings:
    """Read `path`, put the `LIGHTSHIP_…` variables of `environ` over it, and check all of it at once."""
    document, faults = read_document(path)
    if document is None:
        return LoadedSettings(path=path, settings=None, faults=faults)
    found = [*faults, *put_over(document, environ)]
    settings, wrong = checked(document, Settings)
    found += wrong
    if settings is not None:
        found += _contradictions(document, settings)
    ordered = tuple(sorted(set(found)))
    return LoadedSettings(path=path, settings=None if ordered else settings, faults=ordered)


def _contradictions(document: Document, settings: Settings) -> Iterator[Fault]:
    commands: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    matches: dict[frozenset[str], str] = {}
    for name, service in settings.services.items():
        path = ("services", name)
        command, prefix = settings.command_of(name), settings.metrics_prefix_of(name)
        if command in commands:
            place = document.place((*path, "command")) if service.command else document.key_place(path)
            yield place.fault(f"the command `{command}` is that of `{commands[command]}` already")
        if prefix in prefixes:
            place = (
                document.place((*path, "metrics_prefix"))
                if service.metrics_prefix
                else document.key_place(path)
            )
            yield place.fault(f"the metrics prefix `{prefix}` is that of `{prefixes[prefix]}` already")
        matchers = frozenset(map(str, service.match))
        earlier = next((other for known, other in matches.items() if known <= matchers), None)
        if earlier is not None:
            message = f"no alert can reach `{name}`: `{earlier}` comes first and takes all that it matches"
            yield document.place((*path, "match")).fault(message)
        commands.setdefault(command, name)
        prefixes.setdefault(prefix, name)
        matches.setdefault(matchers, name)
