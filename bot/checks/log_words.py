"""How the check `logs` says what it read: verdict, one line, table and details. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.checks.log_signs import Level
from bot.domain.findings import Table, Verdict
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.checks.log_folding import LogFold

_ROWS: Final = 20
_FAILURES: Final = 3
_NOTES: Final = 5
_WORDS: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.PLAIN: ""}
_HEADLINE: Final = 220


def verdict_of(fold: LogFold, *, incomplete: bool) -> Verdict:
    """Warn where there are errors or a log could not be read; words alone never fail."""
    return Verdict.WARN if fold.count(Level.ERROR) or incomplete else Verdict.OK


def summary_of(fold: LogFold, *, pods: int, previous: bool) -> str:
    """One line: `14 error lines of 300 in 3 pods, mostly (12 times): ValueError: …`."""
    before = " before the last restart" if previous else ""
    if not fold.lines:
        return (
            "no container has restarted, so there are no earlier logs"
            if previous and not pods
            else f"no lines in the logs of {_counted(pods, 'pod')}{before}"
        )
    errors = fold.count(Level.ERROR)
    read = f"{_counted(fold.lines, 'line')} of {_counted(pods, 'pod')}{before}"
    if not errors:
        warnings = fold.count(Level.WARNING)
        return f"no errors in {read}" + (f", {_counted(warnings, 'warning')}" if warnings else "")
    worst = fold.patterns[0]
    often = f", {worst.count} of them like" if worst.count > 1 else ", such as"
    return f"{_counted(errors, 'error')} in {read}{often}: {one_line(worst.shown(), limit=_HEADLINE)}"


def table_of(fold: LogFold) -> Table | None:
    """A row a pattern, errors first; None without lines."""
    rows = tuple(
        (str(one.count), str(len(one.sources)), _WORDS[one.level], one.shown())
        for one in fold.patterns[:_ROWS]
    )
    return Table(columns=("Times", "Pods", "Kind", "Newest line"), rows=rows) if rows else None


def details_of(fold: LogFold, *, notes: Sequence[str], failures: Sequence[str]) -> tuple[str, ...]:
    """What was not read, and what is not shown."""
    lines = [*notes[:_NOTES], *(f"not read: {failure}" for failure in failures[:_FAILURES])]
    if len(failures) > _FAILURES:
        lines.append(f"{len(failures) - _FAILURES} more logs could not be read")
    hidden = len(fold.patterns) - _ROWS
    if hidden > 0:
        lines.append(f"{hidden} more kinds of line are not shown")
    if fold.left_out:
        lines.append(f"{fold.left_out} lines were too different from each other to be folded")
    return tuple(one_line(line, limit=240) for line in lines)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
