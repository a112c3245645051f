"""Values as a person reads them, bounded: what `{{ … }}`, `~` and the text filters of a runbook write.

Used by the sandbox of `bot.rendering`; any other rendering may use it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import singledispatch
from typing import TYPE_CHECKING, Final

from jinja2 import Undefined

from bot.domain.durations import rough_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_TEXT: Final = 20_000
"""Characters that one value inside a template may have."""


class TooMuchError(Exception):
    """A template asked for more than a rendering may have."""


@singledispatch
def as_text(value: object) -> str:
    """A value as a person reads it; raises what Jinja2 raises for an undefined one."""
    return str(value)[:LONGEST_TEXT]


@as_text.register(str)
@as_text.register(Undefined)
@as_text.register(int)
def _whole(value: object) -> str:
    return str(value)


@as_text.register
def _none(_: None) -> str:
    return "unknown"


@as_text.register
def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


@as_text.register
def _number(value: float) -> str:
    whole = 1_000
    return f"{value:,.0f}" if whole <= abs(value) < 1e15 else f"{value:.4g}"  # noqa: PLR2004 - exact up to here


@as_text.register
def _time(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M UTC" if value.utcoffset() == timedelta(0) else "%Y-%m-%d %H:%M %z")


@as_text.register
def _length_of_time(value: timedelta) -> str:
    return rough_duration(value)


@as_text.register
def _mapping(value: Mapping) -> str:  # type: ignore[type-arg]  # singledispatch takes classes only
    return _joined(f"{as_text(key)}: {as_text(item)}" for key, item in value.items())


@as_text.register(list)
@as_text.register(tuple)
@as_text.register(set)
@as_text.register(frozenset)
@as_text.register(range)
@as_text.register(Iterator)
def _several(values: Iterable[object]) -> str:
    return _joined(as_text(item) for item in values)


def _joined(texts: Iterable[str]) -> str:
    parts: list[str] = []
    length = 0
    for text in texts:
        parts.append(text)
        length += len(text) + 2
        if length > LONGEST_TEXT:
            raise TooMuchError(f"a value has more than {LONGEST_TEXT} characters")
    return ", ".join(parts)
