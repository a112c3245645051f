"""Time and ids: injected everywhere, so that rehearsals and tests can own them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """The time, and waiting."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...


class Ids(Protocol):
    """Unique ids."""

    def new(self) -> str:
        """A new id: lower-case letters, digits, hyphens; fit for a Kubernetes name, 36 characters at most."""
        ...
