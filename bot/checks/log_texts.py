"""The full text of what the check `logs` read, as a file for the thread: bounded, redacted, harmless.

CPU-heavy where logs are long, so the check calls `LogTexts.add` in a thread, one text at a time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.domain.files import Attachment
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from bot.checks.log_sources import Source

MOST: Final = 1_000_000
"""Characters of all logs together."""
_LEAST: Final = 8_000
_LONGEST_LINE: Final = 10_000
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,10}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)?|.)?")
_INVISIBLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class LogTexts:
    """The newest lines of each log. Not for two threads at once."""

    def __init__(self, sources: int) -> None:
        self._each = max(MOST // max(sources, 1), _LEAST)
        self._room = MOST
        self._parts: list[tuple[str, str]] = []

    def add(self, source: Source, text: str) -> None:
        """Take the end of a container's log."""
        if "PRIVATE KEY-----" in text:
            # Before it is cut: a key without its first line looks like nothing.
            text = without_secrets(text)
        most = min(self._each, self._room)
        if most <= 0 or not text:
            return
        cut = len(text) > most
        if cut:
            _, _, text = text[-most:].partition("\n")  # half a line may hold half a secret
        text = without_secrets("\n".join(_shown(line) for line in text.split("\n"))).rstrip("\n")
        place = f"{source.pod}/{source.container}"
        note = " (its newest lines)" if cut else ""
        self._parts.append((place, f"===== {place}{note}\n{text}\n"))
        self._room -= len(text)

    def attachment(self, title: str) -> tuple[Attachment, ...]:
        """The file to attach; none without a line."""
        if not self._parts:
            return ()
        text = "\n".join(part for _, part in sorted(self._parts))
        return (Attachment(name="logs.txt", title=title, text=text),)


def _shown(line: str) -> str:
    line = _INVISIBLE.sub("", _ESCAPES.sub("", line.rstrip("\r")[: 2 * _LONGEST_LINE]))
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} … (cut)"
