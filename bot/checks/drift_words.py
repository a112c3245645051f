"""How the check `drift` says what a report says: verdict, one line, table and details. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.drift import ALERT_ABOVE, DriftTest, DriftVerdict
from bot.domain.findings import Table, Verdict
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from bot.domain.drift import ColumnSummary, DriftReport, FeatureDrift

JUMP: Final = 0.05
"""A share of missing values that grew by more than this has jumped."""

_ROWS: Final = 20
_NAMED: Final = 3
_VERDICTS: Final = {
    DriftVerdict.STEADY: Verdict.OK,
    DriftVerdict.DRIFTED: Verdict.WARN,
    DriftVerdict.SEVERE: Verdict.FAIL,
    DriftVerdict.INSUFFICIENT: Verdict.UNKNOWN,
}


def verdict_of(report: DriftReport) -> Verdict:
    """Above 0.3 a warning, above 0.5 a failure, too little data unknown."""
    return _VERDICTS[report.verdict]


def summary_of(report: DriftReport) -> str:
    """One line: `drift score 0.42, above 0.3: tenure and monthly_charges moved, 2 of 14 features`."""
    if report.score is None:
        return one_line(f"unknown: too little data for a drift score ({report.reason})", limit=300)
    above = f", above {ALERT_ABOVE}" if report.drifted else ""
    worst = report.worst(_NAMED)
    moved = sum(feature.drifted for feature in report.features)
    if not worst:
        return f"drift score {report.score:.2f}{above}: none of {len(report.features)} features moved"
    names = ", ".join(one_line(feature.name, limit=60) for feature in worst)
    more = f" and {moved - len(worst)} more" if moved > len(worst) else ""
    return one_line(
        f"drift score {report.score:.2f}{above}: {names}{more} moved,"
        f" {moved} of {len(report.features)} features",
        limit=400,
    )


def table_of(report: DriftReport) -> Table | None:
    """A row a feature that moved, the worst first."""
    rows = tuple(
        (one_line(one.name, limit=60), f"{one.effect:.2f}", one_line(one.reason, limit=160))
        for one in report.worst(_ROWS)
    )
    return Table(columns=("Feature", "Effect", "What moved"), rows=rows) if rows else None


def details_of(report: DriftReport) -> tuple[str, ...]:
    """What was compared, what was not, and what else the report saw."""
    reference, current = report.reference, report.current
    lines = [f"{current.rows} rows of {current.name} against {reference.rows} rows of {reference.name}"]
    if report.joint.value is not None:
        lines.append(f"all columns together: {report.joint.value:.2f}, where 0 is no difference")
    if report.predictions is not None and report.predictions.score is not None:
        lines.append(f"predictions: drift score {report.predictions.score:.2f}")
    lines += [f"not compared: {one.name}, {one.reason}" for one in report.not_compared[:_NAMED]]
    if len(report.not_compared) > _NAMED:
        lines.append(f"{len(report.not_compared) - _NAMED} more columns were not compared")
    return tuple(one_line(line, limit=240) for line in (*lines, *report.notes[:_NAMED]))


def missing_jumps(report: DriftReport) -> int:
    """Columns whose share of missing values jumped."""
    sides = ((one.reference, one.current) for one in report.features)
    return sum(1 for before, now in sides if before and now and now.missing - before.missing > JUMP)


def feature_summary(feature: FeatureDrift) -> str:
    """One line about one feature."""
    moved = "moved" if feature.drifted else "has not moved"
    return one_line(f"{feature.name} {moved} (effect {feature.effect:.2f}): {feature.reason}", limit=400)


def feature_table(feature: FeatureDrift) -> Table | None:
    """Both sides of a feature beside each other."""
    before, now = feature.reference, feature.current
    if before is None or now is None:
        return None
    pairs = zip(_side(before), _side(now), strict=True)
    rows = [(word, was, is_now) for (word, was), (_, is_now) in pairs if was or is_now]
    known, seen = dict(before.top), dict(now.top)
    rows += [
        (one_line(level, limit=60), f"{known.get(level, 0.0):.1%}", f"{seen.get(level, 0.0):.1%}")
        for level in list(dict.fromkeys([*known, *seen]))[:_ROWS]
    ]
    return Table(columns=("", "Reference", "Current"), rows=tuple(rows))


def feature_details(feature: FeatureDrift) -> tuple[str, ...]:
    """The test's own numbers, and what the reference never held."""
    test = "Kolmogorov-Smirnov" if feature.test is DriftTest.KS else "chi-squared"
    lines = []
    if feature.statistic is not None and feature.p_value is not None:
        lines.append(f"{test}: statistic {feature.statistic:.3g}, p {feature.p_value:.2g}")
    lines += [
        f"the reference never held: {one.kind} in {one.rows} rows ({one.share:.1%})"
        for one in feature.unseen_content[:_NAMED]
    ]
    return tuple(one_line(line, limit=240) for line in lines)


def _side(side: ColumnSummary) -> tuple[tuple[str, str], ...]:
    return (
        ("rows", str(side.rows)),
        ("missing", f"{side.missing:.1%}"),
        ("lowest", _number(side.minimum)),
        ("median", _number(side.median)),
        ("highest", _number(side.maximum)),
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
