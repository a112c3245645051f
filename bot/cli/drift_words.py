"""A drift report, or a profile, for a terminal: the verdict, a table of columns, and what was not compared.

Called by `lightship drift`. Names and values come from files, so nothing of them is shown raw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from bot.domain.drift import BLIND_SPOTS, DriftVerdict
from bot.domain.outside_text import one_line
from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.domain.drift import DriftReport, FeatureDrift
    from bot.drift.profile import Profile

_COLOURS: Final = {
    DriftVerdict.STEADY: "green",
    DriftVerdict.DRIFTED: "yellow",
    DriftVerdict.SEVERE: "red",
    DriftVerdict.INSUFFICIENT: "yellow",
}
_SHOWN: Final = 40
_HEAD: Final = ("column", "test", "statistic", "p", "effect", "what")


def show_report(report: DriftReport) -> None:
    """Print a report; colours only where the terminal has them."""
    click.echo(click.style(one_line(report.reason, limit=500), fg=_COLOURS[report.verdict], bold=True))
    version = (
        f", model version {one_line(report.reference.model_version)}"
        if report.reference.model_version
        else ""
    )
    click.echo(f"Reference: {one_line(report.reference.name)}, {report.reference.rows:,} rows{version}")
    click.echo(f"Current:   {one_line(report.current.name)}, {report.current.rows:,} rows")
    _show_schema(report)
    if report.features:
        click.echo("")
        _show_table(report.features)
    _show_predictions(report)
    click.echo("")
    _show_numbers(report)
    if report.not_compared:
        click.echo("\nNot compared:")
        for one in report.not_compared:
            click.echo(f"  {one_line(one.name, limit=60)}: {one_line(one.reason)}")
    for note in report.notes:
        click.echo(f"\n{one_line(note)}")
    click.echo(click.style("\nWhat the score cannot see:", dim=True))
    for words in BLIND_SPOTS:
        click.echo(click.style(f"  {words}", dim=True))


def show_profile(profile: Profile, *, file: str, size: int, unknown: Sequence[str]) -> None:
    """Print what was saved: `size` in bytes, `unknown` the columns to be left out that are not there."""
    names = [column.name for column in profile.columns]
    compared = sum(column.compared for column in profile.columns)
    click.echo(
        f"{file}: {profile.rows:,} rows, {compared} of {len(names)} columns compared, {size / 1024:.0f} KiB"
    )
    for column in profile.columns:
        if not column.compared:
            click.echo(f"  {one_line(column.name, limit=60)}: not compared, {one_line(column.reason)}")
    for name in unknown:
        meant = one_line(did_you_mean(name, names))
        click.echo(f"  {one_line(name, limit=60)}: to be left out, but no column is called so{meant}")


def _show_schema(report: DriftReport) -> None:
    changes = (
        ("missing from the current data", report.schema.missing),
        ("only in the current data", report.schema.added),
        ("of another type now", report.schema.retyped),
    )
    for what, names in changes:
        if names:
            listed = ", ".join(one_line(name, limit=60) for name in names)
            click.echo(click.style(f"The schema changed, {what}: {listed}", fg="red", bold=True))


def _show_table(features: Sequence[FeatureDrift]) -> None:
    ordered = sorted(features, key=lambda feature: -feature.contribution)
    rows = [_row(feature) for feature in ordered[:_SHOWN]]
    widths = [max(len(row[place]) for row in [_HEAD, *rows]) for place in range(len(_HEAD) - 1)]
    click.echo(click.style(_line(_HEAD, widths), bold=True))
    for feature, row in zip(ordered, rows, strict=False):
        line = _line(row, widths)
        click.echo(click.style(line, fg="yellow") if feature.drifted else line)
    if len(ordered) > _SHOWN:
        click.echo(f"… and {len(ordered) - _SHOWN} more columns; --json has all")


def _row(feature: FeatureDrift) -> tuple[str, ...]:
    weighted = "" if feature.weight == 1 else f" x {feature.weight:.2f}"
    return (
        one_line(feature.name, limit=40),
        feature.test.value,
        _number(feature.statistic),
        _number(feature.p_value),
        f"{feature.effect:.2f}{weighted}",
        one_line(feature.reason, limit=240),
    )


def _line(cells: Sequence[str], widths: Iterable[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, cells[-1]])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}"


def _show_predictions(report: DriftReport) -> None:
    predictions = report.predictions
    if predictions is None:
        return
    score = "no score" if predictions.score is None else f"score {predictions.score:.2f}"
    sizes = f"{predictions.rows[0]:,} and {predictions.rows[1]:,}"
    click.echo(f"\nPredictions ({sizes}): {score}; {one_line(predictions.reason)}")


def _show_numbers(report: DriftReport) -> None:
    if report.score is not None:
        click.echo(f"Score:      {report.score:.3f}")
    joint = report.joint
    shown = f"{joint.value:.3f}" if joint.value is not None else f"none, {one_line(joint.reason)}"
    click.echo(f"Joint:      {shown}")
    if report.seed_score is not None:
        click.echo(f"1 - mean p: {report.seed_score:.3f} (about 0.5 without any drift: not to be alerted on)")
