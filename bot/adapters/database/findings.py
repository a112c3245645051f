"""The latest result of each check for each incident (`bot.ports.stores.Findings`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, or_, select

from bot.adapters.database.rows import FINDING
from bot.adapters.database.tables import findings

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from bot.adapters.database.engine import Link
    from bot.domain.findings import Finding


@dataclass(frozen=True, slots=True)
class FindingTable:
    """Findings, and who may look next."""

    link: Link

    async def save(self, incident_id: int, *made: Finding) -> None:
        """Take the earlier ones' places."""
        new = self.link.insert(findings)
        taking = new.on_conflict_do_update(index_elements=_KEY, set_={"body": new.excluded.body})
        rows = [
            {
                "incident_id": incident_id,
                "check_name": finding.check,
                "body": FINDING.dump(finding.without_attachments()),
            }
            for finding in sorted(made, key=lambda one: one.check)
        ]
        if rows:
            await self.link.run(taking, rows)

    async def of_incident(self, incident_id: int) -> tuple[Finding, ...]:
        """The latest of each check, by name."""
        rows = await self.link.all(_OF_INCIDENT, {"number": incident_id})
        return FINDING.load_each(row.body for row in rows)

    async def reserve(
        self, incident_id: int, checks: Collection[str], *, not_before: timedelta
    ) -> frozenset[str]:
        """Which of them may run now; they are reserved."""
        now = self.link.now
        free = or_(findings.c.reserved_at.is_(None), findings.c.reserved_at <= now - not_before)
        new = self.link.insert(findings)
        taken = new.on_conflict_do_update(
            index_elements=_KEY, set_={"reserved_at": now}, where=free
        ).returning(findings.c.check_name)
        reserved: set[str] = set()
        # One by one, as only a row that comes back tells that it was free; in an order, as they are locks.
        for check in sorted(checks):
            row = {"incident_id": incident_id, "check_name": check, "reserved_at": now}
            if await self.link.first(taken.values(row)) is not None:
                reserved.add(check)
        return frozenset(reserved)


_KEY = [findings.c.incident_id, findings.c.check_name]
_OF_INCIDENT: Final = (
    select(findings.c.body)
    .where(findings.c.incident_id == bindparam("number"), findings.c.body.is_not(None))
    .order_by(findings.c.check_name)
)
