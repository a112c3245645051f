"""What `lightship doctor` asks beside the readers: questions about the bot itself, never about a service.

Every method raises `Temporary`, `Forbidden` or another `Permanent`, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.domain.granted import Granted


class OwnRights(Protocol):
    """What the bot's own account may do in the cluster."""

    async def granted(self, namespace: str) -> tuple[Granted, ...]:
        """Every rule that holds for it in a namespace."""
        ...


class AlertRoutes(Protocol):
    """Where Alertmanager sends alerts."""

    async def webhook_addresses(self) -> tuple[str, ...]:
        """The address of each webhook of its receivers; empty where Alertmanager hides it."""
        ...
