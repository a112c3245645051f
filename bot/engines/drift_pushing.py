"""Pushing the scores of a run that nothing scrapes, once it is in the store; for `lightship drift run`.

What is pushed is what a bot on the same store would say on `/metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.drift_runs import DriftRunState
from bot.drift_metrics import drift_registry, read_drift

if TYPE_CHECKING:
    from bot.domain.comparisons import WatchedDrift
    from bot.domain.drift_runs import DriftRun
    from bot.ports.pushing import ScoreGateway
    from bot.ports.stores import Store


async def push_scores(
    store: Store, gateway: ScoreGateway, *, run: DriftRun, watched: WatchedDrift, prefix: str
) -> None:
    """Push what the store knows of the run's service. Raises what the gateway and the store raise.

    After a run that failed the scores of the last success stay, in a store that knows them and in one that
    does not: how old they are is what the alert on a stale score goes by.
    """
    async with store.transaction() as tx:
        reading = await read_drift(tx, run.service)
    await gateway.push(
        watched.pushgateway,
        service=run.service,
        scores=drift_registry(prefix, reading),
        whole=run.state is DriftRunState.SUCCEEDED,
    )
