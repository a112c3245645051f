"""The run as a table on the terminal and as a page of the documentation. Pure."""

from __future__ import annotations

import os
import platform
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bench.figures import Chapter, Table

NOTE = (
    "Ratios are medians over rounds in which the servers take turns, with their range; elsewhere they "
    "hold better than the absolute figures beside them."
)
BUSY = 0.5
BUSY_NOTE = (
    "**The machine was busy with other work.** Waits and rates are those of a bot that shares its "
    "processors, and the ratios spread widely; what a quiet machine shows was not measured in this run."
)
HEAD = ("figure", "found", "absolute", "goal", "")


def terminal(chapter: Chapter) -> str:
    """One chapter for a terminal."""
    lines = [f"\n{chapter.title}"]
    for figure in chapter.figures:
        goal = f" ({figure.goal}: {figure.verdict})" if figure.goal else ""
        lines.append(f"  {figure.name}: {figure.found}{goal}")
        lines += [f"      {figure.absolute}"] if figure.absolute else []
    for table in chapter.tables:
        widths = [max(map(len, column)) for column in zip(table.head, *table.rows, strict=True)]
        lines.append(f"  {table.title}")
        lines += [
            "      " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (table.head, *table.rows)
        ]
    return "\n".join(lines)


def page(
    chapters: Sequence[Chapter],
    *,
    command: str,
    on: date,
    load: float,
    note: str = NOTE,
    busy: str = BUSY_NOTE,
) -> str:
    """The whole run in Markdown; `load` is what the machine had to do before it.

    `note` says how to read the figures, `busy` what holds less where the machine had much to do.
    """
    missed = [figure.name for chapter in chapters for figure in chapter.figures if figure.met is False]
    verdict = f"Missed: {'; '.join(missed)}." if missed else "Every goal was met."
    parts = [
        "# Benchmarks",
        f"Made on {on.isoformat()} by `{command}` on {machine(load)}. {verdict}",
        note,
    ]
    if load > BUSY:
        parts.append(busy)
    for chapter in chapters:
        rows = [(one.name, one.found, one.absolute, one.goal, one.verdict) for one in chapter.figures]
        parts += [f"## {chapter.title}", chapter.how, _markdown(HEAD, rows)]
        parts += [part for table in chapter.tables for part in _of_table(table)]
    return "\n\n".join(parts) + "\n"


def machine(load: float) -> str:
    """What it ran on, in words, without the machine's name."""
    processors = os.cpu_count() or 0
    return (
        f"{processors} {platform.machine()} processors ({platform.system()}, load {load:.1f} before), "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _of_table(table: Table) -> tuple[str, str]:
    return f"### {table.title}", _markdown(table.head, table.rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
