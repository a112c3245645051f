"""Runs of drift reports, and what the experiment tracker is owed of them (`bot.ports.drift_stores`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from bot.adapters.database.rows import DRIFT_REPORT, DRIFT_RUN
from bot.adapters.database.tables import drift_reports, drift_runs, tracked_runs
from bot.adapters.database.texts import short
from bot.domain.drift_runs import DriftPoint, DriftRunState, Tracked

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from bot.adapters.database.engine import Link
    from bot.domain.drift_runs import DriftRun

_RUNNING = drift_runs.c.state == DriftRunState.RUNNING.value
_SUCCEEDED = drift_runs.c.state == DriftRunState.SUCCEEDED.value


@dataclass(frozen=True, slots=True)
class DriftRunTable:
    """Runs by service."""

    link: Link

    async def begin(self, run: DriftRun) -> None:
        """Keep a new one."""
        await self.link.run(
            insert(drift_runs).values(
                id=run.id, service=run.service, started_at=run.started_at, **_columns(run)
            )
        )

    async def end(self, run: DriftRun) -> bool:
        """Keep how it ended, once."""
        change = (
            update(drift_runs)
            .where(drift_runs.c.id == run.id, _RUNNING)
            .values(_columns(run))
            .returning(drift_runs.c.id)
        )
        return await self.link.first(change) is not None

    async def get(self, run_id: str) -> DriftRun | None:
        """By id."""
        return await self._newest(drift_runs.c.id == run_id)

    async def newest(self, service: str) -> DriftRun | None:
        """The newest of a service, whatever became of it."""
        return await self._newest(drift_runs.c.service == service)

    async def before(self, run: DriftRun) -> DriftRun | None:
        """The one of its service that was begun before it."""
        number = select(drift_runs.c.number).where(drift_runs.c.id == run.id).scalar_subquery()
        return await self._newest(drift_runs.c.service == run.service, drift_runs.c.number < number)

    async def last_success(self, service: str) -> DriftRun | None:
        """The newest that made a report."""
        return await self._newest(drift_runs.c.service == service, _SUCCEEDED)

    async def shown_by(self, shown_with: str) -> DriftRun | None:
        """The newest that the message of that run shows."""
        return await self._newest(drift_runs.c.shown_with == shown_with)

    async def unfinished(self, service: str, *, begun_before: datetime) -> tuple[DriftRun, ...]:
        """Those still running that began before then."""
        query = (
            select(drift_runs.c.body)
            .where(drift_runs.c.service == service, _RUNNING, drift_runs.c.started_at < begun_before)
            .order_by(drift_runs.c.number)
        )
        return tuple(DRIFT_RUN.load(row.body) for row in await self.link.all(query))

    async def trend(self, service: str, *, limit: int) -> tuple[DriftPoint, ...]:
        """The scores of the newest that made a report, oldest first."""
        query = (
            select(drift_runs.c.id, drift_runs.c.ended_at, drift_runs.c.score)
            .where(drift_runs.c.service == service, _SUCCEEDED)
            .order_by(drift_runs.c.number.desc())
            .limit(limit)
        )
        rows = await self.link.all(query)
        return tuple(DriftPoint(at=row.ended_at, score=row.score, run_id=row.id) for row in reversed(rows))

    async def _newest(self, *where: ColumnElement[bool]) -> DriftRun | None:
        query = select(drift_runs.c.body).where(*where).order_by(drift_runs.c.number.desc()).limit(1)
        row = await self.link.first(query)
        return DRIFT_RUN.load(row.body) if row else None


@dataclass(frozen=True, slots=True)
class TrackedRunTable:
    """Runs that the tracker is told of; what is still owed is due at `due_at`."""

    link: Link

    async def owe(self, run_id: str, *, profile: bytes | None) -> None:
        """The tracker is to be told of this run, from now on."""
        service = select(drift_runs.c.service).where(drift_runs.c.id == run_id).scalar_subquery()
        values = {
            "run_id": run_id,
            "service": service,
            "tracker_id": "",
            "due_at": self.link.now,
            "attempts": 0,
            "last_error": "",
            "profile": profile,
        }
        await self.link.run(insert(tracked_runs).values(values))

    async def claim(self, *, until: datetime, limit: int) -> tuple[Tracked, ...]:
        """Those due, oldest first; not given again before `until`."""
        due = (
            select(tracked_runs.c.run_id)
            .where(tracked_runs.c.due_at.is_not(None), tracked_runs.c.due_at <= self.link.now)
            .order_by(tracked_runs.c.due_at, tracked_runs.c.run_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        taken = (
            update(tracked_runs)
            .where(tracked_runs.c.run_id.in_(due))
            .values(due_at=until, attempts=tracked_runs.c.attempts + 1)
            .returning(tracked_runs.c.run_id)
        )
        ids = [row.run_id for row in await self.link.all(taken)]
        if not ids:
            return ()
        query = (
            select(
                drift_runs.c.body, drift_reports.c.body.label("report"),
                tracked_runs.c.profile, tracked_runs.c.attempts,
            )
            .join(drift_runs, drift_runs.c.id == tracked_runs.c.run_id)
            .join(drift_reports, drift_reports.c.run_id == tracked_runs.c.run_id)
            .where(tracked_runs.c.run_id.in_(ids))
            .order_by(drift_runs.c.number)
        )  # fmt: skip
        return tuple(
            Tracked(
                run=DRIFT_RUN.load(row.body),
                report=DRIFT_REPORT.load(row.report),
                profile=row.profile,
                attempts=row.attempts,
            )
            for row in await self.link.all(query)
        )

    async def told(self, run_id: str, *, tracker_id: str) -> None:
        """The tracker has it under that id."""
        await self._set(run_id, tracker_id=tracker_id, due_at=None, last_error="", profile=None)

    async def failed(self, run_id: str, *, error: str, retry_at: datetime | None) -> None:
        """Again then; never, and then its profile is forgotten as well."""
        given_up = {} if retry_at is not None else {"profile": None}
        await self._set(run_id, due_at=retry_at, last_error=short(error), **given_up)

    async def tracker_id(self, run_id: str) -> str:
        """The tracker's id of a run."""
        row = await self.link.first(select(tracked_runs.c.tracker_id).where(tracked_runs.c.run_id == run_id))
        return str(row.tracker_id) if row else ""

    async def waiting(self, service: str) -> int:
        """How many of a service's runs the tracker is still owed."""
        query = select(func.count().label("waiting")).where(
            tracked_runs.c.service == service, tracked_runs.c.due_at.is_not(None)
        )
        row = await self.link.first(query)
        return int(row.waiting) if row else 0

    async def _set(self, run_id: str, **values: Any) -> None:
        await self.link.run(update(tracked_runs).where(tracked_runs.c.run_id == run_id).values(values))


def _columns(run: DriftRun) -> dict[str, Any]:
    return {
        "state": run.state.value,
        "ended_at": run.ended_at,
        "score": run.score,
        "shown_with": run.shown_with or None,
        "body": DRIFT_RUN.dump(run),
    }
