"""Played rehearsals as people and programs read them: a table, what failed and why, JUnit XML, JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.playing.judging import Judgement
    from bot.playing.playing import Rehearsed
    from bot.rehearsal.scenarios.loading import Scenario

_NOT_XML: Final = {code: None for code in range(32) if code not in {9, 10, 13}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """One rehearsal, played. `error` says why it could not be; `seconds` are real ones."""

    scenario: Scenario
    rehearsed: Rehearsed | None
    error: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all that must follow did."""
        return self.rehearsed is not None and self.rehearsed.passed

    @property
    def failed(self) -> tuple[Judgement, ...]:
        """The judgements that do not hold."""
        return tuple(one for one in self.rehearsed.judgements if not one.held) if self.rehearsed else ()

    @property
    def lasted(self) -> str:
        """How much virtual time went by."""
        if self.rehearsed is None:
            return ""
        return self.rehearsed.performance.since_beginning(self.rehearsed.performance.ended)


def table(played: Sequence[Played], *, took: float) -> str:
    """One line a rehearsal, and a last line with the sum. All together `took` that many real seconds."""
    rows = [("", "Rehearsal", "Runbook", "Played", "What"), *map(_row, played)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for number, row in enumerate(rows):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
        line = f"{line}  {row[4]}".rstrip()
        passed = number == 0 or played[number - 1].passed
        lines.append(click.style(line, bold=True if number == 0 else None, fg=None if passed else "red"))
    wrong = sum(not one.passed for one in played)
    said = f"{len(played)} played in {took:.1f} s, " + (
        f"{wrong} failed." if wrong else "all as they should."
    )
    return "\n".join([*lines, "", click.style(said, fg="red" if wrong else "green")])


def _row(one: Played) -> tuple[str, ...]:
    words = one.scenario.file.title if one.passed else one.error or _sum_of(one.failed)
    return (
        "ok" if one.passed else "FAIL",
        one.scenario.name,
        one.scenario.file.runbook or "",
        one.lasted,
        words,
    )


def _sum_of(failed: Sequence[Judgement]) -> str:
    first = failed[0]
    rest = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{first.what}: expected {first.expected}; {first.happened}{rest}"


def failure(one: Played) -> str:
    """A failed rehearsal for whoever has to mend it."""
    head = click.style(f"FAIL {one.scenario.name}", bold=True, fg="red")
    return "\n".join([f"{head} {one.scenario.file.title} ({one.scenario.source})", *_failure(one)])


def _failure(one: Played) -> Iterator[str]:
    if one.error:
        yield f"  it could not be played: {one.error}"
    messages: list[str] = []
    for judgement in one.failed:
        yield f"  {judgement.what}"
        yield f"    expected  {judgement.expected}"
        yield f"    happened  {judgement.happened}"
        if judgement.message and judgement.message not in messages:
            messages.append(judgement.message)
    if one.rehearsed is not None:
        yield "  what happened"
        yield from (f"    {line}" for line in _course(one.rehearsed))
    for message in messages:
        yield "  the message"
        yield from (f"    │ {line}".rstrip() for line in message.strip().splitlines())
    yield ""


def _course(rehearsed: Rehearsed) -> Iterator[str]:
    performance = rehearsed.performance
    for event in performance.events:
        detail = ", ".join(
            str(event.detail[name])
            for name in ("check", "verdict", "change", "outcome", "why")
            if event.detail.get(name)
        )
        kind = event.kind.value.replace("_", " ")
        yield f"{performance.since_beginning(event.at):>8}  {kind}{f': {detail}' if detail else ''}"
    if not performance.events:
        yield "nothing at all"


def as_object(played: Sequence[Played]) -> dict[str, Any]:
    """For programs."""
    return {
        "passed": all(one.passed for one in played),
        "seconds": round(sum(one.seconds for one in played), 3),
        "rehearsals": [
            {
                "name": one.scenario.name,
                "title": one.scenario.file.title,
                "runbook": one.scenario.file.runbook,
                "file": one.scenario.source,
                "passed": one.passed,
                "seconds": round(one.seconds, 3),
                "lasted": one.lasted,
                "error": one.error,
                "judgements": [
                    {"what": j.what, "expected": j.expected, "happened": j.happened, "held": j.held}
                    for j in (one.rehearsed.judgements if one.rehearsed else ())
                ],
            }
            for one in played
        ],
    }


def junit_xml(played: Sequence[Played]) -> str:
    """As continuous integration reads it: one suite, a case for each rehearsal."""
    failures = sum(not one.passed and not one.error for one in played)
    errors = sum(bool(one.error) for one in played)
    counts = {"tests": str(len(played)), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    seconds = f"{sum(one.seconds for one in played):.3f}"
    root = ET.Element("testsuites", {**counts, "time": seconds})
    suite = ET.SubElement(root, "testsuite", {"name": "lightship rehearse", **counts, "time": seconds})
    for one in played:
        case = ET.SubElement(
            suite,
            "testcase",
            {
                "classname": one.scenario.file.runbook or "rehearsal",
                "name": one.scenario.name,
                "file": one.scenario.source,
                "time": f"{one.seconds:.3f}",
            },
        )
        if one.passed:
            continue
        words = one.error or _sum_of(one.failed)
        told = ET.SubElement(
            case, "error" if one.error else "failure", {"message": words.translate(_NOT_XML)}
        )
        told.text = "\n".join(_failure(one)).translate(_NOT_XML)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
