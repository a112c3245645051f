"""Registered drills (`bot.ports.stores.Drills`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from bot.adapters.database.rows import DRILL
from bot.adapters.database.tables import drills

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.adapters.database.engine import Link
    from bot.domain.drills import Drill


@dataclass(frozen=True, slots=True)
class DrillTable:
    """One row a drill; they are few and stay."""

    link: Link

    async def add(self, drill: Drill) -> None:
        """Register it."""
        row = {"id": drill.id, "fingerprint": drill.fingerprint, "body": DRILL.dump(drill)}
        await self.link.run(insert(drills).values(row))

    async def get(self, drill_id: str) -> Drill | None:
        """By id."""
        row = await self.link.first(select(drills.c.body).where(drills.c.id == drill_id))
        return DRILL.load(row.body) if row else None

    async def known(self, fingerprints: Collection[str]) -> Mapping[str, str]:
        """The id by the fingerprint, of those that are registered."""
        query = select(drills.c.fingerprint, drills.c.id).where(drills.c.fingerprint.in_(fingerprints))
        return {row.fingerprint: row.id for row in await self.link.all(query)}
