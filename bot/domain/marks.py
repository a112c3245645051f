"""Marks in somebody else's graphs: what is to stand there, and what has to be sent for it. Pure.

Made by `bot.rendering.marks`, compared and sent by the marking engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One mark. `id` is an event's; `until` is None where it is of one moment, or goes on.

    Times are whole milliseconds: others keep no more, and a rest would look like a change.
    """

    id: str
    at: datetime
    until: datetime | None = None
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldMark:
    """A mark as it stands there, by the other side's own number."""

    number: int
    mark: Mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A mark that is to be added, or one that is there and has to change."""

    mark: Mark
    held: HeldMark | None = None


def changes(wanted: Sequence[Mark], held: Mapping[str, HeldMark]) -> tuple[Change, ...]:
    """What brings the other side to what is wanted, oldest first. What only stands there stays."""
    found = []
    for mark in sorted(wanted, key=lambda one: (one.at, one.id)):
        there = held.get(mark.id)
        if there is None or (there.mark.until, there.mark.text) != (mark.until, mark.text):
            found.append(Change(mark=mark, held=there))
    return tuple(found)
