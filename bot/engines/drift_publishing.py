"""Publishing what a drift run came to, in one transaction: the report, the run's end, what MLflow is owed.

Called by `bot.engines.drifting`. `GET /metrics`, checks and messages read it from the store, so that every
replica says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain.comparisons import Compared
    from bot.domain.drift_runs import DriftRun
    from bot.ports.stores import Transaction


async def publish(
    tx: Transaction, run: DriftRun, compared: Compared, *, model_version: str, tracked: bool
) -> DriftRun:
    """Keep everything; the run as it ended. One that was taken for lost meanwhile is not published."""
    done = run.succeeded(compared.report, at=tx.now, model_version=model_version, shown_with=run.id)
    if not await tx.drift_runs.end(done):
        return await tx.drift_runs.get(run.id) or done
    await tx.drift_reports.save(run.service, compared.report, run_id=run.id)
    if tracked:
        await tx.tracked_runs.owe(run.id, profile=compared.profile)
    return done
