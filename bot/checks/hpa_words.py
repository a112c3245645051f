"""How the check `hpa` says what it saw: verdict, one line, table, and conditions in plain words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.checks.reading import ago
from bot.domain.durations import rough_duration
from bot.domain.findings import Table, Verdict
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from datetime import datetime

    from bot.checks.hpa_reports import HpaReport
    from bot.checks.reading import Condition

_REASONS: Final = {
    "FailedGetScale": "it cannot read the scale of its target",
    "FailedUpdateScale": "it cannot change the scale of its target",
    "FailedGetResourceMetric": "it cannot read CPU or memory of the pods",
    "FailedGetContainerResourceMetric": "it cannot read CPU or memory of a container",
    "FailedGetPodsMetric": "it cannot read its metric of the pods",
    "FailedGetObjectMetric": "it cannot read its metric of another object",
    "FailedGetExternalMetric": "it cannot read its metric from outside of the cluster",
    "FailedConvertHPA": "its definition cannot be understood",
    "InvalidMetricSourceType": "its definition names a kind of metric that does not exist",
    "InvalidSelector": "its target has no usable pod selector",
    "AmbiguousSelector": "another autoscaler claims the same pods",
    "ScalingDisabled": "it is off, because its target is scaled to 0",
    "BackoffBoth": "it has just scaled and waits before it does again",
    "BackoffDownscale": "it has just scaled and waits before it goes down",
    "BackoffUpscale": "it has just scaled and waits before it goes up",
    "ScaleDownStabilized": "it would go down, and waits whether the load stays low",
    "ScaleUpStabilized": "it would go up, and waits whether the load stays high",
    "TooManyReplicas": "its metrics ask for more replicas than its maximum",
    "TooFewReplicas": "its metrics ask for fewer replicas than its minimum",
    "ScaleUpLimit": "it goes up as fast as its policy lets it",
    "ScaleDownLimit": "it goes down as fast as its policy lets it",
}
_UNREMARKABLE: Final = frozenset(
    {"SucceededGetScale", "SucceededRescale", "ReadyForNewScale", "ValidMetricFound", "DesiredWithinRange"}
)
_SHOWN: Final = 3


def verdict_of(report: HpaReport, *, warned: bool) -> Verdict:
    """Fail where it is blind or cannot scale; warn at its maximum, switched off, or wired up wrongly."""
    if report.able is False and not report.switched_off:
        return Verdict.FAIL
    return Verdict.WARN if warned or report.at_maximum or report.switched_off else Verdict.OK


def summary_of(report: HpaReport, *, now: datetime) -> str:
    """One line: `at its maximum of 10 for 25m, wants more: cpu at 140% of a target of 70%`."""
    if report.switched_off:
        return _REASONS["ScalingDisabled"]
    for condition in (report.able_to_scale, report.active):
        if condition.status == "False":
            return f"{plain_reason(condition)}; {_between(report)}"
    parts = [f"{one.name} at {one.now}, target {one.target}" for one in report.metrics[:_SHOWN]]
    measured = f": {'; '.join(parts)}" if parts else ""
    if report.at_maximum:
        since = report.at_maximum_since
        lasting = f" for {rough_duration(now - since)}" if since and since < now else ""
        more = ", wants more" if report.wants_more else ""
        return f"at its maximum of {report.maximum}{lasting}{more}{measured}"
    return f"{_between(report)}{measured}"


def table_of(report: HpaReport) -> Table | None:
    """A row a metric; None where it follows none."""
    rows = tuple(
        (one.name, one.now, one.target, "?" if one.ratio is None else f"{one.ratio:.0%}")
        for one in report.metrics
    )
    return Table(columns=("Metric", "Now", "Target", "Now of target"), rows=rows) if rows else None


def details_of(report: HpaReport, *, now: datetime) -> tuple[str, ...]:
    """What its conditions mean and when it last scaled."""
    lines = [
        _condition_line(condition, now)
        for condition in (report.able_to_scale, report.active, report.limited)
        if condition.status and (condition.status == "False" or condition.reason not in _UNREMARKABLE)
        if not (condition is report.limited and condition.status == "False")
    ]
    if report.scaled_at is not None:
        lines.append(f"it last scaled {ago(report.scaled_at, now=now)}")
    return tuple(lines)


def plain_reason(condition: Condition) -> str:
    """A condition's reason as a sentence; the cluster's own word where we know none."""
    known = _REASONS.get(condition.reason)
    return known or one_line(f"{condition.reason}: {condition.message}", limit=160)


def _condition_line(condition: Condition, now: datetime) -> str:
    said = plain_reason(condition)
    if condition.status == "False" and condition.reason in _REASONS and condition.message:
        said += f" ({condition.message})"
    lasting = f", for {rough_duration(now - condition.since)}" if condition.since else ""
    return one_line(f"{said}{lasting}", limit=400)


def _between(report: HpaReport) -> str:
    current = "?" if report.current is None else report.current
    settled = report.desired is None or report.desired == report.current
    wish = "" if settled else f", wants {report.desired}"
    return f"{current} replicas (from {report.minimum} to {report.maximum}){wish}"
