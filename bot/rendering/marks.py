"""An incident and what was done about it, as marks in a dashboard's graphs. Called by the marking engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.events import EventKind
from bot.domain.marks import Mark
from bot.rendering.timelines import harmless, plain_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.domain.events import Event
    from bot.domain.incidents import Incident

MARKED: Final = frozenset(
    {
        EventKind.REOPENED,
        EventKind.ESCALATED,
        EventKind.REMEDIATION_APPLIED,
        EventKind.REMEDIATION_FIXED,
        EventKind.REMEDIATION_UNFIXED,
        EventKind.REMEDIATION_NO_EFFECT,
        EventKind.REMEDIATION_FAILED,
        EventKind.REMEDIATION_NEEDS_HUMAN,
    }
)
"""Events that are a mark of one moment; an incident itself is a span from its opening to its end."""


def marks_of(incident: Incident, events: Sequence[Event]) -> tuple[Mark, ...]:
    """Its marks, oldest first; none where its opening is not known."""
    opening = next((one for one in events if one.kind is EventKind.OPENED), None)
    if opening is None:
        return ()
    tags = tuple(filter(None, (incident.key.service, incident.severity.value)))
    title = f"{incident.severity.value} {harmless(incident.title)} · #{incident.id}"
    span = Mark(
        id=opening.id,
        at=_whole(incident.opened_at),
        until=_whole(incident.resolved_at) if incident.resolved_at else None,
        text=title,
        tags=("incident", *tags),
    )
    moments = (
        Mark(id=event.id, at=_whole(event.at), text=plain_sentence(event), tags=(event.kind.value, *tags))
        for event in events
        if event.kind in MARKED
    )
    return (span, *moments)


def _whole(moment: datetime) -> datetime:
    """To the millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
