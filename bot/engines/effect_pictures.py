"""The graph beside a verdict: the runbook's metric before and after the action. For the verifying engine."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import LightshipError
from bot.domain.files import Attachment
from bot.domain.measures import format_change
from bot.domain.pictures import Line, LinePanel, Mark, Picture

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.verifications import Verification
    from bot.ports.readers import MetricsReader

_EARLIER: Final = timedelta(minutes=10)
_POINTS: Final = 240
_SERIES: Final = 5


async def effect_picture(
    metrics: MetricsReader, verification: Verification, *, now: datetime, within: float
) -> Attachment | None:
    """The graph as a file to be drawn; None where there is no metric or Prometheus does not answer."""
    metric = verification.metric
    if metric is None or verification.after is None:
        return None
    start = verification.began_at - _EARLIER
    step = max((now - start).total_seconds() / _POINTS, 1.0)
    try:
        async with asyncio.timeout(within):
            found = await metrics.query_range(metric.query, start=start, end=now, step=step)
    except (TimeoutError, LightshipError):
        return None
    lines = tuple(
        Line(
            label=metric.title or metric.name,
            points=tuple((moment, value if math.isfinite(value) else None) for moment, value in one.points),
        )
        for one in found[:_SERIES]
        if one.points
    )
    if not lines:
        return None
    title = metric.title or metric.name
    change = format_change(verification.before, verification.after, metric.unit)
    panel = LinePanel(
        title=title, lines=lines, unit=metric.unit, threshold=metric.threshold, worse=metric.worse
    )
    picture = Picture(
        title=title,
        subtitle=change,
        panels=(panel,),
        alt_text=f"Graph of {title} around the action: {change}.",
    )
    return Attachment(
        name=f"{metric.name}-after-action.png",
        title=f"{title}: {change}",
        alt_text=picture.alt_text,
        picture=picture.marked(Mark(at=verification.began_at, label="action")),
    )
