"""Small named times that replicas share (`bot.ports.stores.Heartbeats`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from bot.adapters.database.tables import heartbeats, ticks

if TYPE_CHECKING:
    from datetime import datetime

    from bot.adapters.database.engine import Link

_KEPT: Final = timedelta(days=2)
_LAST: Final = select(heartbeats.c.at).where(heartbeats.c.name == bindparam("called"))
"""How long a claimed tick is remembered; a replica whose clock is further off runs it again."""


@dataclass(frozen=True, slots=True)
class HeartbeatTable:
    """Heartbeats and claimed ticks."""

    link: Link

    async def beat(self, name: str, at: datetime) -> None:
        """Remember the later time."""
        new = self.link.insert(heartbeats).values(name=name, at=at)
        await self.link.run(
            new.on_conflict_do_update(
                index_elements=[heartbeats.c.name], set_={"at": at}, where=heartbeats.c.at < at
            )
        )

    async def last(self, name: str) -> datetime | None:
        """The remembered time."""
        row = await self.link.first(_LAST, {"called": name})
        return row.at if row else None

    async def win(self, name: str, fire_time: datetime) -> bool:
        """One replica alone inserts the tick."""
        new = self.link.insert(ticks).values(name=name, fire_time=fire_time).on_conflict_do_nothing()
        won = await self.link.first(new.returning(ticks.c.name)) is not None
        if won:
            await self.link.run(
                delete(ticks).where(ticks.c.name == name, ticks.c.fire_time < fire_time - _KEPT)
            )
        return won
