"""Numbers with their units as people read them: `1.7 s`, `230 ms`, `3.1%`, `512Mi`.

Called by the check `metrics`. Units are those of the configuration's metrics; an unknown one is put behind.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

from bot.domain.quantities import format_bytes

_SECONDS: Final = frozenset({"s", "second", "seconds"})
_RATIOS: Final = frozenset({"ratio", "share", "percent"})
_COUNTED: Final = frozenset(
    {
        "ms",
        "min",
        "minutes",
        "h",
        "hours",
        "d",
        "days",
        "cores",
        "requests",
        "errors",
        "predictions",
        "calls",
        "rows",
        "events",
        "messages",
        "connections",
        "pods",
        "replicas",
        "restarts",
    }
)


class Worse(StrEnum):
    """On which side of its threshold a number is bad."""

    ABOVE = "above"
    BELOW = "below"

    def than(self, value: float, threshold: float) -> bool:
        """Whether the value is on that side; at the threshold itself it is not."""
        return value > threshold if self is Worse.ABOVE else value < threshold


UNITS: Final = _SECONDS | _RATIOS | _COUNTED | {"bytes"}
"""The units that a metric of the configuration may name."""

_SMALLEST_AS_SECONDS: Final = 1.0
_LARGEST_PLAIN: Final = 1e6


def format_measure(value: float, unit: str = "") -> str:
    """The number, rounded to what matters, with its unit. Not finite: `not a number`, `infinite`."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    word = unit.strip()
    if word in _SECONDS:
        short = 0 < abs(value) < _SMALLEST_AS_SECONDS
        return f"{value * 1000:.3g} ms" if short else f"{_plain(value)} s"
    if word in _RATIOS:
        return f"{value * (1 if word == 'percent' else 100):.3g}%"
    if word == "bytes":
        return f"{'-' if value < 0 else ''}{format_bytes(abs(value))}"
    return f"{_plain(value)} {word.replace('{', '').replace('}', '')}".strip()


def format_change(before: float | None, after: float, unit: str = "") -> str:
    """`1.7 s → 0.4 s`: both in the unit of the larger one, so that they compare at a glance; `?` for None."""
    if before is None:
        return f"? → {format_measure(after, unit)}"
    if unit.strip() in _SECONDS and max(abs(before), abs(after)) >= _SMALLEST_AS_SECONDS:
        return f"{_plain(before)} s → {_plain(after)} s"
    return f"{format_measure(before, unit)} → {format_measure(after, unit)}"


def _plain(value: float) -> str:
    if math.isfinite(value) and value == int(value) and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    return f"{value:.3g}"
