"""What a check can find out, by name: in words, of which kind, in which unit.

Declared by each of `bot.checks` beside its code. `lightship check` holds the evidence of runbooks against it,
so that a wrong name or a comparison that can never hold is told when it is written, not at night.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

INCIDENTS: Final = "incidents"
"""What evidence calls the other open incidents of a service, which are findings too."""


class FactKind(StrEnum):
    """The kinds of values; the words are those of faults."""

    YES_NO = "yes or no"
    NUMBER = "a number"
    TEXT = "a text"
    TEXTS = "a list of texts"
    GROUP = "no value but a group of facts"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFact:
    """One fact. `unit` is what its number counts, where that is not plain; `choices` are its texts."""

    words: str
    kind: FactKind
    unit: str = ""
    choices: tuple[str, ...] = ()


def number(words: str, *, unit: str = "") -> KnownFact:
    """A fact that is a number."""
    return KnownFact(words=words, kind=FactKind.NUMBER, unit=unit)


def yes_no(words: str) -> KnownFact:
    """A fact that is so or not."""
    return KnownFact(words=words, kind=FactKind.YES_NO)


def text(words: str, *choices: str) -> KnownFact:
    """A fact that is a text; one of `choices` where any are given."""
    return KnownFact(words=words, kind=FactKind.TEXT, choices=choices)


def texts(words: str) -> KnownFact:
    """A fact that is a list of texts."""
    return KnownFact(words=words, kind=FactKind.TEXTS)
