"""Keeping the store small: what is older than `retention` says goes, a batch a transaction.

Run by the clock on one replica. The audit is kept for ever. A webhook that could never be made an incident is
told of when it goes: it was accepted, so nobody else would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.logs import Log, LogAction
from bot.telemetry import PRUNED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from bot.engines.noticing import Noticing
    from bot.ports.stores import PruningApart, Store, Transaction

BATCH: Final = 100
MOST_BATCHES: Final = 50
"""Of each kind at a time: after a long absence the next ticks go on."""

_LOG: Final = Log("pruning")


@dataclass(frozen=True, kw_only=True, slots=True)
class Periods:
    """How long things are kept."""

    payloads: timedelta
    findings: timedelta
    logs: timedelta
    notices: timedelta
    drift_reports: timedelta
    incidents: timedelta


class Pruning:
    """Removes what is old."""

    def __init__(self, *, store: Store, periods: Periods, noticing: Noticing) -> None:
        self._store = store
        self._periods = periods
        self._noticing = noticing

    async def step(self) -> int:
        """Everything that is due, within bounds; how many things were removed."""
        keep = self._periods
        lost = await self._batches(
            "payloads", lambda tx: tx.pruning.payloads(before=tx.now - keep.payloads, limit=BATCH)
        )
        if lost:
            await self._noticing.tell(
                "pruned/payloads",
                title="Webhooks were given up",
                text=f"{lost} accepted webhooks could not be made incidents for {keep.payloads.days} days "
                "and were removed. The log of that time says why they could not be merged.",
            )
        removed = lost
        removed += await self._batches(
            "findings",
            lambda tx: tx.pruning.findings(
                before=tx.now - keep.findings, logs_before=tx.now - keep.logs, limit=BATCH
            ),
        )
        removed += await self._batches(
            "files", lambda tx: tx.pruning.excerpts(before=tx.now - keep.logs, limit=BATCH)
        )
        removed += await self._batches(
            "incidents", lambda tx: tx.pruning.incidents(before=tx.now - keep.incidents, limit=BATCH)
        )
        return removed + await self._apart()

    async def _apart(self) -> int:
        """What belongs to no incident; a digest and an action are kept as long as incidents are."""
        keep = self._periods
        removed = 0
        for kind, period, remove_of in (
            ("notices", keep.notices, lambda apart: apart.notices),
            ("drift_reports", keep.drift_reports, lambda apart: apart.drift_reports),
            ("drift_runs", keep.incidents, lambda apart: apart.drift_runs),
            ("storms", keep.incidents, lambda apart: apart.storms),
            ("actions", keep.incidents, lambda apart: apart.actions),
            ("events", keep.incidents, lambda apart: apart.events),
        ):
            removed += await self._batches(kind, _older(period, remove_of))
        return removed

    async def _batches(self, kind: str, remove: Callable[[Transaction], Awaitable[int]]) -> int:
        removed = 0
        for _ in range(MOST_BATCHES):
            async with self._store.transaction() as tx:
                batch = await remove(tx)
            removed += batch
            if batch < BATCH:
                break
        if removed:
            PRUNED.labels(kind=kind).inc(removed)
            _LOG.info(LogAction.PRUNED, kind=kind, count=removed)
        return removed


def _older(
    period: timedelta, remove_of: Callable[[PruningApart], Callable[..., Awaitable[int]]]
) -> Callable[[Transaction], Awaitable[int]]:
    """A batch of what `remove_of` removes and is older than that."""
    return lambda tx: remove_of(tx.pruning_apart)(before=tx.now - period, limit=BATCH)
