"""What a runbook can have wrong beside keys and kinds: unknown words, dangling references, broken templates.

Called by `bot.adapters.runbook_files.loading`. It reads the document, not the model, so that it finds
its faults also in a runbook that its model refuses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bot.adapters.runbook_files.labels import label_faults
from bot.adapters.runbook_files.vocabulary import EVERY_FINDING, METRIC_FACTS, is_pattern_of
from bot.documents.finding import ANY, find, find_texts
from bot.documents.promql import escalation_faults
from bot.domain.actions import ACTIONS, fault_in
from bot.domain.durations import DurationError, format_duration, parse_duration
from bot.domain.severity import Severity
from bot.domain.suspects import FailureMode
from bot.domain.words import did_you_mean
from bot.rendering.expression_kinds import kind_faults
from bot.rendering.templates import SourceFault, expression_faults, names_in, text_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bot.adapters.runbook_files.vocabulary import Vocabulary
    from bot.documents import Document
    from bot.documents.reading import Path
    from bot.domain.actions import ActionFacts
    from bot.domain.faults import Fault

_FAILURE_MODES: Final = frozenset(mode.value for mode in FailureMode)
_TEMPLATES: Final[tuple[tuple[object, ...], ...]] = (
    ("summary",),
    ("symptoms", ANY),
    ("steps", ANY, "human"),
    ("causes", ANY, "explanation"),
    ("causes", ANY, "evidence", ANY, "words"),
    ("causes", ANY, "evidence", ANY, "otherwise"),
    ("links", ANY, "url"),
)


def review(document: Document, vocabulary: Vocabulary) -> Iterator[Fault]:
    """Every fault of a runbook that its model cannot see."""
    for path, name in find_texts(document.value, "service"):
        if vocabulary.services and name not in vocabulary.services:
            if told := did_you_mean(name, vocabulary.services):
                yield document.place(path).fault(f"no service `{name}` is configured{told}")
            vocabulary = replace(vocabulary, metrics=frozenset())
    for pattern in _TEMPLATES:
        for path, text in find_texts(document.value, *pattern):
            yield from _placed(document, path, text_faults(text))
    yield from _checks(document, vocabulary)
    yield from _evidence(document, vocabulary)
    yield from _actions(document, vocabulary)
    yield from _references(document)
    yield from _escalation(document)
    yield from label_faults(document)


def _placed(document: Document, path: Path, faults: Iterable[SourceFault]) -> Iterator[Fault]:
    for fault in faults:
        yield document.place(path).fault(f"`{'.'.join(map(str, path))}`: {fault.message}", line=fault.line)


def _checks(document: Document, vocabulary: Vocabulary) -> Iterator[Fault]:
    for path, name in find_texts(document.value, "steps", ANY, "check", "name"):
        if name not in vocabulary.checks:
            yield _unknown(document, path, "check", name, vocabulary.checks)
            continue
        if name in vocabulary.broken:
            continue
        call = (*path[:-1], "arguments")
        yield from _arguments(document, call, f"the check `{name}`", vocabulary.check_arguments.get(name, ()))
        for where, names in find_texts(document.value, *call, "names"):
            for metric in filter(None, (part.strip() for part in names.split(","))):
                yield from _metric(document, where, metric, vocabulary)


def _evidence(document: Document, vocabulary: Vocabulary) -> Iterator[Fault]:
    short = find_texts(document.value, "causes", ANY, "evidence", ANY)
    long = find_texts(document.value, "causes", ANY, "evidence", ANY, "when")
    for path, expression in (*short, *long):
        yield from _placed(document, path, _wrong_evidence(expression, vocabulary))


def _wrong_evidence(expression: str, vocabulary: Vocabulary) -> tuple[SourceFault, ...]:
    return (
        expression_faults(expression)
        or tuple(_findings(expression, vocabulary))
        or kind_faults(expression, vocabulary.fact)
    )


def _findings(expression: str, vocabulary: Vocabulary) -> Iterator[SourceFault]:
    for line, path in names_in(expression, "findings"):
        check, *rest = path or ("",)
        if check and check not in vocabulary.findings:
            told = did_you_mean(check, vocabulary.findings) or _listed("; known are ", vocabulary.findings)
            yield SourceFault(line=line, message=f"no check is called `{check}`{told}")
        elif check in vocabulary.broken:
            continue
        elif rest and check == "metrics":
            yield from _metric_facts(line, rest, vocabulary)
        elif rest and not _is_fact(rest[0], known := vocabulary.facts_of(check)):
            told = did_you_mean(rest[0], known) or _listed("; it finds ", known)
            yield SourceFault(line=line, message=f"the check `{check}` finds no `{rest[0]}`{told}")


def _is_fact(name: str, known: Collection[str]) -> bool:
    return name in known or any(is_pattern_of(one, name) for one in known)


def _metric_facts(line: int, path: list[str], vocabulary: Vocabulary) -> Iterator[SourceFault]:
    if vocabulary.metrics and path[0] not in vocabulary.metrics.union(EVERY_FINDING):
        told = did_you_mean(path[0], vocabulary.metrics)
        yield SourceFault(line=line, message=f"no metric `{path[0]}` is configured{told}")
    elif len(path) > 1 and path[1] not in METRIC_FACTS:
        told = did_you_mean(path[1], METRIC_FACTS) or _listed("; it has ", METRIC_FACTS)
        yield SourceFault(line=line, message=f"a metric has no `{path[1]}`{told}")


def _actions(document: Document, vocabulary: Vocabulary) -> Iterator[Fault]:
    for path, action in find_texts(document.value, "remediations", ANY, "action"):
        if action not in vocabulary.actions:
            yield _unknown(document, path, "action", action, vocabulary.actions)
            continue
        if action in vocabulary.broken:
            continue
        arguments = (*path[:-1], "arguments")
        yield from _arguments(document, arguments, f"the action `{action}`", vocabulary.actions[action])
        yield from _values(document, arguments, action)
        if action == "silence":
            yield from _silence(document, arguments, vocabulary)
        if action == "scale" and not list(find(document.value, *path[:-1], "limits", "max")):
            yield document.place((*path[:-1], "limits")).fault("a remediation that scales needs `limits.max`")
    for path, limits in find(document.value, "remediations", ANY, "limits"):
        low, high = (limits.get("min"), limits.get("max")) if isinstance(limits, dict) else (None, None)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield document.place(path).fault(f"min ({low}) is above max ({high})")
    for path, metric in find_texts(document.value, "remediations", ANY, "verify", "metric"):
        yield from _metric(document, path, metric, vocabulary)


def _values(document: Document, path: Path, action: str) -> Iterator[Fault]:
    """What an argument of an action cannot be, whoever asks for it."""
    known = {one.name: one for facts in _facts(action) for one in facts.arguments}
    for where, value in find(document.value, *path, ANY):
        argument = known.get(str(where[-1]))
        wrong = fault_in(argument, value) if argument is not None else ""
        if wrong:
            yield document.place(where).fault(f"`{where[-1]}` {wrong}")


def _silence(document: Document, path: Path, vocabulary: Vocabulary) -> Iterator[Fault]:
    longest = vocabulary.longest_silence
    for where, text in find_texts(document.value, *path, "duration"):
        try:
            asked = parse_duration(text)
        except DurationError as error:
            yield document.place(where).fault(str(error))
            continue
        if longest is not None and asked > longest:
            yield document.place(where).fault(
                f"a silence of {text} would be refused: it lasts {format_duration(longest)} at most "
                "(`remediations.longest_silence`)"
            )


def _facts(action: str) -> list[ActionFacts]:
    return [facts for one, facts in ACTIONS.items() if one.value == action]


def _references(document: Document) -> Iterator[Fault]:
    names = [name for _, name in find_texts(document.value, "remediations", ANY, "name")]
    for path, name in find_texts(document.value, "causes", ANY, "remediation"):
        if name not in names:
            yield _unknown(document, path, "remediation", name, names)
    for path, mode in find_texts(document.value, "causes", ANY, "explains", ANY):
        if mode not in _FAILURE_MODES:
            yield _unknown(document, path, "failure mode", mode, _FAILURE_MODES)
    for part in ("causes", "remediations"):
        seen = set()
        for path, name in find_texts(document.value, part, ANY, "name"):
            if name in seen:
                yield document.place(path).fault(f"`{name}` is in `{part}` twice")
            seen.add(name)


def _escalation(document: Document) -> Iterator[Fault]:
    for path, expression in find_texts(document.value, "escalation", ANY, "when"):
        for fault in escalation_faults(expression):
            place = document.place(path)
            yield place.fault_at(f"`{'.'.join(map(str, path))}`: {fault.message}", expression, fault.offset)
    begins = _severity(document.value.get("severity") if isinstance(document.value, dict) else None)
    for path, word in find_texts(document.value, "escalation", ANY, "severity"):
        severity = _severity(word)
        if severity and not severity.worse_than(begins or Severity.P4):
            place = document.place(path)
            yield place.fault(f"{severity} is no escalation from {begins or Severity.P4}: it can never fire")


def _severity(word: Any) -> Severity | None:
    words = {**Severity.__members__, "critical": Severity.P1, "warning": Severity.P3}
    return words.get(word) if isinstance(word, str) else None


def _arguments(document: Document, path: Path, whose: str, taken: Collection[str]) -> Iterator[Fault]:
    for where, _ in find(document.value, *path, ANY):
        argument = str(where[-1])
        if argument not in taken:
            told = did_you_mean(argument, taken) or _listed("; it takes ", taken)
            yield document.key_place(where).fault(f"{whose} takes no argument `{argument}`{told}")


def _metric(document: Document, path: Path, name: str, vocabulary: Vocabulary) -> Iterator[Fault]:
    if vocabulary.metrics and name not in vocabulary.metrics:
        told = did_you_mean(name, vocabulary.metrics) or _listed("; configured are ", vocabulary.metrics)
        yield document.place(path).fault(f"no metric `{name}` is configured{told}")


def _unknown(document: Document, path: Path, kind: str, word: str, known: Collection[str]) -> Fault:
    told = did_you_mean(word, known) or _listed("; known are ", known)
    return document.place(path).fault(f"unknown {kind} `{word}`{told}")


def _listed(before: str, known: Collection[str]) -> str:
    return f"{before}{', '.join(sorted(known))}" if known else ""
