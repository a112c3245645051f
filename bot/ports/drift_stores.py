"""The part of the store that is about drift: published reports, the runs that made them, what MLflow is owed.

See `bot.ports.stores`, whose transactions have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftPoint, DriftRun, Tracked
    from bot.ports.readers import PublishedDrift


class DriftReports(Protocol):
    """Drift reports as they were published."""

    async def save(self, service: str, report: DriftReport, *, run_id: str = "") -> None:
        """Keep a new one, made now; it is the latest from now on."""
        ...

    async def latest(self, service: str) -> PublishedDrift | None:
        """The newest one with its run and the scores before it; None where there is none yet."""
        ...

    async def of_run(self, run_id: str) -> DriftReport | None:
        """The one that a run made."""
        ...


class DriftRuns(Protocol):
    """Runs, from their beginning."""

    async def begin(self, run: DriftRun) -> None:
        """Keep a new one that is running."""
        ...

    async def end(self, run: DriftRun) -> bool:
        """Keep how it ended; False where it had ended already (somebody took it for lost)."""
        ...

    async def get(self, run_id: str) -> DriftRun | None:
        """By id."""
        ...

    async def newest(self, service: str) -> DriftRun | None:
        """The newest of a service, whatever became of it."""
        ...

    async def before(self, run: DriftRun) -> DriftRun | None:
        """The one of its service that was begun before it."""
        ...

    async def last_success(self, service: str) -> DriftRun | None:
        """The newest that made a report."""
        ...

    async def shown_by(self, shown_with: str) -> DriftRun | None:
        """The newest that the message of that run shows."""
        ...

    async def unfinished(self, service: str, *, begun_before: datetime) -> tuple[DriftRun, ...]:
        """Those still running that began before then, oldest first."""
        ...

    async def trend(self, service: str, *, limit: int) -> tuple[DriftPoint, ...]:
        """The scores of the newest runs that made a report, oldest first."""
        ...


class TrackedRuns(Protocol):
    """Runs that the experiment tracker is still to be told of."""

    async def owe(self, run_id: str, *, profile: bytes | None) -> None:
        """The tracker is to be told of this run, from now on."""
        ...

    async def claim(self, *, until: datetime, limit: int) -> tuple[Tracked, ...]:
        """Those due, oldest first; not given again before `until`."""
        ...

    async def told(self, run_id: str, *, tracker_id: str) -> None:
        """The tracker has it under that id; the profile is forgotten."""
        ...

    async def failed(self, run_id: str, *, error: str, retry_at: datetime | None) -> None:
        """It could not be told; again then, or never."""
        ...

    async def tracker_id(self, run_id: str) -> str:
        """The tracker's id of a run; empty where it has none."""
        ...

    async def waiting(self, service: str) -> int:
        """How many of a service's runs the tracker is still owed."""
        ...
