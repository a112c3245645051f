"""What the pods of a rehearsal write: its log lines over time, each with the time that it was written.

Called by `bot.rehearsal.scenarios.staging`, when somebody reads a log.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.rehearsal.objects import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from bot.ports.readers import KubeObject
    from bot.rehearsal.scenarios.models import LogFile
    from bot.rehearsal.scenarios.numbers import Numbers

_KEPT: Final = timedelta(minutes=10)
_MOST: Final = 200
"""Lines of each kind that a log has."""


def lines_of(
    logs: Sequence[LogFile], pod: KubeObject, now: datetime, *, numbers: Numbers, start: datetime
) -> str:
    """The log of a pod at a time."""
    seed = sum(map(ord, pod["metadata"]["name"]))
    written = sorted(line for log in logs for line in _lines(log, seed, now, numbers=numbers, start=start))
    return "".join(f"{stamp(at)} {text}\n" for at, text in written)


def _lines(
    log: LogFile, seed: int, now: datetime, *, numbers: Numbers, start: datetime
) -> Iterator[tuple[datetime, str]]:
    until = min(now, start + log.until) if log.until is not None else now
    begins = max(start + log.begins, now - _KEPT) if log.begins is not None else now - _KEPT
    newest = (until - start) // log.every
    oldest = max((begins - start) // log.every + 1, newest - _MOST)
    for number in range(oldest, newest + 1):
        at = start + log.every * number
        if log.during is None or log.during.value(numbers, at):
            yield at, log.line.replace("{n}", str(10_000 + (seed * 31 + number * 7) % 90_000))
