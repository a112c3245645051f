"""The newest warning events about a deployment's objects, newest first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import RECENT, parse_time
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from bot.ports.readers import KubeObject

_MESSAGE: Final = 180


@dataclass(frozen=True, kw_only=True, slots=True)
class WarningEvent:
    """One warning: what about, how often, when last."""

    about: str
    reason: str
    message: str
    count: int
    at: datetime


def warnings_of(
    events: Sequence[KubeObject], *, names: Collection[str], now: datetime
) -> tuple[WarningEvent, ...]:
    """Warnings of the last hour about the objects of these names."""
    found = [_warning(event) for event in events if event.get("type") == "Warning"]
    mine = [one for one in found if one is not None and one.about in names and now - one.at <= RECENT]
    return tuple(sorted(mine, key=lambda one: (one.at, one.about, one.reason), reverse=True))


def _warning(event: Mapping[str, Any]) -> WarningEvent | None:
    series = event.get("series") or {}
    written = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
        (event.get("metadata") or {}).get("creationTimestamp"),
    )
    moments = (parse_time(text) for text in written if text)
    at = next((moment for moment in moments if moment is not None), None)
    if at is None:
        return None
    return WarningEvent(
        about=one_line((event.get("involvedObject") or {}).get("name", ""), limit=253),
        reason=one_line(event.get("reason", ""), limit=60),
        message=one_line(event.get("message", ""), limit=_MESSAGE),
        count=int(series.get("count") or event.get("count") or 1),
        at=at,
    )
