"""Numbers with their units as people read them: `1.7 s`, `230 ms`, `3.1%`, `512Mi`.

Called by the check `metrics`. Units are those of the configuration's metrics; an unknown one is put behind.
"""

from __future__ import annotations

import math
from typing import Final

from bot.domain.quantities import format_bytes

_SECONDS: Final = frozenset({"s", "second", "seconds"})
_RATIOS: Final = frozenset({"ratio", "share", "percent"})
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
    return f"{_plain(value)} {word}".strip()


def _plain(value: float) -> str:
    if value == int(value) and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    return f"{value:.3g}"
