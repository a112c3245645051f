"""How the check `pods` says what it saw: verdict, one line, table and details. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import rough_duration
from bot.domain.findings import Table, Verdict
from bot.domain.outside_text import one_line
from bot.domain.quantities import format_bytes, format_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.checks.pod_events import WarningEvent
    from bot.checks.pod_reports import PodReport, Use
    from bot.domain.findings import Fact
    from bot.ports.readers import KubeObject

COLUMNS: Final = ("Pod", "Ready", "Status", "Restarts", "Last end", "Age", "Node", "CPU", "Memory")
_ROWS: Final = 30
_WARNINGS: Final = 5
_NEARLY_FULL: Final = 0.9


def verdict_of(facts: Mapping[str, Fact]) -> Verdict:
    """Fail where pods cannot run or none is ready, warn where some are missing or were lately in trouble."""
    desired, ready = _number(facts, "desired"), _number(facts, "ready")
    if desired and not ready:
        return Verdict.FAIL
    if any(_number(facts, name) for name in ("crash_looping", "image_pull", "config_error")):
        return Verdict.FAIL
    troubled = ("oom_killed", "restarted_recently", "unready", "failed")
    if ready < desired or any(_number(facts, name) for name in troubled):
        return Verdict.WARN
    return Verdict.WARN if _number(facts, "memory_usage_ratio") >= _NEARLY_FULL else Verdict.OK


def summary_of(facts: Mapping[str, Fact], reports: tuple[PodReport, ...]) -> str:
    """One line: `1 of 3 pods ready, 2 crash-looping (OOMKilled, exit 137), 14 restarts`."""
    desired, ready = facts["desired"], facts["ready"]
    if not desired and not facts["pods"]:
        return "scaled to 0, no pods wanted"
    parts = [f"{ready} of {desired} pods ready"]
    wordings = (
        ("crash_looping", "crash-looping"),
        ("image_pull", "without an image"),
        ("config_error", "not startable as configured"),
    )
    explained = 0
    for name, words in wordings:
        count = _number(facts, name)
        if count:
            explained += int(count)
            parts.append(f"{count:g} {words}{_ends(reports) if name == 'crash_looping' else ''}")
    rest = int(_number(facts, "unready")) - explained
    if rest > 0:
        reasons = sorted({one_line(report.reason, limit=40) for report in reports if _puzzling(report)})
        parts.append(f"{rest} not ready" + (f" ({', '.join(reasons[:3])})" if reasons else ""))
    if facts["oom_killed"] and not facts["crash_looping"]:
        parts.append(f"{facts['oom_killed']} out of memory within the hour")
    parts.append(_restarts(facts))
    if facts["failed"]:
        parts.append(f"{facts['failed']} failed")
    memory, cpu = _number(facts, "memory_usage_ratio"), _number(facts, "cpu_usage_ratio")
    parts += [
        f"{name} at {ratio:.0%}"
        for name, ratio in (("memory", memory), ("CPU", cpu))
        if ratio >= _NEARLY_FULL
    ]
    return ", ".join(parts)


def table_of(reports: tuple[PodReport, ...], *, now: datetime) -> Table | None:
    """A row a pod, those in trouble first; None without pods."""
    ordered = sorted(reports, key=lambda report: (report.ready, -report.restarts, report.name))
    if not ordered:
        return None
    return Table(columns=COLUMNS, rows=tuple(_row(report, now) for report in ordered[:_ROWS]))


def details_of(
    deployment: KubeObject,
    reports: tuple[PodReport, ...],
    warnings: tuple[WarningEvent, ...],
    *,
    now: datetime,
) -> tuple[str, ...]:
    """Lines under the table: the deployment's own word, the newest warnings, and what was left out."""
    lines = []
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        wrong = condition.get("status") == ("True" if condition.get("type") == "ReplicaFailure" else "False")
        if wrong:
            text = f"{condition.get('type')}: {condition.get('reason')}: {condition.get('message', '')}"
            lines.append(one_line(text, limit=240))
    if (deployment.get("spec") or {}).get("paused"):
        lines.append("the deployment's rollout is paused")
    for one in warnings[:_WARNINGS]:
        often = f" ({one.count} times)" if one.count > 1 else ""
        lines.append(f"{rough_duration(now - one.at)} ago: {one.reason}{often} {one.about}: {one.message}")
    if len(warnings) > _WARNINGS:
        lines.append(f"{len(warnings) - _WARNINGS} more warnings")
    if len(reports) > _ROWS:
        lines.append(f"{len(reports) - _ROWS} more pods are not shown")
    return tuple(lines)


def _restarts(facts: Mapping[str, Fact]) -> str:
    count = _number(facts, "restarts")
    if not count:
        return "no restarts"
    words = f"{count:g} restart{'' if count == 1 else 's'}"
    recent = _number(facts, "restarted_recently")
    return f"{words} ({'in the last hour too' if recent else 'none in the last hour'})"


def _ends(reports: tuple[PodReport, ...]) -> str:
    ends = sorted(
        {
            f"{container.ended}, exit {container.exit_code}"
            for report in reports
            if report.crash_looping
            for container in report.containers
            if container.ended and container.exit_code is not None
        }
    )
    return f" ({'; '.join(ends[:2])})" if ends else ""


def _puzzling(report: PodReport) -> bool:
    explained = report.crash_looping or report.image_pull or report.config_error
    return not (report.ready or report.terminating or report.finished or explained)


def _row(report: PodReport, now: datetime) -> tuple[str, ...]:
    ready = sum(container.ready for container in report.containers)
    status = "Terminating" if report.terminating else report.reason or report.phase
    last = next((one for one in report.containers if one.ended), None)
    age = rough_duration(max(now - report.created_at, timedelta(0))) if report.created_at else "?"
    return (
        report.name,
        f"{ready}/{len(report.containers)}",
        status,
        str(report.restarts),
        f"{last.ended} (exit {last.exit_code})" if last else "",
        age,
        report.node,
        _use_words(report.cpu, format_cores),
        _use_words(report.memory, format_bytes),
    )


def _use_words(use: Use, written: Callable[[float], str]) -> str:
    used, requested, limit = (
        "?" if value is None else written(value) for value in (use.used, use.requested, use.limit)
    )
    return f"{used} ({requested} to {limit})" if (use.requested or use.limit) else used


def _number(facts: Mapping[str, Fact], name: str) -> float:
    value = facts.get(name)
    return value if isinstance(value, int | float) else 0
