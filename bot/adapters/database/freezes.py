"""The kill switch (`bot.ports.stores.Freezes`): one row while it is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from bot.adapters.database.rows import FREEZE
from bot.adapters.database.tables import freezes

if TYPE_CHECKING:
    from bot.adapters.database.engine import Link
    from bot.domain.freezing import Freeze

_ONLY: Final = freezes.c.id == 1
_CURRENT: Final = select(freezes.c.body).where(_ONLY)


@dataclass(frozen=True, slots=True)
class FreezeTable:
    """The one switch of all replicas."""

    link: Link

    async def current(self) -> Freeze | None:
        """Who froze everything, if it is frozen."""
        row = await self.link.first(_CURRENT)
        return FREEZE.load(row.body) if row else None

    async def begin(self, freeze: Freeze) -> bool:
        """Switch it on; False where it is on already."""
        new = self.link.insert(freezes).values(id=1, body=FREEZE.dump(freeze))
        made = new.on_conflict_do_nothing(index_elements=[freezes.c.id]).returning(freezes.c.id)
        return await self.link.first(made) is not None

    async def end(self) -> bool:
        """Switch it off; False where it is off already."""
        return await self.link.first(delete(freezes).where(_ONLY).returning(freezes.c.id)) is not None
