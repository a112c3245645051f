"""What the commands of `lightship drift` have in common: their options, exit codes and progress bar.

Used by `drifting` and `drift_profiling`. Numpy and Arrow load when there is work, not for `--help`.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bot.cli.progress import progress_bar, waiting
from bot.domain.errors import LightshipError
from bot.drift.locations import location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bot.drift.columns import Selection
    from bot.drift.sources import Source

_ROWS_WORTH_A_BAR: Final = 500_000
PATH: Final = click.Path(path_type=Path)


class _DataPath(click.Path):
    """A path of this machine, or an address such as `s3://lake`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return location(str(super().convert(value, param, ctx)))
        except LightshipError as error:
            raise click.UsageError(str(error)) from error


DATA: Final = _DataPath()


class DriftCommand(click.Command):
    """A command whose every fault exits with 1: 2 means nothing here, and 3 and 4 are results."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise _exiting_with_one(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; an error of ours is one of the user."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _exiting_with_one(error) from None
        except LightshipError as error:
            raise click.ClickException(str(error)) from error


def _exiting_with_one(error: click.UsageError) -> click.UsageError:
    """The same fault with its usage lines, and the exit code of an error here."""
    setattr(error, "exit_code", 1)  # noqa: B010 - click declares it for the class, and reads it from the fault
    return error


def _columns_option(flag: str, words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(flag, multiple=True, metavar="COL,…", help=words)


target_option: Final = _columns_option("--target", "The target's column: kept in the profile, never scored.")
features_option: Final = _columns_option(
    "--features", "The model's features: one that the current data lacks counts as missing in every row."
)
exclude_option: Final = _columns_option("--exclude", "Columns to leave out.")
categorical_option: Final = _columns_option(
    "--categorical", "Columns of numbers that are codes of categories."
)


def selection_of(given: Mapping[str, Any]) -> Selection:
    """What the options say about the columns."""
    from bot.drift.columns import Kind, Selection  # noqa: PLC0415 - numpy loads with work

    features = names_of(given["features"])
    return Selection(
        exclude=names_of(given["exclude"]),
        targets=names_of(given["target"]),
        features=features or None,
        kinds=dict.fromkeys(names_of(given["categorical"]), Kind.CATEGORY),
    )


def names_of(lists: Iterable[str]) -> frozenset[str]:
    """The names in options that may be given several times, each a list with commas."""
    return frozenset(name.strip() for names in lists for name in names.split(",") if name.strip())


@contextmanager
def reading(sources: Iterable[Source], label: str, *, passes: int = 1) -> Iterator[Callable[[int], None]]:
    """What a terminal sees: a bar when there is much to read, else how long it takes; a pipe sees neither."""
    rows = passes * sum(source.rows or 0 for source in sources)
    if rows >= _ROWS_WORTH_A_BAR:
        with progress_bar(rows, label, then="Scoring" if passes == 1 else "") as progress:
            yield progress
        return
    with waiting(label):
        yield lambda _rows: None
