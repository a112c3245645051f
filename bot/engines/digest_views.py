"""What a storm's digest shows, gathered for the composing engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import Permanent
from bot.engines.gathering import MOST_GATHERED
from bot.rendering.views import DigestView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.messages import Message
    from bot.domain.services import WatchedService
    from bot.ports.stores import Transaction


async def digest_view(
    tx: Transaction, message: Message, services: Mapping[str, WatchedService]
) -> DigestView:
    """The storm and its incidents; its first post calls on-call where one of them would have."""
    storm = await tx.storms.get(message.subject)
    if storm is None:
        raise Permanent(f"storm {message.subject} is not in the store")
    gathered = await tx.storms.gathered(message.id, limit=MOST_GATHERED)
    mention = None
    if message.ts is None:
        for incident in gathered:
            service = services.get(incident.key.service)
            if service is not None and incident.severity in service.mention and service.oncall:
                mention = service.oncall
                break
    return DigestView(storm=storm, incidents=gathered, mention=mention, now=tx.now)
