"""Log lines folded into patterns: how often, in how many pods, and the newest line of each.

CPU-heavy, so the check calls `LogFold.add` in a thread, one text at a time. Memory is bounded by the number
of patterns, not of lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.checks.log_signs import Level, level_of, readable, topics_of, without_colour
from bot.domain.masking import pattern_of
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE: Final = 2_000
_SHOWN: Final = 400
_PATTERNS: Final = 2_000
_TRACEBACK: Final = "Traceback (most recent call last)"
_FRAMES: Final = 200


@dataclass(kw_only=True, slots=True)
class Pattern:
    """Lines that say the same but for what varies. `newest` is the raw last one; show it by `shown`."""

    level: Level
    topics: frozenset[str]
    newest: str
    count: int = 0
    sources: set[str] = field(default_factory=set)

    def shown(self) -> str:
        """The newest line for people: readable, harmless, without secrets."""
        return one_line(without_secrets(readable(self.newest)), limit=_SHOWN)


class LogFold:
    """All that was read so far. Not for two threads at once."""

    def __init__(self) -> None:
        self.lines = 0
        self.left_out = 0
        self._by_pattern: dict[str, Pattern] = {}

    @property
    def patterns(self) -> list[Pattern]:
        """The patterns, the worst first, then the most frequent."""
        return sorted(self._by_pattern.values(), key=lambda one: (-one.level, -one.count))

    def add(self, source: str, text: str) -> None:
        """Fold the log of a container."""
        if "PRIVATE KEY-----" in text:
            text = without_secrets(text)  # a key goes over many lines, which one by one look like nothing
        raw = text.split("\n")
        if raw and not raw[-1]:
            raw.pop()
        self.lines += len(raw)
        for entry in _entries(raw):
            found = self._pattern(entry)
            if found is None:
                self.left_out += 1
                continue
            found.count += 1
            found.newest = entry
            found.sources.add(source)

    def count(self, level: Level) -> int:
        """Lines of that level."""
        return sum(one.count for one in self._by_pattern.values() if one.level is level)

    def count_about(self, topic: str) -> int:
        """Lines about that topic that warn or tell an error."""
        return sum(
            one.count
            for one in self._by_pattern.values()
            if one.level is not Level.PLAIN and topic in one.topics
        )

    def _pattern(self, entry: str) -> Pattern | None:
        entry = readable(entry)
        key = pattern_of(entry)
        found = self._by_pattern.get(key)
        if found is None:
            level = level_of(entry)
            # Room is kept for errors that come after very many different lines.
            if len(self._by_pattern) >= (_PATTERNS if level is Level.ERROR else _PATTERNS // 2):
                return None
            found = self._by_pattern[key] = Pattern(level=level, topics=topics_of(entry), newest=entry)
        return found


def _entries(raw: list[str]) -> Iterator[str]:
    """Lines as entries: a traceback is one, told by its last line and frame; stack frames are none."""
    place = 0
    while place < len(raw):
        line = without_colour(raw[place][:_LINE]).rstrip("\r")
        place += 1
        if _TRACEBACK in line:
            frame, end = "", min(place + _FRAMES, len(raw))
            while place < end and (not raw[place].strip() or raw[place][0] in " \t"):
                said = raw[place].strip()
                frame = said if said.startswith("File ") else frame
                place += 1
            ending = without_colour(raw[place][:_LINE]).rstrip("\r") if place < len(raw) else "Traceback"
            place += 1
            yield f"{ending} (at {frame})" if frame else ending
        elif line.strip() and not line.startswith(("    at ", "\tat ", "\t...")):
            yield line
