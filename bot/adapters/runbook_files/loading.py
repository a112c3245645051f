"""From files to runbooks; a folder's load together, because two of one name are a fault of the folder.

Called through `bot.adapters.runbook_files`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.adapters.runbook_files.models import RunbookFile
from bot.adapters.runbook_files.reviewing import review
from bot.adapters.runbook_files.rivals import common_alert
from bot.adapters.runbook_files.vocabulary import Vocabulary
from bot.documents import Document, Place, checked, read_document
from bot.documents.finding import find_texts
from bot.domain.runbooks import (
    Cause,
    CheckStep,
    EscalationRule,
    Evidence,
    HumanStep,
    Limits,
    Link,
    Runbook,
    RunbookRemediation,
    Step,
    Verification,
)
from bot.domain.suspects import FailureMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bot.adapters.runbook_files.models import CauseFile, RemediationFile, StepFile
    from bot.domain.faults import Fault

_SUFFIXES: Final = {".yaml", ".yml"}
_MOST_FILES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRunbooks:
    """The runbooks that are right, by name in order, and the faults of the others."""

    runbooks: tuple[Runbook, ...]
    faults: tuple[Fault, ...]


class RunbookLoader:
    """Loads files one after the other and remembers the names it has seen."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._found: dict[str, Runbook] = {}
        self._places: dict[str, Place] = {}
        self._matchers: list[tuple[RunbookFile, Place]] = []
        self._faults: list[Fault] = []

    def add_file(self, path: Path) -> None:
        """Load one file; its runbook or its faults are then in `loaded`."""
        document, faults = read_document(path)
        self._faults += faults
        if document is not None:
            self.add_document(document, sound=not faults)

    def add_document(self, document: Document, *, sound: bool = True) -> None:
        """As `add_file`, of a document that was read; `sound` is false when its YAML had faults."""
        file, wrong = checked(document, RunbookFile)
        found = [
            *wrong,
            *review(document, self._vocabulary),
            *self._name_taken(document),
            *self._rivals(document, file),
        ]
        self._faults += found
        if file is not None and sound and not found:
            self._found[file.name] = to_runbook(file, source=document.file, digest=_digest(document))

    def add_folder(self, folder: Path) -> None:
        """Load the YAML files directly in a folder (`rehearsals/` below it are not runbooks)."""
        place = Place(str(folder))
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
        except FileNotFoundError:
            self._faults.append(place.fault("there is no such folder of runbooks"))
            return
        except NotADirectoryError:
            self.add_file(folder)
            return
        except OSError as error:
            self._faults.append(place.fault(f"the folder cannot be read: {error.strerror or 'input error'}"))
            return
        if len(files) > _MOST_FILES:
            self._faults.append(place.fault(f"there are more than {_MOST_FILES} files in this folder"))
        for path in files[:_MOST_FILES]:
            self.add_file(path)

    @property
    def loaded(self) -> LoadedRunbooks:
        """What was loaded so far."""
        runbooks = tuple(self._found[name] for name in sorted(self._found))
        return LoadedRunbooks(runbooks=runbooks, faults=tuple(sorted(set(self._faults))))

    def _rivals(self, document: Document, file: RunbookFile | None) -> Iterator[Fault]:
        if file is None:
            return
        place = document.place(("match",))
        for other, where in self._matchers:
            labels = common_alert(file.match, other.match) if other.name != file.name else None
            if labels is not None:
                shown = ", ".join(f'{name}="{value}"' for name, value in labels.items())
                yield place.fault(
                    f"an alert with {shown} is also served by `{other.name}` ({where.file}:{where.line}), "
                    "which is as specific; add a matcher to one of them"
                )
        self._matchers.append((file, place))

    def _name_taken(self, document: Document) -> Iterator[Fault]:
        for path, name in find_texts(document.value, "name"):
            place = document.place(path)
            earlier = self._places.setdefault(name, place)
            if earlier is not place:
                yield place.fault(f"a runbook called `{name}` is in {earlier.file} already")


def load_runbooks(folders: Iterable[Path], vocabulary: Vocabulary | None = None) -> LoadedRunbooks:
    """The runbooks of some folders (or single files), held against what is known."""
    loader = RunbookLoader(vocabulary or Vocabulary())
    for folder in folders:
        loader.add_folder(folder)
    return loader.loaded


def fingerprint(folders: Iterable[Path]) -> str:
    """What changes whenever a file of the folders does: name and content, never times or links."""
    found = hashlib.sha256()
    for folder in folders:
        try:
            files = (
                sorted(one for one in folder.iterdir() if one.suffix in _SUFFIXES)
                if folder.is_dir()
                else [folder]
            )
        except OSError:
            files = []
        for path in files[:_MOST_FILES]:
            found.update(f"\n{path}\n".encode(errors="surrogatepass"))
            with contextlib.suppress(OSError):
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def to_runbook(file: RunbookFile, *, source: str, digest: str) -> Runbook:
    """The value that the domain works with."""
    return Runbook(
        name=file.name,
        title=file.title,
        severity=file.severity,
        match=file.match,
        summary_template=file.summary,
        symptom_templates=file.symptoms,
        steps=tuple(map(_step, file.steps)),
        causes=tuple(map(_cause, file.causes)),
        remediations=tuple(map(_remediation, file.remediations)),
        escalation=tuple(
            EscalationRule(
                expression=rule.when,
                held_for=rule.held_for,
                severity=rule.severity,
                tell=rule.tell,
                reason=rule.reason or "",
            )
            for rule in file.escalation
        ),
        links=tuple(Link(title=link.title, url_template=link.url) for link in file.links),
        source=source,
        digest=digest,
    )


def _step(step: StepFile) -> Step:
    if step.check is not None:
        return CheckStep(title=step.title, check=step.check.name, arguments=step.check.arguments)
    return HumanStep(title=step.title, text_template=step.human or "")


def _cause(cause: CauseFile) -> Cause:
    return Cause(
        name=cause.name,
        title=cause.title,
        weight=float(cause.weight),
        evidence=tuple(
            Evidence(
                expression=one.when,
                weight=float(one.weight),
                words_template=one.words or "",
                otherwise_template=one.otherwise or "",
            )
            for one in cause.evidence
        ),
        explanation_template=cause.explanation or "",
        remediation=cause.remediation,
        explains=frozenset(map(FailureMode, cause.explains)),
    )


def _remediation(remediation: RemediationFile) -> RunbookRemediation:
    limits, verify = remediation.limits, remediation.verify
    factor = None if limits.max_factor is None else float(limits.max_factor)
    return RunbookRemediation(
        name=remediation.name,
        title=remediation.title,
        action=remediation.action,
        arguments=remediation.arguments,
        limits=Limits(minimum=limits.min, maximum=limits.max, max_factor=factor),
        verification=Verification(metric=verify.metric, within=verify.within) if verify else None,
        undo=remediation.undo or "",
    )


def _digest(document: Document) -> str:
    text = json.dumps(document.value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
