"""What a well-formed runbook can still have wrong: unknown words, references to nothing, broken templates.

Called by `bot.adapters.runbook_files.loading` with a file that its models accept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.adapters.runbook_files.vocabulary import EVERY_FINDING, METRIC_FACTS
from bot.domain.severity import Severity
from bot.domain.words import did_you_mean
from bot.rendering.templates import SourceFault, expression_faults, names_in, text_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bot.adapters.runbook_files.models import RunbookFile
    from bot.adapters.runbook_files.vocabulary import Vocabulary
    from bot.documents import Document
    from bot.documents.reading import Path
    from bot.domain.faults import Fault


def review(document: Document, file: RunbookFile, vocabulary: Vocabulary) -> Iterator[Fault]:
    """Every fault of a runbook that its models cannot see."""
    yield from _templates(document, file)
    yield from _steps(document, file, vocabulary)
    yield from _causes(document, file, vocabulary)
    yield from _remediations(document, file, vocabulary)
    yield from _escalation(document, file)


def _templates(document: Document, file: RunbookFile) -> Iterator[Fault]:
    texts: list[tuple[Path, str | None]] = [(("summary",), file.summary)]
    texts += [(("symptoms", n), text) for n, text in enumerate(file.symptoms)]
    texts += [(("steps", n, "human"), step.human) for n, step in enumerate(file.steps)]
    texts += [(("links", n, "url"), link.url) for n, link in enumerate(file.links)]
    for n, cause in enumerate(file.causes):
        texts.append((("causes", n, "explanation"), cause.explanation))
        texts += [(("causes", n, "evidence", m, "words"), one.words) for m, one in enumerate(cause.evidence)]
    for path, text in texts:
        if text is not None:
            yield from _placed(document, path, text_faults(text))


def _placed(document: Document, path: Path, faults: Iterable[SourceFault]) -> Iterator[Fault]:
    for fault in faults:
        yield document.place(path).fault(f"`{'.'.join(map(str, path))}`: {fault.message}", line=fault.line)


def _steps(document: Document, file: RunbookFile, vocabulary: Vocabulary) -> Iterator[Fault]:
    for n, step in enumerate(file.steps):
        if step.check is None:
            continue
        path: Path = ("steps", n, "check")
        name = step.check.name
        if name not in vocabulary.findings:
            yield _unknown(document, (*path, "name"), "check", name, vocabulary.findings)
            continue
        taken = vocabulary.check_arguments.get(name, frozenset())
        for argument in step.check.arguments:
            if argument not in taken:
                place = document.key_place((*path, "arguments", argument))
                told = did_you_mean(argument, taken) or _listed("; it takes ", taken)
                yield place.fault(f"the check `{name}` takes no argument `{argument}`{told}")
        names = str(step.check.arguments.get("names", "")) if name == "metrics" else ""
        for metric in filter(None, (part.strip() for part in names.split(","))):
            yield from _metric(document, (*path, "arguments", "names"), metric, vocabulary)


def _causes(document: Document, file: RunbookFile, vocabulary: Vocabulary) -> Iterator[Fault]:
    yield from _twice(document, "causes", [cause.name for cause in file.causes])
    remediations = [one.name for one in file.remediations]
    for n, cause in enumerate(file.causes):
        if cause.remediation is not None and cause.remediation not in remediations:
            path: Path = ("causes", n, "remediation")
            yield _unknown(document, path, "remediation", cause.remediation, remediations)
        for m, evidence in enumerate(cause.evidence):
            where: Path = ("causes", n, "evidence", m, "when")
            faults = expression_faults(evidence.when)
            yield from _placed(document, where, faults)
            if not faults:
                yield from _placed(document, where, _findings(evidence.when, vocabulary))


def _findings(expression: str, vocabulary: Vocabulary) -> Iterator[SourceFault]:
    for line, path in names_in(expression, "findings"):
        if not path:
            continue
        check, *rest = path
        if check not in vocabulary.findings:
            told = did_you_mean(check, vocabulary.findings)
            yield SourceFault(line=line, message=f"no check is called `{check}`{told}")
        elif rest and check == "metrics":
            if vocabulary.metrics and rest[0] not in vocabulary.metrics | EVERY_FINDING:
                told = did_you_mean(rest[0], vocabulary.metrics)
                yield SourceFault(line=line, message=f"no metric `{rest[0]}` is configured{told}")
            elif len(rest) > 1 and rest[1] not in METRIC_FACTS:
                told = did_you_mean(rest[1], METRIC_FACTS) or _listed("; it has ", METRIC_FACTS)
                yield SourceFault(line=line, message=f"a metric has no `{rest[1]}`{told}")
        elif rest and rest[0] not in {*vocabulary.findings[check], *EVERY_FINDING}:
            known = {*vocabulary.findings[check], *EVERY_FINDING}
            told = did_you_mean(rest[0], known) or _listed("; it finds ", known)
            yield SourceFault(line=line, message=f"the check `{check}` finds no `{rest[0]}`{told}")


def _remediations(document: Document, file: RunbookFile, vocabulary: Vocabulary) -> Iterator[Fault]:
    yield from _twice(document, "remediations", [one.name for one in file.remediations])
    for n, remediation in enumerate(file.remediations):
        path: Path = ("remediations", n)
        if remediation.action not in vocabulary.actions:
            yield _unknown(document, (*path, "action"), "action", remediation.action, vocabulary.actions)
        else:
            taken = vocabulary.actions[remediation.action]
            for argument in remediation.arguments:
                if argument not in taken:
                    place = document.key_place((*path, "arguments", argument))
                    told = did_you_mean(argument, taken) or _listed("; it takes ", taken)
                    yield place.fault(
                        f"the action `{remediation.action}` takes no argument `{argument}`{told}"
                    )
        limits = remediation.limits
        if remediation.action == "scale" and limits.max is None:
            place = document.place((*path, "limits"))
            yield place.fault(f"the remediation `{remediation.name}` scales without `limits.max`")
        if limits.min is not None and limits.max is not None and limits.min > limits.max:
            yield document.place((*path, "limits")).fault(f"min ({limits.min}) is above max ({limits.max})")
        if remediation.verify is not None:
            yield from _metric(document, (*path, "verify", "metric"), remediation.verify.metric, vocabulary)


def _escalation(document: Document, file: RunbookFile) -> Iterator[Fault]:
    from_severity = file.severity or Severity.P4
    for n, rule in enumerate(file.escalation):
        if not rule.severity.worse_than(from_severity):
            place = document.place(("escalation", n, "severity"))
            yield place.fault(f"{rule.severity} is no escalation from {from_severity}: it can never fire")


def _metric(document: Document, path: Path, name: str, vocabulary: Vocabulary) -> Iterator[Fault]:
    if vocabulary.metrics and name not in vocabulary.metrics:
        told = did_you_mean(name, vocabulary.metrics)
        yield document.place(path).fault(f"no metric `{name}` is configured{told}")


def _twice(document: Document, part: str, names: list[str]) -> Iterator[Fault]:
    for n, name in enumerate(names):
        if name in names[:n]:
            yield document.place((part, n, "name")).fault(f"`{name}` is in `{part}` twice")


def _unknown(document: Document, path: Path, kind: str, word: str, known: Collection[str]) -> Fault:
    told = did_you_mean(word, known) or _listed("; known are ", known)
    return document.place(path).fault(f"unknown {kind} `{word}`{told}")


def _listed(before: str, known: Collection[str]) -> str:
    return f"{before}{', '.join(sorted(known))}" if known else ""
