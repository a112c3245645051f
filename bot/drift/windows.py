"""A span of time over a lake: which folders it touches and which rows lie inside.

Called by `bot.drift.sources` and `bot.drift.partitions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from bot.domain.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

_CALENDAR = ("year", "month", "day", "hour")


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From `start` up to, not including, `end`; None is open. Both are aware; times without a zone are UTC.

    `column` is a column of dates or times, or the key of a partition that holds them (`date=2024-05-01`).
    Folders named year=, month=, day= and hour= are understood without being named.
    """

    column: str
    start: datetime | None = None
    end: datetime | None = None

    def is_answerable(self, columns: Container[str], keys: Mapping[str, str]) -> bool:
        """Whether the data can be cut by this window at all."""
        return self.column in columns or self.column in keys or "year" in keys


def touches(window: Window, keys: Mapping[str, str]) -> bool:
    """Whether a folder with these keys can hold rows of the window; without a time in its name, it can."""
    span = _span_of(keys, window.column)
    if span is None:
        return True
    first, after = span
    return (window.end is None or first < window.end) and (window.start is None or after > window.start)


def is_time_key(key: str, value: str, window: Window | None) -> bool:
    """Whether a partition key is part of the calendar: such keys are never compared as columns."""
    if key in _CALENDAR or (window is not None and key == window.column):
        return True
    if value.isdecimal():  # 20240501 would do, but so would a customer segment
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def rows_inside(window: Window, column: Any) -> Any:
    """A mask over a column of dates or times; null is outside. Raises Permanent when it holds neither."""
    if not pa.types.is_timestamp(column.type) and not pa.types.is_date(column.type):
        raise Permanent(f"`{window.column}` holds {column.type}, not dates or times")
    import pyarrow.compute as pc  # noqa: PLC0415 - a tenth of what a report takes, and few have a window

    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("s"))
    kind = pa.timestamp("us", tz=column.type.tz)
    column = pc.cast(column, kind, safe=False)
    mask = pc.is_valid(column)
    if window.start is not None:
        mask = pc.and_(mask, pc.greater_equal(column, _scalar(window.start, kind)))
    if window.end is not None:
        mask = pc.and_(mask, pc.less(column, _scalar(window.end, kind)))
    return pc.fill_null(mask, fill_value=False)


def _scalar(moment: datetime, kind: Any) -> Any:
    utc = moment.astimezone(UTC)
    return pa.scalar(utc if kind.tz else utc.replace(tzinfo=None), kind)


def _span_of(keys: Mapping[str, str], column: str) -> tuple[datetime, datetime] | None:
    try:
        if column in keys:
            text = keys[column]
            first = datetime.fromisoformat(text)
            length = timedelta(days=1) if len(text) <= len("2024-05-01") else timedelta(0)
            first = first if first.tzinfo else first.replace(tzinfo=UTC)
            return first, first + (length or timedelta(hours=1))
        if "year" in keys:
            return _calendar_span([int(keys[part]) for part in _CALENDAR[: _depth(keys)]])
    except ValueError:
        return None
    return None


def _depth(keys: Mapping[str, str]) -> int:
    depth = 0
    while depth < len(_CALENDAR) and _CALENDAR[depth] in keys:
        depth += 1
    return depth


def _calendar_span(parts: Sequence[int]) -> tuple[datetime, datetime]:
    """From year, month, day and hour, as many as there are. Raises ValueError for a date that is none."""
    year, month, day, hour = (*parts, *(1, 1, 1, 0)[len(parts) :])
    first = datetime(year, month, day, hour, tzinfo=UTC)
    match len(parts):
        case 1:
            return first, first.replace(year=year + 1)
        case 2:
            return first, first.replace(year=year + month // 12, month=month % 12 + 1)
        case 3:
            return first, first + timedelta(days=1)
        case _:
            return first, first + timedelta(hours=1)
