"""The check `drift`: the newest published drift report of the service, its age, and which features moved.

It computes nothing: a report takes its time, and is made elsewhere. Where none was published yet the verdict
is unknown, and the reason says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks import drift_words as words
from bot.checks.arguments import text_of
from bot.checks.drift_pictures import feature_picture, report_picture
from bot.domain.errors import Permanent
from bot.domain.facts import number
from bot.domain.findings import Finding, Verdict
from bot.domain.outside_text import one_line
from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.domain.drift import DriftReport, FeatureDrift
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.ports.readers import PublishedDrift, Readers

NAME: Final = "drift"
FRESH_FOR: Final = timedelta(hours=3)
FACTS: Final[Mapping[str, KnownFact]] = {
    "score": number("the overall drift score, from 0 to 1"),
    "drifted": number("features that drifted"),
    "drifted_share": number("as a share of those compared"),
    "not_compared": number("columns that could not be compared"),
    "missing_jump": number("columns whose share of missing values jumped"),
    "prediction_score": number("the drift score of the predictions"),
    "age_hours": number("hours since the report was made", unit="hours"),
}
"""The facts that evidence expressions may name."""
ARGUMENTS: Final = frozenset({"feature"})

_NAMED: Final = 10


async def run(
    target: CheckTarget, readers: Readers, now: datetime, arguments: Mapping[str, Scalar]
) -> Finding:
    """Look the newest report up. Raises Permanent where there is none, or no such feature in it."""
    published = await readers.drift.latest(target.service)
    if published is None:
        raise Permanent(f"no drift report of {target.service} has been published yet")
    wanted = text_of(arguments, "feature")
    if wanted:
        return _of_feature(published, wanted, service=target.service, now=now)
    report = published.report
    return Finding(
        check=NAME,
        target=target.service,
        verdict=words.verdict_of(report),
        summary=words.summary_of(report),
        reason=one_line(report.reason, limit=300) if report.score is None else "",
        observed_at=published.made_at,
        fresh_for=FRESH_FOR,
        facts=_facts(published, now),
        table=words.table_of(report),
        details=words.details_of(report),
        attachments=report_picture(
            report, published.trend, service=target.service, said=words.summary_of(report)
        ),
    )


def _of_feature(published: PublishedDrift, wanted: str, *, service: str, now: datetime) -> Finding:
    feature = _named(published.report, wanted)
    return Finding(
        check=NAME,
        target=f"{service}/{one_line(feature.name, limit=60)}",
        verdict=Verdict.WARN if feature.drifted else Verdict.OK,
        summary=words.feature_summary(feature),
        observed_at=published.made_at,
        fresh_for=FRESH_FOR,
        facts=_facts(published, now),
        table=words.feature_table(feature),
        details=words.feature_details(feature),
        attachments=feature_picture(feature, service=service, said=words.feature_summary(feature)),
    )


def _named(report: DriftReport, wanted: str) -> FeatureDrift:
    by_name = {feature.name.casefold(): feature for feature in report.features}
    found = by_name.get(wanted.casefold())
    if found is not None:
        return found
    left_out = next((one for one in report.not_compared if one.name.casefold() == wanted.casefold()), None)
    shown = one_line(wanted, limit=60)
    if left_out is not None:
        raise Permanent(f"`{shown}` was not compared: {one_line(left_out.reason, limit=200)}")
    names = [feature.name for feature in report.features]
    known = did_you_mean(wanted, names) or f"; it has {', '.join(names[:_NAMED]) or 'none'}"
    raise Permanent(f"the newest report has no feature `{shown}`{one_line(known, limit=300)}")


def _facts(published: PublishedDrift, now: datetime) -> Mapping[str, Fact]:
    report = published.report
    compared = len(report.features)
    drifted = sum(feature.drifted for feature in report.features)
    return {
        "score": report.score,
        "drifted": drifted,
        "drifted_share": round(drifted / compared, 4) if compared else None,
        "not_compared": len(report.not_compared),
        "missing_jump": words.missing_jumps(report),
        "prediction_score": report.predictions.score if report.predictions else None,
        "age_hours": round(max((now - published.made_at).total_seconds(), 0.0) / 3600, 2),
    }
