"""`lightship.yaml` with what the environment puts over it, as `Settings`, or all that is wrong with them.

Called by `lightship run`, `check` and every other command that needs the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.documents import Document, checked, read_document
from bot.documents.finding import ANY, find, find_texts
from bot.settings.metrics import metric_faults
from bot.settings.models import Settings
from bot.settings.overrides import put_over
from bot.settings.reaching import policy_faults

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
        """Where the runbooks are; empty when the settings could not be loaded.

        The default folder may be missing, as in the smallest configuration; one that is named may not.
        """
        if self.settings is None:
            return ()
        folders = tuple(self.folder / folder for folder in self.settings.runbooks)
        named = "runbooks" in self.settings.model_fields_set
        return folders if named else tuple(folder for folder in folders if folder.is_dir())

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
    found += _contradictions(document)
    found += metric_faults(document)
    found += policy_faults(document, settings) if settings else ()
    ordered = tuple(sorted(set(found)))
    return LoadedSettings(path=path, settings=None if ordered else settings, faults=ordered)


def _contradictions(document: Document) -> Iterator[Fault]:
    commands: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    matches: list[tuple[frozenset[str], str]] = []
    for path, service in find(document.value, "services", ANY):
        name, given = str(path[-1]), service if isinstance(service, dict) else {}
        command = given.get("command") or f"/{name}"
        prefix = given.get("metrics_prefix") or name.replace("-", "_")
        for key, word, taken in (("command", command, commands), ("metrics_prefix", prefix, prefixes)):
            if isinstance(word, str) and taken.setdefault(word, name) != name:
                place = document.place((*path, key)) if given.get(key) else document.key_place(path)
                yield place.fault(f"the {key.replace('_', ' ')} `{word}` is that of `{taken[word]}` already")
        matchers = frozenset(text for _, text in find_texts(given, "match", ANY))
        earlier = next((other for known, other in matches if known <= matchers), None)
        if earlier is not None:
            message = f"no alert can reach `{name}`: `{earlier}` comes first and takes all that it matches"
            yield document.place((*path, "match")).fault(message)
        elif matchers:
            matches.append((matchers, name))
