"""Telling people something about Lightship itself, in the default channel; doors and engines call it.

A notice of one name is told at most once in `rest`, whichever replica saw the cause.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP
from bot.domain.events import EventKind
from bot.domain.messages import Message, MessageKind
from bot.engines.noting import append

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.domain.events import Event
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction


class Noticing:
    """Puts notices. Without a channel they are kept as events alone."""

    def __init__(self, *, store: Store, ids: Ids, channel: str | None, rest: timedelta) -> None:
        self._store = store
        self._ids = ids
        self._channel = channel
        self._rest = rest

    async def tell(self, name: str, *, title: str, text: str) -> bool:
        """Put a notice unless one of that name was put less than `rest` ago; whether it was put."""
        async with self._store.transaction() as tx:
            last = await tx.heartbeats.last(f"notice/{name}")
            if last is not None and tx.now - last < self._rest:
                return False
            span = self._rest.total_seconds()
            begun = datetime.fromtimestamp(tx.now.timestamp() // span * span, tz=UTC)
            # Another replica may be telling it at this very moment; one alone wins the span of time.
            if not await tx.heartbeats.win(f"notice/{name}", begun):
                return False
            await tx.heartbeats.beat(f"notice/{name}", tx.now)
            event = await append(
                tx,
                self._ids,
                EventKind.NOTICE,
                service="",
                incident_id=None,
                actor=LIGHTSHIP,
                detail={"name": name, "title": title, "text": text},
            )
            if self._channel is not None:
                await put_notice(tx, self._ids, event, channel=self._channel)
        return True


async def put_notice(tx: Transaction, ids: Ids, event: Event, *, channel: str) -> None:
    """The notice that an event holds is to be shown there."""
    await tx.messages.put(
        Message(
            id=ids.new(),
            kind=MessageKind.NOTICE,
            subject=event.id,
            channel=channel,
            thread_of=None,
            incident_id=None,
            urgency=1,
            desired_revision=1,
            created_at=tx.now,
        )
    )
