"""Messages that somebody is told of elsewhere (`bot.ports.stores.Fallbacks`); their rows remember it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, func, or_, select, update

from bot.adapters.database.message_rows import DIRTY, SHOWN_ELSEWHERE, message_of
from bot.adapters.database.tables import events, incidents, messages
from bot.domain.events import EventKind
from bot.domain.heartbeats import SILENCE_NOTICE
from bot.domain.incidents import IncidentState
from bot.domain.messages import MessageKind
from bot.ports.message_stores import Unseen

if TYPE_CHECKING:
    from datetime import datetime

    from bot.adapters.database.engine import Link

_CALLING: Final = (EventKind.REOPENED.value, EventKind.ESCALATED.value)
_CALLS_ANEW: Final = select(events.c.id).where(events.c.id == messages.c.subject, events.c.kind.in_(_CALLING))
_OPEN: Final = select(incidents.c.id).where(
    incidents.c.id == messages.c.incident_id, incidents.c.state != IncidentState.RESOLVED.value
)
_OF_INCIDENTS: Final = or_(
    messages.c.kind == MessageKind.INCIDENT.value,
    and_(messages.c.kind == MessageKind.EVENT.value, _CALLS_ANEW.exists()),
)
_OF_SILENCES: Final = and_(
    messages.c.kind == MessageKind.NOTICE.value,
    messages.c.subject.startswith(SILENCE_NOTICE, autoescape=True),
)
_CALLS: Final = or_(and_(_OF_INCIDENTS, _OPEN.exists()), _OF_SILENCES)
"""The messages that call people: an open incident's first one, the thread entries of a reopening and of an
escalation, and the notice that Alertmanager is silent."""


@dataclass(frozen=True, slots=True)
class FallbackTable:
    """The three columns of `messages` about the fallback."""

    link: Link

    async def claim(self, *, due_before: datetime, until: datetime, limit: int) -> tuple[Unseen, ...]:
        """Those that nobody else is telling of."""
        chosen = (
            select(messages.c.id)
            .where(
                DIRTY,
                ~SHOWN_ELSEWHERE,
                messages.c.ts.is_(None),
                messages.c.fallback_at.is_(None),
                messages.c.due_since <= due_before,
                or_(messages.c.fallback_retry_at.is_(None), messages.c.fallback_retry_at <= self.link.now),
                _CALLS,
            )
            .order_by(messages.c.urgency, messages.c.due_since, messages.c.id)
            .limit(limit)
            .with_for_update(of=messages, skip_locked=True)
        )
        taken = (
            update(messages)
            .where(messages.c.id.in_(chosen))
            .values(
                fallback_retry_at=until,
                fallback_attempts=func.coalesce(messages.c.fallback_attempts, 0) + 1,
            )
            .returning(messages)
        )
        rows = sorted(await self.link.all(taken), key=lambda row: (row.urgency, row.due_since, row.id))
        return tuple(Unseen(message=message_of(row), attempts=row.fallback_attempts) for row in rows)

    async def sent(self, message_id: str) -> None:
        """Never again."""
        change = update(messages).where(messages.c.id == message_id)
        await self.link.run(change.values(fallback_at=self.link.now, fallback_retry_at=None))

    async def failed(self, message_id: str, *, retry_at: datetime) -> None:
        """Again then."""
        await self.link.run(
            update(messages).where(messages.c.id == message_id).values(fallback_retry_at=retry_at)
        )
