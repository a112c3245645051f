"""The filters that runbook text may use, each bounded in what it makes.

Registered by `bot.rendering.sandbox`, which hands every filter the function that turns values into text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Undefined
from jinja2.filters import FILTERS as _JINJA

AsText = Callable[[object], str]
_MOST_DIGITS: Final = 10
_LONGEST_SEPARATOR: Final = 20
_UNITS: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def _default(_: AsText, value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    missing = isinstance(value, Undefined) or value is None or (boolean and not value)
    return fallback if missing else value


def _upper(text: AsText, value: Any) -> str:
    return text(value).upper()


def _lower(text: AsText, value: Any) -> str:
    return text(value).lower()


def _capitalize(text: AsText, value: Any) -> str:
    return text(value).capitalize()


def _trim(text: AsText, value: Any) -> str:
    return text(value).strip()


def _string(text: AsText, value: Any) -> str:
    return text(value)


def _truncate(text: AsText, value: Any, length: int = 255) -> str:
    whole = text(value)
    return whole if len(whole) <= length else whole[: max(0, length - 1)] + "…"


def _urlencode(text: AsText, value: Any) -> str:
    return quote(text(value), safe="")


def _join(text: AsText, values: Iterable[Any], separator: str = ", ") -> str:
    if len(separator) > _LONGEST_SEPARATOR:
        raise ValueError(f"a separator may have at most {_LONGEST_SEPARATOR} characters")
    return separator.join(text(value) for value in values)


def _round(_: AsText, value: float, digits: int = 0) -> float:
    if not 0 <= digits <= _MOST_DIGITS:
        raise ValueError(f"between 0 and {_MOST_DIGITS} digits can be rounded to")
    return round(value, digits) if digits else round(value)


def _number(_: AsText, value: Any, fallback: float = 0.0) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return fallback


def _integer(_: AsText, value: Any, fallback: int = 0) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return fallback


def _absolute(_: AsText, value: float) -> float:
    return abs(value)


def _percent(_: AsText, value: float, digits: int = 0) -> str:
    return f"{float(value) * 100:.{min(max(digits, 0), _MOST_DIGITS)}f} %"


def _bytes(_: AsText, value: float) -> str:
    for size, unit in _UNITS:
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} B"


def _counted(text: AsText, value: float, what: str) -> str:
    number = round(value)
    return f"{number} {text(what)}" if number == 1 else f"{number} {text(what)}s"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "default": _default,
    "d": _default,
    "upper": _upper,
    "lower": _lower,
    "capitalize": _capitalize,
    "trim": _trim,
    "string": _string,
    "truncate": _truncate,
    "urlencode": _urlencode,
    "join": _join,
    "round": _round,
    "float": _number,
    "int": _integer,
    "abs": _absolute,
    "percent": _percent,
    "bytes": _bytes,
    "counted": _counted,
}
"""Filters of our own."""

LIBRARY_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    name: _JINJA[name]
    for name in (
        *("count", "first", "last", "length", "list", "map", "max", "min", "reject", "rejectattr"),
        *("select", "selectattr", "sort", "unique"),
    )
}
"""Filters of Jinja2 that make nothing larger than what they are given."""
