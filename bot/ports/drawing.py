"""Drawing pictures. Only the attaching engine asks for it; nothing that people wait for does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.domain.pictures import Picture


class Drawer(Protocol):
    """Turns values into an image."""

    async def draw(self, picture: Picture) -> bytes:
        """PNG. Raises Temporary where it took too long, Permanent where this picture cannot be drawn."""
        ...
