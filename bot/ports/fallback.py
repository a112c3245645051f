"""Telling somebody of an incident while the chat takes nothing. Only the falling-back engine calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fallback(Protocol):
    """Takes one JSON document a call."""

    async def send(self, document: Mapping[str, Any]) -> None:
        """Return once it was taken. Raises Temporary or Permanent; the text does not hold the address."""
        ...
