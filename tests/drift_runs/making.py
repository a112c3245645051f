"""Runs of drift reports for these tests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.domain.drift_runs import DriftRun, DriftTrigger, DriftWindow
from bot.testing import START
from tests.making import make_drift_report

if TYPE_CHECKING:
    from bot.domain.drift import DriftReport
    from bot.ports.stores import Store


def make_run(run_id: str, *, service: str = "churn", **changes: Any) -> DriftRun:
    """A run by the clock over the day before."""
    values: dict[str, Any] = {
        "trigger": DriftTrigger.SCHEDULE,
        "started_at": START,
        "tick": START,
        "window": DriftWindow(column="at", start=START - timedelta(days=1), end=START),
    }
    return DriftRun(id=run_id, service=service, **{**values, **changes})


async def keep_success(
    store: Store, run: DriftRun, *, report: DriftReport | None = None, score: float | None = 0.42
) -> DriftRun:
    """A run in the store that made a report."""
    report = report or make_drift_report(score=score)
    done = run.succeeded(report, at=run.started_at + timedelta(seconds=3), model_version="", shown_with="")
    async with store.transaction() as tx:
        await tx.drift_runs.begin(run)
        assert await tx.drift_runs.end(done)
        await tx.drift_reports.save(run.service, report, run_id=run.id)
    return done
