"""`lightship drift`: a drift report on files, and the profile of a reference.

Numpy and Arrow load when there is work, not for `--help`.
"""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bot.cli import Entry, LazyGroup
from bot.cli.options import config_option
from bot.cli.progress import progress_bar, waiting
from bot.domain.drift import DriftVerdict
from bot.domain.errors import LightshipError, Permanent
from bot.domain.words import did_you_mean
from bot.drift.locations import location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bot.domain.drift import DriftReport
    from bot.drift.columns import Selection
    from bot.drift.predictions import PredictionSides
    from bot.drift.profile import Profile
    from bot.drift.sources import Source
    from bot.drift.windows import Window

EXIT_DRIFT: Final = 3
EXIT_INSUFFICIENT: Final = 4
_ROWS_WORTH_A_BAR: Final = 500_000
_RUN_LINE: Final = "Make the configured drift reports now, and publish them."
_PATH: Final = click.Path(path_type=Path)


class _DataPath(click.Path):
    """A path of this machine, or an address such as `s3://lake`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return location(str(super().convert(value, param, ctx)))
        except LightshipError as error:
            raise click.UsageError(str(error)) from error


_DATA: Final = _DataPath()


class _Command(click.Command):
    """A command whose every fault exits with 1: 2 means nothing here, and 3 and 4 are results."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise _exiting_with_one(error) from None

    def invoke(self, ctx: click.Context) -> Any:
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


@click.group(
    cls=LazyGroup,
    entries={"run": Entry("bot.cli.drift_running:run", _RUN_LINE)},
    epilog="\b\nExamples:\n  lightship drift report --reference train.parquet --current today/\n"
    "  lightship drift profile --data train.parquet --target left --out reference.profile",
)
def drift() -> None:
    """Compare current data with a reference, or save the reference's profile."""


def _columns_option(flag: str, words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(flag, multiple=True, metavar="COL,…", help=words)


_target: Final = _columns_option("--target", "The target's column: kept in the profile, never scored.")
_features: Final = _columns_option(
    "--features", "The model's features: one that the current data lacks counts as missing in every row."
)
_exclude: Final = _columns_option("--exclude", "Columns to leave out.")
_categorical: Final = _columns_option("--categorical", "Columns of numbers that are codes of categories.")


@drift.command(
    cls=_Command,
    epilog="\b\nExamples:\n  lightship drift report --reference ref.profile --current logs/2024-05/ --json\n"
    "  lightship drift report --reference ref.parquet --current lake --window-column day --since 2024-05-01",
)
@config_option
@click.option(
    "--reference", type=_DATA, required=True, help="Data or a saved profile; a path, or an address as s3://…"
)
@click.option("--current", type=_DATA, required=True, help="Parquet or CSV, a file or a folder.")
@click.option("--predictions-reference", type=_DATA, help="The model's predictions on the reference.")
@click.option("--predictions-current", type=_DATA, help="The model's predictions on the current data.")
@click.option(
    "--prediction-column", default="", metavar="COL", help="Their column; `prediction`, or the only one."
)
@_target
@_features
@_exclude
@_categorical
@click.option("--weights", type=_PATH, help="JSON: the importance of each column by name.")
@click.option(
    "--window-column", default="", metavar="COL", help="A column or partition key of dates or times."
)
@click.option(
    "--since", default="", metavar="TIME", help="Current rows from this time on (UTC unless it says)."
)
@click.option("--until", default="", metavar="TIME", help="Current rows before this time.")
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="What counts the current rows: this process, or Spark where they outgrow one machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--html", type=_PATH, metavar="FILE", help="Write a page that needs nothing else.")
def report(**given: Any) -> None:
    """Report how far current data has drifted from its reference.

    Exits with 0 without drift, 3 when the score is above 0.3, 4 when there is too little data for a score,
    and 1 when something is wrong.
    """
    made = make_report(given)
    if given["html"]:
        _write_page(made, given["html"])
    if given["as_json"]:
        from bot.drift.as_json import report_json  # noqa: PLC0415 - likewise

        click.echo(report_json(made))
    else:
        from bot.cli.drift_words import show_report  # noqa: PLC0415 - likewise

        show_report(made)
    if made.verdict is DriftVerdict.INSUFFICIENT:
        sys.exit(EXIT_INSUFFICIENT)
    if made.drifted:
        sys.exit(EXIT_DRIFT)


@drift.command(
    cls=_Command,
    epilog="\b\nExample:\n  lightship drift profile --data train.parquet --target left --out ref.profile",
)
@config_option
@click.option("--data", type=_DATA, required=True, help="The reference: Parquet or CSV, a file or a folder.")
@click.option("--out", type=_PATH, required=True, help="The file to write.")
@_target
@_features
@_exclude
@_categorical
@click.option("--model-version", default="", help="The version of the model that was trained on the data.")
@click.option("--with-sample", is_flag=True, help="Keep up to 2,500 rows in it, which the joint score needs.")
def profile(**given: Any) -> None:
    """Save the profile of a reference, to be compared with in place of the data."""
    from bot.drift.columns import unknown_names  # noqa: PLC0415 - after the options are right
    from bot.drift.profile_files import is_profile, save_profile  # noqa: PLC0415 - likewise
    from bot.drift.profiling import make_profile  # noqa: PLC0415 - likewise
    from bot.drift.sources import open_source  # noqa: PLC0415 - likewise

    if is_profile(given["data"]):
        raise Permanent(f"{given['data']} is a profile already")
    source = open_source(given["data"])
    with _bar([source], "Reading the reference", passes=2) as progress:
        made = make_profile(
            source,
            _selection(given),
            model_version=given["model_version"],
            with_sample=given["with_sample"],
            progress=progress,
        )
    if not made.rows:
        raise Permanent(f"{given['data']} holds no rows")
    save_profile(made, given["out"], key=secrets.token_bytes(16))
    compared = sum(column.compared for column in made.columns)
    size = given["out"].stat().st_size / 1024
    click.echo(
        f"{given['out']}: {made.rows:,} rows, {compared} of {len(made.columns)} columns compared, "
        f"{size:.0f} KiB"
    )
    for column in made.columns:
        if not column.compared:
            click.echo(f"  {column.name}: not compared, {column.reason}")
    names = [column.name for column in made.columns]
    for name in unknown_names(_names(given["exclude"]), names):
        click.echo(f"  {name}: to be left out, but no column is called so{did_you_mean(name, names)}")


def make_report(given: Mapping[str, Any]) -> DriftReport:
    """The report that the options ask for. Raises LightshipError with words for the user."""
    with waiting("Loading"):
        from bot.drift.report import Options, compare  # noqa: PLC0415 - numpy and Arrow load with work
        from bot.drift.verdicts import relative_weights  # noqa: PLC0415 - likewise

    if bool(given["predictions_reference"]) != bool(given["predictions_current"]):
        raise click.UsageError("--predictions-reference and --predictions-current go together")
    weights = relative_weights(_importances(given["weights"])) if given["weights"] else {}
    selection = _selection(given)
    current = _current(given["current"], given["engine"], window=_window(given))
    reference = _reference(given["reference"], selection)
    predictions = _predictions(given)
    with _bar([current, *([predictions.current] if predictions else [])], "Reading current rows") as progress:
        return compare(
            reference,
            current,
            options=Options(selection=selection, weights=weights, prediction=given["prediction_column"]),
            predictions=predictions,
            progress=progress,
        )


def _write_page(report: DriftReport, path: Path) -> None:
    from bot.rendering.drift_pages import drift_page  # noqa: PLC0415 - only where it is asked for

    title = f"Drift of {report.current.name} against {report.reference.name}"
    try:
        path.write_text(drift_page(report, title=title), encoding="utf-8")
    except OSError as error:
        raise Permanent(f"cannot write {path}: {error.strerror or error}") from error


def _reference(path: Path, selection: Selection) -> Profile:
    from bot.drift.profile_files import is_profile, load_profile  # noqa: PLC0415 - as above
    from bot.drift.profiling import make_profile  # noqa: PLC0415 - as above
    from bot.drift.sources import open_source  # noqa: PLC0415 - as above

    if is_profile(path):
        if selection.kinds:
            raise click.UsageError("--categorical is for data: a saved profile has its kinds already")
        return load_profile(path)
    source = open_source(path)
    with _bar([source], "Reading the reference", passes=2) as progress:
        return make_profile(source, selection, with_sample=True, progress=progress)


def _current(path: Path, engine: str, *, window: Window | None = None) -> Source:
    """Current rows as the engine reads them; a reference is always local."""
    if engine == "spark":
        from bot.drift.spark import open_spark  # noqa: PLC0415 - as above

        return open_spark(path, window=window)
    from bot.drift.sources import open_source  # noqa: PLC0415 - as above

    return open_source(path, window=window)


def _predictions(given: Mapping[str, Any]) -> PredictionSides | None:
    if not given["predictions_reference"]:
        return None
    from bot.drift.predictions import PredictionSides, reference_predictions  # noqa: PLC0415 - as above
    from bot.drift.profile_files import is_profile, load_profile  # noqa: PLC0415 - as above
    from bot.drift.sources import open_source  # noqa: PLC0415 - as above

    path, column = given["predictions_reference"], given["prediction_column"]
    reference = load_profile(path) if is_profile(path) else reference_predictions(open_source(path), column)
    return PredictionSides(
        reference=reference,
        current=_current(given["predictions_current"], given["engine"]),
        column=column,
    )


def _selection(given: Mapping[str, Any]) -> Selection:
    from bot.drift.columns import Kind, Selection  # noqa: PLC0415 - as above

    features = _names(given["features"])
    return Selection(
        exclude=_names(given["exclude"]),
        targets=_names(given["target"]),
        features=features or None,
        kinds=dict.fromkeys(_names(given["categorical"]), Kind.CATEGORY),
    )


def _names(lists: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip() for names in lists for name in names.split(",") if name.strip())


def _importances(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Permanent(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise Permanent(f"{path} is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise Permanent(f"{path} is not a JSON object of names and importances")
    return read


def _window(given: Mapping[str, Any]) -> Window | None:
    if not given["since"] and not given["until"]:
        if given["window_column"]:
            raise click.UsageError("--window-column needs --since or --until")
        return None
    from bot.drift.windows import Window  # noqa: PLC0415 - as above

    start, end = _moment("--since", given["since"]), _moment("--until", given["until"])
    if start and end and start >= end:
        raise click.UsageError("--since is not before --until")
    return Window(column=given["window_column"] or "date", start=start, end=end)


def _moment(flag: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"{flag} is no date or time: `{text[:40]}` (like 2024-05-01T06:00)") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _bar(sources: Iterable[Source], label: str, *, passes: int = 1) -> Iterator[Callable[[int], None]]:
    """What a terminal sees: a bar when there is much to read, else how long it takes; a pipe sees neither."""
    rows = passes * sum(source.rows or 0 for source in sources)
    if rows >= _ROWS_WORTH_A_BAR:
        with progress_bar(rows, label, then="Scoring" if passes == 1 else "") as progress:
            yield progress
        return
    with waiting(label):
        yield lambda _rows: None
