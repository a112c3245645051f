"""The picture of the check `metrics`: the numbers that matter most, against yesterday and a week ago.

Its data is read here, within the check's own time; it is drawn later and elsewhere, so nothing waits for it.
"""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.metric_words import summary_of
from bot.domain.durations import rough_duration
from bot.domain.errors import LightshipError
from bot.domain.files import Attachment
from bot.domain.outside_text import one_line
from bot.domain.pictures import Line, LinePanel, Picture, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.checks.metric_readings import Reading
    from bot.domain.measures import Worse
    from bot.ports.readers import MetricsReader, Series

USUAL: Final = timedelta(hours=2)
"""What is shown where nobody says how much."""
MOST_PANELS: Final = 6

_POINTS: Final = 120
_SHORTEST_STEP: Final = 15.0
_SERIES: Final = 20
_LINES: Final = (
    ("now", Role.NOW, timedelta(0)),
    ("yesterday", Role.BEFORE, timedelta(days=1)),
    ("a week ago", Role.LONG_BEFORE, timedelta(weeks=1)),
)


async def picture_of(
    readings: Sequence[Reading],
    reader: MetricsReader,
    *,
    service: str,
    now: datetime,
    within: timedelta,
    turns: asyncio.Semaphore,
    until: float,
) -> tuple[Attachment, ...]:
    """The picture to attach; none where nothing could be read over time. Never raises."""
    shown = sorted((one for one in readings if one.value is not None), key=lambda one: not one.bad)
    length = within or USUAL
    panels = await asyncio.gather(
        *(
            _panel(reading, reader, now=now, length=length, turns=turns, until=until)
            for reading in shown[:MOST_PANELS]
        )
    )
    kept = tuple(panel for panel in panels if panel is not None)
    if not kept:
        return ()
    said = one_line(summary_of(readings), limit=300)
    what = kept[0].title if len(kept) == 1 else "metrics"
    title = f"{one_line(service, limit=60)}: {what}, last {rough_duration(length)}"
    picture = Picture(title=title, subtitle=said, panels=kept, alt_text=f"Graph of {what}: {said}.")
    return (Attachment(name="metrics.png", title=title, alt_text=picture.alt_text, picture=picture),)


async def _panel(
    reading: Reading,
    reader: MetricsReader,
    *,
    now: datetime,
    length: timedelta,
    turns: asyncio.Semaphore,
    until: float,
) -> LinePanel | None:
    async def points(back: timedelta) -> tuple[tuple[datetime, float | None], ...]:
        end = now - back
        step = max(length.total_seconds() / _POINTS, _SHORTEST_STEP)
        try:
            async with asyncio.timeout_at(until), turns:
                found = await reader.query_range(reading.metric.query, start=end - length, end=end, step=step)
        except (TimeoutError, LightshipError):
            return ()  # the numbers are in the table; a line that cannot be read is left out
        return _worst(found, back, reading.metric.worse)

    drawn = await asyncio.gather(*(points(back) for _, _, back in _LINES))
    if not drawn[0]:
        return None
    return LinePanel(
        title=reading.title,
        unit=reading.metric.unit,
        threshold=reading.metric.threshold,
        worse=reading.metric.worse,
        lines=tuple(
            Line(label=label, role=role, points=found)
            for (label, role, _), found in zip(_LINES, drawn, strict=True)
            if found
        ),
    )


def _worst(
    found: Sequence[Series], back: timedelta, worse: Worse
) -> tuple[tuple[datetime, float | None], ...]:
    """The worst of all series at each moment, as the number is, moved to the time it is compared with."""
    worst: dict[datetime, float | None] = {}
    for series in found[:_SERIES]:
        for moment, value in series.points:
            known = worst.get(moment)
            if not math.isfinite(value):
                worst.setdefault(moment, None)
            elif known is None or worse.than(value, known):
                worst[moment] = value
    return tuple((moment + back, worst[moment]) for moment in sorted(worst))
