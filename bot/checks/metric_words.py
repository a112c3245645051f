"""How the check `metrics` says what it read: verdict, one line, table and details. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.durations import rough_duration
from bot.domain.findings import Table, Verdict
from bot.domain.measures import Worse, format_measure
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.checks.metric_readings import Reading

_NAMED: Final = 3
_WORST: Final = {Worse.ABOVE: "highest", Worse.BELOW: "lowest"}


def verdict_of(readings: Sequence[Reading]) -> Verdict:
    """Fail beyond a threshold; unknown when nothing could be read, and a warning when some could not."""
    if any(one.bad for one in readings):
        return Verdict.FAIL
    if all(one.value is None for one in readings):
        return Verdict.UNKNOWN
    return Verdict.WARN if any(one.value is None for one in readings) else Verdict.OK


def summary_of(readings: Sequence[Reading]) -> str:
    """One line: `P95 latency 1.7 s is above 1 s (yesterday 420 ms); nothing known of Requests`."""
    bad = [one for one in readings if one.bad]
    fine = [one for one in readings if one.value is not None and not one.bad]
    unread = [one for one in readings if one.value is None]
    parts = [_bad(one) for one in bad[:_NAMED]]
    if len(bad) > _NAMED:
        parts.append(f"{len(bad) - _NAMED} more beyond their thresholds")
    if unread:
        parts.append(f"nothing known of {_titles(unread)}")
    if fine and not bad:
        parts.append(", ".join(f"{one.title} {_now(one)}" for one in fine[:_NAMED]))
        if len(fine) > _NAMED:
            parts.append(f"{len(fine) - _NAMED} more, none beyond its threshold")
    lead = "unknown: " if len(unread) == len(readings) else ""
    return one_line(lead + "; ".join(parts), limit=500)


def table_of(readings: Sequence[Reading], *, within: timedelta) -> Table:
    """A row a metric, those beyond their thresholds first."""
    ranged = within > timedelta(0)
    columns = ("Metric", "Now", "Threshold", "Yesterday", "A week ago")
    ordered = sorted(readings, key=lambda one: (not one.bad, one.value is not None))
    rows = tuple((*_row(one), *([_written(one, one.extreme)] if ranged else [])) for one in ordered)
    return Table(columns=(*columns, *([f"Worst in {rough_duration(within)}"] if ranged else [])), rows=rows)


def details_of(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Why a metric could not be read, and of which series a number is when there are several."""
    lines = [f"{one.title}: {one.why_not}" for one in readings if one.value is None]
    lines += [
        f"{one.title}: the {_WORST[one.metric.worse]} of {one.series} series{f', {one.of}' if one.of else ''}"
        for one in readings
        if one.value is not None and one.series > 1
    ]
    return tuple(one_line(line, limit=240) for line in lines)


def _bad(one: Reading) -> str:
    yesterday = f" (yesterday {_written(one, one.yesterday)})" if one.yesterday is not None else ""
    threshold = _written(one, one.metric.threshold)
    return f"{one.title} {_now(one)} is {one.metric.worse.value} {threshold}{yesterday}"


def _row(one: Reading) -> tuple[str, ...]:
    times = f" (now {one.ratio:.3g} times that)" if one.ratio is not None else ""
    yesterday = f"{_written(one, one.yesterday)}{times}"
    threshold = "" if one.metric.threshold is None else _written(one, one.metric.threshold)
    return (one.title, _now(one), threshold, yesterday, _written(one, one.week_ago))


def _now(one: Reading) -> str:
    return _written(one, one.value)


def _written(one: Reading, value: float | None) -> str:
    return "?" if value is None else format_measure(value, one_line(one.metric.unit, limit=30))


def _titles(readings: Sequence[Reading]) -> str:
    rest = len(readings) - _NAMED
    return ", ".join(one.title for one in readings[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
