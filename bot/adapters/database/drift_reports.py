"""Drift reports by service (`bot.ports.drift_stores.DriftReports`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, select

from bot.adapters.database.drift_runs import DriftRunTable
from bot.adapters.database.rows import DRIFT_REPORT
from bot.adapters.database.tables import drift_reports
from bot.ports.readers import PublishedDrift

if TYPE_CHECKING:
    from bot.adapters.database.engine import Link
    from bot.domain.drift import DriftReport
    from bot.ports.stores import Store

TREND: Final = 60
"""So many scores make a trend."""

_NEWEST: Final = (
    select(drift_reports)
    .where(drift_reports.c.service == bindparam("of"))
    .order_by(drift_reports.c.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class DriftReportTable:
    """Reports, the newest of each service being the one that is asked for."""

    link: Link

    async def save(self, service: str, report: DriftReport, *, run_id: str = "") -> None:
        """Keep a new one, made now."""
        values = {
            "service": service,
            "made_at": self.link.now,
            "body": DRIFT_REPORT.dump(report),
            "run_id": run_id or None,
        }
        await self.link.run(insert(drift_reports).values(values))

    async def latest(self, service: str) -> PublishedDrift | None:
        """The newest one with its run and the scores before it; None where there is none yet."""
        row = await self.link.first(_NEWEST, {"of": service})
        if row is None:
            return None
        runs = DriftRunTable(self.link)
        return PublishedDrift(
            report=DRIFT_REPORT.load(row.body),
            made_at=row.made_at,
            run=await runs.get(row.run_id) if row.run_id else None,
            newest=await runs.newest(service),
            trend=await runs.trend(service, limit=TREND),
        )

    async def of_run(self, run_id: str) -> DriftReport | None:
        """The one that a run made."""
        row = await self.link.first(select(drift_reports.c.body).where(drift_reports.c.run_id == run_id))
        return DRIFT_REPORT.load(row.body) if row else None


class PublishedReports:
    """`bot.ports.readers.DriftReader` over the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def latest(self, service: str) -> PublishedDrift | None:
        """The newest one; None where there is none yet."""
        async with self._store.transaction() as tx:
            return await tx.drift_reports.latest(service)
