"""Lengths of time as operators write them: `90s`, `10m`, `1h30m`, `7d`.

The one parser and the one formatter: configuration, runbooks, slash commands and messages use no other.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

PATTERN: Final = r"^(?=\d)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"
"""What `parse_duration` takes, as a regular expression for JSON Schema (a bare `0` is taken as well)."""

LONGEST: Final = timedelta(days=3660)
_UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_WHOLE: Final = re.compile(PATTERN, re.ASCII)
_PART: Final = re.compile(r"(\d+)(ms|[wdhms])", re.ASCII)
_LONGEST_TEXT: Final = 40


class DurationError(ValueError):
    """The text is no duration; the message says what one looks like."""


def parse_duration(text: str) -> timedelta:
    """The length of time that `text` names; units w d h m s ms, largest first, each at most once.

    Raises DurationError with a message for people when it is none, or longer than ten years.
    """
    stripped = text.strip()
    if stripped == "0":
        return timedelta(0)
    if len(stripped) > _LONGEST_TEXT or _WHOLE.fullmatch(stripped) is None:
        shown = stripped if len(stripped) <= _LONGEST_TEXT else f"{stripped[:_LONGEST_TEXT]}…"
        raise DurationError(f"`{shown}` is not a duration; write it like 90s, 10m, 1h30m or 7d")
    try:
        total = sum((int(count) * _UNITS[unit] for count, unit in _PART.findall(stripped)), timedelta(0))
    except OverflowError:
        total = timedelta.max
    if total > LONGEST:
        raise DurationError(f"`{stripped}` is longer than ten years")
    return total


def format_duration(duration: timedelta) -> str:
    """The shortest exact text for `duration`, to the millisecond: `1h30m`, `0s`, `-5m` for a negative one."""
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    rest = duration // _UNITS["ms"]
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS[unit] // _UNITS["ms"])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def rough_duration(duration: timedelta) -> str:
    """`duration` as a person would say it, its two largest units: `2d3h`, `1h30m`, `4m10s`, `0s`."""
    if duration < timedelta(0):
        return f"-{rough_duration(-duration)}"
    seconds = duration // _UNITS["s"]
    spans = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    for place, (unit, span) in enumerate(spans):
        if seconds >= span:
            lesser, lesser_span = spans[min(place + 1, len(spans) - 1)]
            rest = (seconds % span) // lesser_span
            return f"{seconds // span}{unit}" + (f"{rest}{lesser}" if rest else "")
    return "0s"
