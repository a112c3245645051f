"""A message's row, as the modules about messages read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from bot.adapters.database.tables import messages
from bot.domain.messages import Message, MessageKind

if TYPE_CHECKING:
    from sqlalchemy import Row

DIRTY = messages.c.posted_revision < messages.c.desired_revision
"""The chat does not show the latest state."""

_DIGEST = messages.alias("digest")
_PARENT = messages.alias("digested_parent")
_IN_DIGEST = select(_DIGEST.c.id).where(
    _DIGEST.c.id == messages.c.digest_of, _DIGEST.c.posted_revision >= messages.c.digest_revision
)
_PARENT_IN_DIGEST = select(_PARENT.c.id).where(
    _PARENT.c.id == messages.c.thread_of, _PARENT.c.digest_of.is_not(None)
)
SHOWN_ELSEWHERE = or_(_IN_DIGEST.exists(), _PARENT_IN_DIGEST.exists())
"""A digest that the chat shows stands for it; or it belongs into the thread of one that has no message."""


def message_of(row: Row[Any]) -> Message:
    """The value that a row holds."""
    return Message(
        id=row.id,
        kind=MessageKind(row.kind),
        subject=row.subject,
        channel=row.channel,
        thread_of=row.thread_of,
        incident_id=row.incident_id,
        urgency=row.urgency,
        desired_revision=row.desired_revision,
        posted_revision=row.posted_revision,
        ts=row.ts,
        intent_at=row.intent_at,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        created_at=row.created_at,
        due_since=row.due_since,
        digest_of=row.digest_of,
    )
