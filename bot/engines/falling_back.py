"""Telling somebody of an incident that Slack does not show in time, so that they are called all the same.

A job by the clock, on one replica a tick, where `fallback` is configured. Each opening, reopening and
escalation of an incident is told once, and so is each silence of Alertmanager; a message's row remembers it.
What ended meanwhile calls nobody. It is tried again, later and later, until the other side takes it; after a
crash it may come twice, with the same `id`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot import telemetry
from bot.domain.backoff import Backoff
from bot.domain.errors import LightshipError
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.engines.noting import ending_of
from bot.logs import Log, LogAction
from bot.rendering.fallback import fallback_document, silence_document

if TYPE_CHECKING:
    from bot.ports.fallback import Fallback
    from bot.ports.message_stores import Unseen
    from bot.ports.stores import Store, Transaction

_LOG = Log("fallback")
_REASONS = {EventKind.REOPENED: "reopened", EventKind.ESCALATED: "escalated"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FallbackLimits:
    """How many at once, how long one attempt holds a message, and the waits after failures."""

    at_once: int = 10
    lease: timedelta = timedelta(minutes=1)
    backoff: Backoff = field(
        default_factory=lambda: Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))
    )


class FallingBack:
    """The job. `settle` is intake's, to say which alerts fire."""

    def __init__(
        self,
        *,
        store: Store,
        fallback: Fallback,
        after: timedelta,
        settle: timedelta,
        limits: FallbackLimits = FallbackLimits(),
    ) -> None:
        self._store = store
        self._fallback = fallback
        self._after = after
        self._settle = settle
        self._limits = limits
        self._unnoted: set[str] = set()

    async def step(self) -> int:
        """Tell of everything that is overdue; how many were told. Stops at the first batch that fails."""
        for message_id in tuple(self._unnoted):
            await self._note(message_id)
        told = 0
        while True:
            async with self._store.transaction() as tx:
                unseen = await tx.fallbacks.claim(
                    due_before=tx.now - self._after,
                    until=tx.now + self._limits.lease,
                    limit=self._limits.at_once,
                )
                documents = [await self._document(tx, one) for one in unseen]
            outcomes = await asyncio.gather(
                *(self._tell(one, document) for one, document in zip(unseen, documents, strict=True))
            )
            told += sum(
                taken and document is not None for taken, document in zip(outcomes, documents, strict=True)
            )
            if len(unseen) < self._limits.at_once or not all(outcomes):
                return told

    async def _document(self, tx: Transaction, unseen: Unseen) -> dict[str, Any] | None:
        message = unseen.message
        event = None if message.kind is MessageKind.INCIDENT else await tx.events.get(message.subject)
        if message.kind is MessageKind.NOTICE:
            over = event is None or await tx.events.get(ending_of(event.id)) is not None
            return None if event is None or over else silence_document(event, message, now=tx.now)
        incident = await tx.incidents.peek(message.incident_id or 0)
        if incident is None:
            return None
        reason = "opened" if event is None else _REASONS.get(event.kind, "reopened")
        firing = incident.firing(settle=self._settle)
        return fallback_document(incident, message, reason=reason, firing=firing, now=tx.now)

    async def _tell(self, unseen: Unseen, document: dict[str, Any] | None) -> bool:
        message_id = unseen.message.id
        if document is None:
            await self._note(message_id)
            return True
        try:
            await self._fallback.send(document)
        except LightshipError as error:
            telemetry.FALLBACKS.labels(outcome="failed").inc()
            _LOG.warning(LogAction.FALLBACK_FAILED, message=message_id, error=str(error))
            wait = self._limits.backoff.after(unseen.attempts, of=message_id)
            async with self._store.transaction() as tx:
                await tx.fallbacks.failed(message_id, retry_at=tx.now + wait)
            return False
        telemetry.FALLBACKS.labels(outcome="sent").inc()
        _LOG.warning(LogAction.FALLBACK_SENT, message=message_id, incident=unseen.message.incident_id)
        self._unnoted.add(message_id)
        await self._note(message_id)
        return True

    async def _note(self, message_id: str) -> None:
        """Keep that it is done with; where the store cannot be had, before anything is told again."""
        async with self._store.transaction() as tx:
            await tx.fallbacks.sent(message_id)
        self._unnoted.discard(message_id)
