"""Since when escalation rules hold, and who was reminded (`bot.ports.stores.Escalations`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from bot.adapters.database.rows import WATCH
from bot.adapters.database.tables import escalations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.adapters.database.engine import Link
    from bot.domain.escalation import Watch


_OF: Final = select(escalations).where(escalations.c.incident_id.in_(bindparam("numbers", expanding=True)))


@dataclass(frozen=True, slots=True)
class EscalationTable:
    """Watches; the incident's own row is locked by who changes them."""

    link: Link

    async def of(self, incidents: Sequence[int]) -> Mapping[int, Mapping[str, Watch]]:
        """What is remembered, by incident and rule."""
        rows = await self.link.all(_OF, {"numbers": incidents})
        found: dict[int, dict[str, Watch]] = {}
        for row in rows:
            found.setdefault(row.incident_id, {})[row.rule] = WATCH.load(row.body)
        return found

    async def save(self, watch: Watch) -> None:
        """Take the earlier one's place."""
        body = WATCH.dump(watch)
        new = self.link.insert(escalations).values(incident_id=watch.incident_id, rule=watch.rule, body=body)
        key = [escalations.c.incident_id, escalations.c.rule]
        await self.link.run(new.on_conflict_do_update(index_elements=key, set_={"body": body}))
