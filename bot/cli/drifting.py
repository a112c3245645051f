"""`lightship drift`: the group of its commands, and a drift report on files.

Numpy and Arrow load when there is work, not for `--help`.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from bot.cli import Entry, LazyGroup
from bot.cli.drift_options import (
    DATA,
    PATH,
    DriftCommand,
    categorical_option,
    exclude_option,
    features_option,
    reading,
    selection_of,
    target_option,
)
from bot.cli.options import config_option
from bot.cli.progress import waiting
from bot.domain.drift import DriftVerdict
from bot.domain.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.domain.drift import DriftReport
    from bot.drift.columns import Selection
    from bot.drift.predictions import PredictionSides
    from bot.drift.profile import Profile
    from bot.drift.sources import Source
    from bot.drift.windows import Window

EXIT_DRIFT: Final = 3
EXIT_INSUFFICIENT: Final = 4
_PROFILE_LINE: Final = "Save the profile of a reference, to compare with later."
_RUN_LINE: Final = "Make the configured drift reports now, and publish them."


@click.group(
    cls=LazyGroup,
    entries={
        "run": Entry("bot.cli.drift_running:run", _RUN_LINE),
        "profile": Entry("bot.cli.drift_profiling:profile", _PROFILE_LINE),
    },
    epilog="\b\nExamples:\n  lightship drift report --reference train.parquet --current today/\n"
    "  lightship drift profile --data train.parquet --target left --out reference.profile",
)
def drift() -> None:
    """Compare current data with a reference, or save the reference's profile."""


@drift.command(
    cls=DriftCommand,
    epilog="\b\nExamples:\n  lightship drift report --reference ref.profile --current logs/2024-05/ --json\n"
    "  lightship drift report --reference ref.parquet --current lake --window-column day --since 2024-05-01",
)
@config_option
@click.option(
    "--reference", type=DATA, required=True, help="Data or a saved profile; a path, or an address as s3://…"
)
@click.option("--current", type=DATA, required=True, help="Parquet or CSV, a file or a folder.")
@click.option("--predictions-reference", type=DATA, help="The model's predictions on the reference.")
@click.option("--predictions-current", type=DATA, help="The model's predictions on the current data.")
@click.option(
    "--prediction-column", default="", metavar="COL", help="Their column; `prediction`, or the only one."
)
@target_option
@features_option
@exclude_option
@categorical_option
@click.option("--weights", type=PATH, help="JSON: the importance of each column by name.")
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
@click.option("--html", type=PATH, metavar="FILE", help="Write a page that needs nothing else.")
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


def make_report(given: Mapping[str, Any]) -> DriftReport:
    """The report that the options ask for. Raises LightshipError with words for the user."""
    with waiting("Loading"):
        from bot.drift.report import Options, compare  # noqa: PLC0415 - numpy and Arrow load with work
        from bot.drift.verdicts import relative_weights  # noqa: PLC0415 - likewise

    if bool(given["predictions_reference"]) != bool(given["predictions_current"]):
        raise click.UsageError("--predictions-reference and --predictions-current go together")
    weights = relative_weights(_importances(given["weights"])) if given["weights"] else {}
    selection = selection_of(given)
    current = _current(given["current"], given["engine"], window=_window(given))
    reference = _reference(given["reference"], selection)
    predictions = _predictions(given)
    sides = [current, *([predictions.current] if predictions else [])]
    with reading(sides, "Reading current rows") as progress:
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
    with reading([source], "Reading the reference", passes=2) as progress:
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
