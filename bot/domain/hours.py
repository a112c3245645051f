"""Hours of the week in somebody's time zone, as policies write them: `Mon-Fri 08:00-18:00 Europe/Berlin`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PATTERN: Final = r"^\S+ \d{2}:\d{2}-\d{2}:\d{2}( \S+)?$"
_TEXT: Final = re.compile(r"(\S+) (\d{2}:\d{2})-(\d{2}:\d{2})(?: (\S+))?", re.ASCII)
_EVERY_DAY: Final = "daily"
_MIDNIGHT: Final = "24:00"


class HoursError(ValueError):
    """A text that is no hours; the message says what is expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """A span of the day on some days of the week; one that ends before it begins goes past midnight.

    `days` count from Monday, 0. `ends` is None for midnight. `text` is how it was written.
    """

    days: frozenset[int]
    begins: time
    ends: time | None
    zone: str
    text: str

    def __str__(self) -> str:
        """As it was written."""
        return self.text

    def include(self, moment: datetime) -> bool:
        """Whether a moment lies in them, by the wall clock of their zone."""
        there = moment.astimezone(ZoneInfo(self.zone))
        clock, day = there.time(), there.weekday()
        if self.ends is None or self.begins < self.ends:
            return day in self.days and self.begins <= clock and (self.ends is None or clock < self.ends)
        yesterday = (day - 1) % len(DAYS)
        return (day in self.days and clock >= self.begins) or (yesterday in self.days and clock < self.ends)


def parse_hours(text: str) -> Hours:
    """Read `Mon-Fri 08:00-18:00 Europe/Berlin`; `daily` is every day, no zone is UTC. Raises HoursError."""
    words = " ".join(text.split())
    found = _TEXT.fullmatch(words)
    if found is None:
        raise HoursError(f"hours such as `Mon-Fri 08:00-18:00 Europe/Berlin` are expected, not `{text[:60]}`")
    zone = found[4] or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HoursError(f"`{zone[:60]}` is not a time zone; write one such as Europe/Berlin") from error
    begins, ends = _time(found[2]), None if found[3] == _MIDNIGHT else _time(found[3])
    if begins == ends:
        raise HoursError(f"`{words[:60]}` begins when it ends; write `00:00-24:00` for the whole day")
    return Hours(days=frozenset(_days(found[1])), begins=begins, ends=ends, zone=zone, text=words)


def within(hours: Iterable[Hours], moment: datetime) -> bool:
    """Whether a moment lies in one of them; where there are none, it does."""
    known = tuple(hours)
    return not known or any(one.include(moment) for one in known)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise HoursError(f"`{text}` is no time of day") from error


def _days(text: str) -> Iterable[int]:
    if text.casefold() == _EVERY_DAY:
        return range(len(DAYS))
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start, end = _day(first), _day(last if dash else first)
        length = (end - start) % len(DAYS) + 1
        days += [(start + step) % len(DAYS) for step in range(length)]
    return days


def _day(text: str) -> int:
    known = [day.casefold() for day in DAYS]
    if text.casefold() not in known:
        raise HoursError(f"`{text[:20]}` is no day; write {', '.join(DAYS)} or `daily`")
    return known.index(text.casefold())
