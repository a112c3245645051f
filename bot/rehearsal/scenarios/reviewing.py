"""What a rehearsal can have wrong beside keys and kinds: unknown words, and a world that contradicts itself.

Called by `bot.rehearsal.scenarios.loading`. Each fault has the place of the word that is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.documents.finding import ANY, find, find_texts
from bot.domain.runbooks import select_runbook
from bot.domain.words import did_you_mean
from bot.rehearsal.scenarios.expecting import expectations, people
from bot.rehearsal.scenarios.formulas import FormulaError, read_formula
from bot.rehearsal.scenarios.happening import happenings
from bot.rehearsal.scenarios.numbers import GIVEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bot.documents import Document
    from bot.documents.reading import Path
    from bot.domain.faults import Fault
    from bot.rehearsal.scenarios.knowing import Knowledge
    from bot.rehearsal.scenarios.models import BaseWorldFile, RehearsalFile, WorldFile

_COURSES: Final[tuple[tuple[object, ...], ...]] = (
    ("world", "metrics", ANY),
    ("world", "metrics", ANY, ANY),
    ("world", "metrics", ANY, "ramp", ANY),
    ("world", "queries", ANY),
    ("world", "queries", ANY, ANY),
    ("world", "queries", ANY, "ramp", ANY),
)
_FORMULAS: Final[tuple[tuple[object, ...], ...]] = (
    *_COURSES,
    ("world", "cpu"),
    ("world", "memory"),
    ("world", "alerts", ANY, "when"),
    ("world", "logs", ANY, "while"),
    ("world", "changes", ANY, "pods", "while"),
)


def review(
    document: Document,
    file: RehearsalFile | None,
    world: WorldFile | None,
    base: BaseWorldFile | None,
    knowledge: Knowledge,
) -> Iterator[Fault]:
    """Every fault of a rehearsal that its model cannot see; more of them where the model is right."""
    yield from _numbers(document, base.world if base else None, knowledge)
    if file is None or world is None:
        return
    yield from _alerts(document, file, world, knowledge)
    yield from happenings(document, file, world, base.world if base else None)
    runbook = knowledge.runbook(file.runbook)
    if file.runbook and knowledge.runbooks and runbook is None:
        names = [one.name for one in knowledge.runbooks]
        place = document.place(("runbook",))
        yield place.fault(f"there is no runbook `{file.runbook}`{_told(file.runbook, names)}")
    yield from people(document, file, runbook, knowledge)
    yield from expectations(document, file, runbook, knowledge)


def review_world(document: Document, file: BaseWorldFile | None, knowledge: Knowledge) -> Iterator[Fault]:
    """As `review`, of a world that rehearsals are like; of one that is left out only whether it should be."""
    if file is None or not knowledge.lacks(file.service):
        yield from _numbers(document, None, knowledge)
        return
    for path, name in find_texts(document.value, "service"):
        if told := did_you_mean(name, knowledge.services):
            yield document.place(path).fault(f"no service `{name}` is configured{told}")


def _numbers(document: Document, base: WorldFile | None, knowledge: Knowledge) -> Iterator[Fault]:
    own = {str(path[-1]): path for path, _ in find(document.value, "world", "metrics", ANY)}
    known = {*own, *(base.metrics if base else ()), *GIVEN}
    uses: dict[str, set[str]] = {
        name: set(course.names) for name, course in (base.metrics if base else {}).items()
    }
    uses.update({name: set() for name in own})
    used: set[str] = set()
    for path, names in _formulas(document):
        for name in sorted(names - known):
            told = _told(name, known)
            yield document.place(path).fault(f"no number is called `{name}`{told}")
        used |= names
        if path[:2] == ("world", "metrics"):
            uses[str(path[2])] |= names
    for name, path in own.items():
        if name in GIVEN:
            yield document.key_place(path).fault(f"`{name}` is the world's own: {GIVEN[name]}")
        elif _rests_on_itself(name, uses):
            yield document.place(path).fault(f"`{name}` rests on itself, so it has no value")
        elif knowledge.metrics and name not in knowledge.metrics and name not in used and not _in(base, name):
            told = did_you_mean(name, knowledge.metrics)
            yield document.key_place(path).fault(
                f"no metric `{name}` is configured, and nothing in this world rests on it{told}"
            )


def _formulas(document: Document) -> Iterator[tuple[Path, set[str]]]:
    for pattern in _FORMULAS:
        for path, text in find(document.value, *pattern):
            if isinstance(text, str):
                try:
                    yield path, set(read_formula(text).names)
                except FormulaError:
                    continue  # its model says so


def _rests_on_itself(name: str, uses: Mapping[str, Collection[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(uses.get(name, ()))
    while waiting:
        one = waiting.pop()
        if one == name:
            return True
        if one not in seen:
            seen.add(one)
            waiting += uses.get(one, ())
    return False


def _in(base: WorldFile | None, name: str) -> bool:
    return base is not None and name in base.metrics


def _alerts(
    document: Document, file: RehearsalFile, world: WorldFile, knowledge: Knowledge
) -> Iterator[Fault]:
    alert = file.expect.alert or file.runbook
    where = ("expect", "alert") if file.expect.alert else ("runbook",)
    if file.expect.incident and alert is not None and alert not in world.alerts:
        told = _told(alert, world.alerts)
        yield document.place(where).fault(
            f"no alert of this world is called `{alert}`, so none can come{told}"
        )
    for name, rule in world.alerts.items():
        if rule.value is not None and rule.value not in {*world.metrics, *GIVEN}:
            path = ("world", "alerts", name, "value")
            told = _told(rule.value, world.metrics)
            yield document.place(path).fault(f"no number is called `{rule.value}`{told}")
        if name == alert and rule.held_for > (file.until or rule.held_for):
            path = ("world", "alerts", name, "for")
            yield document.place(path).fault("this is longer than the rehearsal, so the alert can never fire")
    if alert is None or file.runbook is None or not knowledge.runbooks:
        return
    labels = {"alertname": alert, **world.alerts[alert].labels} if alert in world.alerts else {}
    chosen = select_runbook(knowledge.runbooks, labels).runbook if labels else None
    if labels and (chosen is None or chosen.name != file.runbook) and knowledge.runbook(file.runbook):
        other = f"`{chosen.name}`" if chosen else "no runbook"
        yield document.place(where).fault(f"the alert `{alert}` is served by {other}, not `{file.runbook}`")


def _told(word: str, known: Collection[str]) -> str:
    return did_you_mean(word, known) or (f"; known are {', '.join(sorted(known))}" if known else "")
