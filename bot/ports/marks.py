"""Marks in the graphs of a dashboard. Only the marking engine calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.marks import HeldMark, Mark


class MarkBoard(Protocol):
    """Where marks are. Each call raises Temporary or Permanent, without the token in the text."""

    async def held(self, *, since: datetime) -> Mapping[str, HeldMark]:
        """Lightship's own marks from then on, by the ids that it gave them."""
        ...

    async def add(self, mark: Mark) -> None:
        """Put one there."""
        ...

    async def change(self, number: int, mark: Mark) -> None:
        """Let the one with this number say that, and end then."""
        ...
