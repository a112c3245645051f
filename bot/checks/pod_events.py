"""The newest warning events about a deployment's objects, newest first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import RECENT, parse_time
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from bot.ports.readers import KubeObject

_MESSAGE: Final = 180
_READ: Final = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class WarningEvent:
    """One warning: what about, how often, when last."""

    kind: str
    about: str
    reason: str
    message: str
    count: int
    at: datetime


def warnings_of(
    events: Sequence[KubeObject],
    *,
    names: Collection[str],
    now: datetime,
    within: timedelta = RECENT,
    pods_of: Collection[str] = (),
) -> tuple[WarningEvent, ...]:
    """Warnings of the last hour about the objects of these names, and pods of these replica sets.

    A pod that is gone is known by its name alone: its replica set's and five more signs.
    """
    found = [_warning(event) for event in events if event.get("type") == "Warning"]
    mine = [
        one
        for one in found
        if one is not None
        and now - one.at <= within
        and (one.about in names or (one.kind == "Pod" and one.about.rpartition("-")[0] in pods_of))
    ]
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
    about = event.get("involvedObject") or {}
    return WarningEvent(
        kind=one_line(about.get("kind", ""), limit=60),
        about=one_line(about.get("name", ""), limit=253),
        reason=one_line(event.get("reason", ""), limit=60),
        message=one_line(without_secrets(str(event.get("message", ""))[:_READ]), limit=_MESSAGE),
        count=int(series.get("count") or event.get("count") or 1),
        at=at,
    )
