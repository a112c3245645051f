"""What a drift report's message shows, from the store. Called by `bot.engines.composing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.errors import Permanent
from bot.rendering.views import DriftView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.messages import Message
    from bot.domain.services import WatchedService
    from bot.ports.stores import Transaction

TREND: Final = 60


async def drift_view(tx: Transaction, message: Message, services: Mapping[str, WatchedService]) -> DriftView:
    """The newest of the runs that the message shows. Raises Permanent where they are gone."""
    run = await tx.drift_runs.shown_by(message.subject)
    report = await tx.drift_reports.of_run(run.id) if run else None
    if run is None or report is None:
        raise Permanent(f"the drift report of run {message.subject} is not in the store")
    success = await tx.drift_runs.last_success(run.service)
    trend = await tx.drift_runs.trend(run.service, limit=TREND)
    service = services.get(run.service)
    return DriftView(
        service=run.service,
        command=service.command if service else f"/{run.service}",
        report=report,
        run=run,
        newest=await tx.drift_runs.newest(run.service),
        trend=tuple(point for point in trend if run.ended_at is None or point.at <= run.ended_at),
        tracker_id=await tx.tracked_runs.tracker_id(run.id),
        followed_by=success if success and success.shown_with != run.shown_with else None,
        now=tx.now,
    )
