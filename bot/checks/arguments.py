"""The arguments of a check, from a runbook or a command, read into values. Raises Permanent for people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.durations import DurationError, parse_duration
from bot.domain.errors import Permanent
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.findings import Scalar

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0", ""})


def duration_of(
    arguments: Mapping[str, Scalar], name: str, *, default: timedelta, most: timedelta
) -> timedelta:
    """A length of time, at most `most`."""
    given = arguments.get(name)
    if given is None or given == "":
        return default
    try:
        length = parse_duration(str(given))
    except DurationError as error:
        raise Permanent(f"`{name}`: {error}") from error
    if length <= timedelta(0):
        raise Permanent(f"`{name}` has to be longer than nothing")
    return min(length, most)


def count_of(arguments: Mapping[str, Scalar], name: str, *, default: int, most: int) -> int:
    """A whole number from 1, at most `most`."""
    given = arguments.get(name)
    if given is None or given == "":
        return default
    try:
        number = int(str(given))
    except ValueError:
        number = 0
    if number < 1:
        raise Permanent(f"`{name}` is a whole number from 1, not `{one_line(given, limit=40)}`")
    return min(number, most)


def flag_of(arguments: Mapping[str, Scalar], name: str) -> bool:
    """Yes or no; no when not given."""
    given = str(arguments.get(name) or "").strip().casefold()
    if given in _TRUE:
        return True
    if given in _FALSE:
        return False
    raise Permanent(f"`{name}` is true or false, not `{one_line(given, limit=40)}`")


def words_of(arguments: Mapping[str, Scalar], name: str) -> tuple[str, ...]:
    """Names separated by commas, each once, in order."""
    parts = (part.strip() for part in str(arguments.get(name) or "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def text_of(arguments: Mapping[str, Scalar], name: str) -> str:
    """A text, empty when not given."""
    given = arguments.get(name)
    return "" if given is None else str(given).strip()
