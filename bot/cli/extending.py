"""`lightship extensions`: which checks and remediations other packages bring, and what is wrong with them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.options import unused_config_option
from bot.extensions import CHECKS, install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.extensions import Extension


@click.command(epilog="\b\nExamples:\n  lightship extensions\n  lightship extensions --json")
@unused_config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def extensions(as_json: bool) -> None:
    """List the checks and remediations that packages beside Lightship bring by their entry points.

    One that cannot be used is named with the reason; the exit code is 1 then.
    """
    installed = install()
    found = installed.extensions
    if as_json:
        for one in found:
            click.echo(
                json.dumps(
                    {"kind": _kind(one), "name": one.name, "package": one.package, "broken": one.broken}
                )
            )
    elif found:
        click.echo(_table(found))
    else:
        click.echo("No package beside Lightship brings a check or a remediation.")
    sys.exit(1 if installed.broken else 0)


def _table(found: Sequence[Extension]) -> str:
    rows = [
        ("Kind", "Name", "Package", ""),
        *((_kind(one), one.name, one.package, one.broken) for one in found),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for number, row in enumerate(rows):
        line = "  ".join(
            [*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]
        ).rstrip()
        lines.append(
            click.style(line, bold=True if number == 0 else None, fg="red" if number and row[3] else None)
        )
    return "\n".join(lines)


def _kind(one: Extension) -> str:
    return "check" if one.group == CHECKS else "remediation"
