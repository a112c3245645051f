"""What several commands share: the option `--config` and the way faults are shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.domain.faults import Fault

DEFAULT_CONFIG: Final = "lightship.yaml"

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    envvar="LIGHTSHIP_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    show_envvar=True,
    metavar="FILE",
    help="The configuration.",
)
"""`--config FILE`, else LIGHTSHIP_CONFIG, else ./lightship.yaml."""

unused_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    expose_value=False,
    metavar="FILE",
    help="Taken by every command; nothing in it changes this one.",
)
"""`--config FILE` for commands that read only the environment, so that wrappers can pass it to all."""


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs, in place of what people read."
)
"""`--json`, of commands that print a table or a list."""


def show_faults(faults: Iterable[Fault]) -> None:
    """One line a fault on standard output, the place in bold on a terminal; paths as short as they can be."""
    for fault in faults:
        place = f"{_shortened(fault.file)}:{fault.line}:{fault.column}:"
        click.echo(f"{click.style(place, bold=True)} {fault.message}")


def _shortened(file: str) -> str:
    if file.startswith("$"):
        return file
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative
