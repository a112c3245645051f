"""One named query asked: its number now, yesterday and a week ago, or why there is none."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import LightshipError
from bot.domain.measures import Worse
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.domain.services import NamedMetric
    from bot.ports.readers import MetricsReader, Sample

_MANY: Final = 20
_POINTS: Final = 120
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_LABELS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a query says. Without a `value` the reason is in `why_not`; every number is finite.

    `extreme` is the worst of the time that was asked for.
    """

    metric: NamedMetric
    value: float | None = None
    why_not: str = ""
    series: int = 1
    of: str = ""
    yesterday: float | None = None
    week_ago: float | None = None
    extreme: float | None = None

    @property
    def title(self) -> str:
        """How people call it."""
        return one_line(self.metric.title or self.metric.name.replace("_", " "), limit=60)

    @property
    def bad(self) -> bool | None:
        """Whether it is on the wrong side of its threshold; None where one of the two is missing."""
        threshold = self.metric.threshold
        if self.value is None or threshold is None:
            return None
        return self.metric.worse.than(self.value, threshold)

    @property
    def above(self) -> bool | None:
        """Whether it is above its threshold; None where one of the two is missing."""
        threshold = self.metric.threshold
        return None if self.value is None or threshold is None else self.value > threshold

    @property
    def ratio(self) -> float | None:
        """Now over yesterday."""
        if self.value is None or self.yesterday is None or self.yesterday <= 0:
            return None
        ratio = self.value / self.yesterday
        return round(ratio, 4) if math.isfinite(ratio) else None


async def read_metric(
    metric: NamedMetric,
    reader: MetricsReader,
    *,
    now: datetime,
    within: timedelta,
    turns: asyncio.Semaphore,
    until: float,
) -> Reading:
    """Ask for one metric. `until` is the event loop's time at which waiting ends; never raises."""
    try:
        async with asyncio.timeout_at(until), turns:
            reading = _now(metric, await reader.query(metric.query))
    except TimeoutError:
        return Reading(metric=metric, why_not="Prometheus gave no answer in time")
    except LightshipError as error:
        return Reading(metric=metric, why_not=one_line(error, limit=200))
    if reading.value is None:
        return reading
    yesterday, week_ago, extreme = await asyncio.gather(
        _then(metric, reader, at=now - _DAY, turns=turns, until=until),
        _then(metric, reader, at=now - _WEEK, turns=turns, until=until),
        _extreme(metric, reader, now=now, within=within, turns=turns, until=until),
    )
    return Reading(
        metric=metric,
        value=reading.value,
        series=reading.series,
        of=reading.of,
        yesterday=yesterday,
        week_ago=week_ago,
        extreme=extreme,
    )


def _now(metric: NamedMetric, samples: Sequence[Sample]) -> Reading:
    if not samples:
        return Reading(
            metric=metric, why_not="the query gives nothing: is it exported and scraped?", series=0
        )
    count = len(samples)
    if count > _MANY:
        why_not = f"the query gives {count} numbers: aggregate it to one"
        return Reading(metric=metric, why_not=why_not, series=count)
    finite = [sample for sample in samples if math.isfinite(sample.value)]
    if not finite:
        said = "not a number" if math.isnan(samples[0].value) else "infinite"
        return Reading(metric=metric, why_not=f"the query gives {said}: is there any traffic?", series=count)
    worst = next(one for one in finite if one.value == worst_of([at.value for at in finite], metric.worse))
    of = _labels(worst.labels) if count > 1 else ""
    return Reading(metric=metric, value=worst.value, series=count, of=of)


def worst_of(values: Sequence[float], worse: Worse) -> float:
    """The one that counts of several: the highest, or the lowest where low is bad."""
    return max(values) if worse is Worse.ABOVE else min(values)


async def _then(
    metric: NamedMetric,
    reader: MetricsReader,
    *,
    at: datetime,
    turns: asyncio.Semaphore,
    until: float,
) -> float | None:
    try:
        async with asyncio.timeout_at(until), turns:
            return _now(metric, await reader.query(metric.query, at=at)).value
    except (TimeoutError, LightshipError):
        return None  # what was is beside the point


async def _extreme(
    metric: NamedMetric,
    reader: MetricsReader,
    *,
    now: datetime,
    within: timedelta,
    turns: asyncio.Semaphore,
    until: float,
) -> float | None:
    if within <= timedelta(0):
        return None
    step = max(within.total_seconds() / _POINTS, 1.0)
    try:
        async with asyncio.timeout_at(until), turns:
            found = await reader.query_range(metric.query, start=now - within, end=now, step=step)
    except (TimeoutError, LightshipError):
        return None
    values = [value for series in found[:_MANY] for _, value in series.points if math.isfinite(value)]
    return worst_of(values, metric.worse) if values else None


def _labels(labels: Mapping[str, str]) -> str:
    shown = [f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__"]
    return one_line(", ".join(shown[:_LABELS]), limit=100)
