"""From files to scenarios, or all their faults at once; the world that a rehearsal is `like` is put under it.

Called by `lightship rehearse`, `check` and `demo`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.documents import Document, Place, checked, read_document
from bot.documents.finding import find_texts
from bot.rehearsal.scenarios.models import BaseWorldFile, RehearsalFile, WorldFile
from bot.rehearsal.scenarios.reviewing import review, review_world

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bot.domain.faults import Fault
    from bot.rehearsal.scenarios.knowing import Knowledge

LASTS: Final = timedelta(minutes=30)
"""How long a rehearsal goes on after the bot's start unless it says so."""

FOLDER: Final = "rehearsals"
WORLDS: Final = "worlds"
_SUFFIXES: Final = {".yaml", ".yml"}
_KEYS: Final = frozenset({"world", "expect", "like", "people"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A rehearsal that is right, with its whole world. `source` is its file."""

    file: RehearsalFile
    world: WorldFile
    environment: Mapping[str, str]
    source: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.file.name

    @property
    def until(self) -> timedelta:
        """When it ends, counted from the beginning of the world."""
        return self.file.until or self.file.begin + LASTS


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedScenarios:
    """The rehearsals that are right, in the order of their names, and the faults of the others.

    `left_out` names those about a service that is not configured, each with that service.
    """

    scenarios: tuple[Scenario, ...]
    faults: tuple[Fault, ...]
    left_out: Mapping[str, str]


class ScenarioLoader:
    """Loads files one after the other; remembers names and the worlds it has read."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._found: dict[str, Scenario] = {}
        self._places: dict[str, Place] = {}
        self._worlds: dict[Path, BaseWorldFile | None] = {}
        self._faults: list[Fault] = []
        self._left_out: dict[str, str] = {}

    def add(self, path: Path) -> None:
        """A file, a folder of rehearsals, or a folder of runbooks with `rehearsals/` in it."""
        for file in rehearsal_files(path):
            self.add_file(file)
        inner = path / FOLDER if (path / FOLDER).is_dir() else path
        for file in _yaml_in(inner / WORLDS):
            self._base(file)

    def add_file(self, path: Path) -> None:
        """One file."""
        document, faults = read_document(path)
        self._faults += faults
        if document is not None:
            self.add_document(document, folder=path.parent, sound=not faults)

    def add_document(self, document: Document, *, folder: Path, sound: bool = True) -> None:
        """As `add_file`, of a document that was read; `folder` is where `worlds/` is looked for."""
        file, wrong = checked(document, RehearsalFile)
        base, missing = self._base_of(document, folder)
        if base is not None and base.service is not None and self._knowledge.lacks(base.service):
            self._left_out[file.name if file else document.file] = base.service
            return
        world = merged(base.world if base else WorldFile(), file.world) if file else None
        found = [*wrong, *missing, *self._name_taken(document)]
        found += review(document, file, world, base, self._knowledge)
        self._faults += found
        if file is not None and world is not None and sound and not found:
            environment = {**(base.environment if base else {}), **file.environment}
            self._found[file.name] = Scenario(
                file=file, world=world, environment=environment, source=document.file
            )

    @property
    def loaded(self) -> LoadedScenarios:
        """What was loaded so far."""
        return LoadedScenarios(
            scenarios=tuple(self._found[name] for name in sorted(self._found)),
            faults=tuple(sorted(set(self._faults))),
            left_out=dict(sorted(self._left_out.items())),
        )

    def _base_of(self, document: Document, folder: Path) -> tuple[BaseWorldFile | None, list[Fault]]:
        for path, name in find_texts(document.value, "like"):
            known = {file.stem: file for file in _yaml_in(folder / WORLDS)}
            if name in known:
                return self._base(known[name]), []
            told = f"; there are {', '.join(sorted(known))}" if known else ""
            return None, [document.place(path).fault(f"there is no world `{WORLDS}/{name}.yaml`{told}")]
        return None, []

    def _base(self, path: Path) -> BaseWorldFile | None:
        if path not in self._worlds:
            document, faults = read_document(path)
            file = None
            if document is not None:
                file, wrong = checked(document, BaseWorldFile)
                faults = (*faults, *wrong, *review_world(document, file, self._knowledge))
            self._faults += faults
            self._worlds[path] = None if faults else file
        return self._worlds[path]

    def _name_taken(self, document: Document) -> Iterator[Fault]:
        for path, name in find_texts(document.value, "name"):
            place = document.place(path)
            earlier = self._places.setdefault(name, place)
            if earlier is not place:
                yield place.fault(f"a rehearsal called `{name}` is in {earlier.file} already")


def load_scenarios(paths: Iterable[Path], knowledge: Knowledge) -> LoadedScenarios:
    """The rehearsals of files and folders."""
    loader = ScenarioLoader(knowledge)
    for path in paths:
        loader.add(path)
    return loader.loaded


def rehearsal_files(path: Path) -> tuple[Path, ...]:
    """The files of rehearsals that a path means."""
    if not path.is_dir():
        return (path,)
    return _yaml_in(path / FOLDER) if (path / FOLDER).is_dir() else _yaml_in(path)


def rehearsals_of(runbook: str, *, file: Path) -> tuple[Path, ...]:
    """The files beside a runbook's own file that rehearse it, and those that cannot be read."""
    values = {
        path: document.value if document else None
        for path, document in ((path, read_document(path)[0]) for path in rehearsal_files(file.parent))
    }
    return tuple(
        path
        for path, value in values.items()
        if not isinstance(value, dict) or value.get("runbook") == runbook
    )


def is_rehearsal(document: Document) -> bool:
    """Whether a document is one by its keys, and no runbook or configuration."""
    return isinstance(document.value, dict) and bool(_KEYS & set(document.value))


def merged(base: WorldFile, over: WorldFile) -> WorldFile:
    """One world over another: what has a name takes the place of its like, lists are put together."""
    changed = {name: getattr(over, name) for name in ("cpu", "memory") if getattr(over, name) is not None}
    for name in ("metrics", "queries", "alerts"):
        changed[name] = {**getattr(base, name), **getattr(over, name)}
    for name in ("objects", "changes", "logs", "models", "drift_reports", "unreachable", "silences"):
        changed[name] = (*getattr(base, name), *getattr(over, name))
    return base.model_copy(update=changed)


def _yaml_in(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES))
