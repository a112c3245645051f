"""Drift reports by service (`bot.ports.file_stores.DriftReports`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from bot.adapters.database.rows import DRIFT_REPORT
from bot.adapters.database.tables import drift_reports
from bot.ports.readers import PublishedDrift

if TYPE_CHECKING:
    from bot.adapters.database.engine import Link
    from bot.domain.drift import DriftReport
    from bot.ports.stores import Store


@dataclass(frozen=True, slots=True)
class DriftReportTable:
    """Reports, the newest of each service being the one that is asked for."""

    link: Link

    async def save(self, service: str, report: DriftReport) -> None:
        """Keep a new one, made now."""
        values = {"service": service, "made_at": self.link.now, "body": DRIFT_REPORT.dump(report)}
        await self.link.run(insert(drift_reports).values(values))

    async def latest(self, service: str) -> PublishedDrift | None:
        """The newest one; None where there is none yet."""
        newest = (
            select(drift_reports)
            .where(drift_reports.c.service == service)
            .order_by(drift_reports.c.number.desc())
            .limit(1)
        )
        row = await self.link.first(newest)
        return PublishedDrift(report=DRIFT_REPORT.load(row.body), made_at=row.made_at) if row else None


class PublishedReports:
    """`bot.ports.readers.DriftReader` over the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def latest(self, service: str) -> PublishedDrift | None:
        """The newest one; None where there is none yet."""
        async with self._store.transaction() as tx:
            return await tx.drift_reports.latest(service)
