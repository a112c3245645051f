"""The latest result of each check for each incident (`bot.ports.stores.Findings`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from bot.adapters.database.rows import FINDING
from bot.adapters.database.tables import findings

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.adapters.database.engine import Link
    from bot.domain.findings import Finding


@dataclass(frozen=True, slots=True)
class FindingTable:
    """Findings, and who may look next."""

    link: Link

    async def save(self, incident_id: int, finding: Finding) -> None:
        """Take the earlier one's place."""
        body = FINDING.dump(finding.without_attachments())
        new = self.link.insert(findings).values(incident_id=incident_id, check_name=finding.check, body=body)
        await self.link.run(new.on_conflict_do_update(index_elements=_KEY, set_={"body": body}))

    async def of_incident(self, incident_id: int) -> tuple[Finding, ...]:
        """The latest of each check, by name."""
        query = select(findings.c.body).where(
            findings.c.incident_id == incident_id, findings.c.body.is_not(None)
        )
        rows = await self.link.all(query.order_by(findings.c.check_name))
        return tuple(FINDING.load(row.body) for row in rows)

    async def reserve(self, incident_id: int, check: str, *, not_before: timedelta) -> bool:
        """Whether the check may run now; a yes reserves it."""
        now = self.link.now
        free = or_(findings.c.reserved_at.is_(None), findings.c.reserved_at <= now - not_before)
        new = self.link.insert(findings).values(incident_id=incident_id, check_name=check, reserved_at=now)
        taken = new.on_conflict_do_update(
            index_elements=_KEY, set_={"reserved_at": now}, where=free
        ).returning(findings.c.check_name)
        return await self.link.first(taken) is not None


_KEY = [findings.c.incident_id, findings.c.check_name]
