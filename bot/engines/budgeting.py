"""A bound on how often checks ask the cluster and Prometheus: a token bucket in front of the readers.

Put in front of what checks are given by `bot.bootstrap`; each replica has its own. A call waits its turn
for a while; where the line is too long it is refused, and the check says that it was skipped.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot import telemetry
from bot.domain.errors import Temporary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.ports.clock import Clock
    from bot.ports.readers import ClusterReader, KubeObject, MetricsReader, Resource, Sample, SeenRule, Series


class Budget:
    """So many calls a second, one at once; what would wait longer than `patience` is refused."""

    def __init__(self, *, clock: Clock, per_second: int, patience: timedelta) -> None:
        self._clock = clock
        self._per_second = per_second
        self._interval = timedelta(seconds=1 / per_second)
        self._patience = patience
        self._next: datetime | None = None

    async def take(self) -> None:
        """Return when the call may go. Raises Temporary where the line is too long."""
        now = self._clock.now()
        turn = max(self._next or now, now)
        if turn - now > self._patience:
            telemetry.CALLS_REFUSED.inc()
            raise Temporary(f"skipped: checks make at most {self._per_second} calls a second, and many wait")
        self._next = turn + self._interval
        if turn > now:
            await self._clock.sleep((turn - now).total_seconds())


class BudgetedCluster:
    """`bot.ports.readers.ClusterReader` behind a budget."""

    def __init__(self, reader: ClusterReader, budget: Budget) -> None:
        self._reader = reader
        self._budget = budget

    async def get(self, resource: Resource, *, namespace: str, name: str) -> KubeObject:
        """One object."""
        await self._budget.take()
        return await self._reader.get(resource, namespace=namespace, name=name)

    async def list(self, resource: Resource, **how: Any) -> Sequence[KubeObject]:
        """Objects of a namespace."""
        await self._budget.take()
        return await self._reader.list(resource, **how)

    async def metadata(self, resource: Resource, **which: Any) -> Sequence[KubeObject]:
        """The metadata of a namespace's objects."""
        await self._budget.take()
        return await self._reader.metadata(resource, **which)

    async def logs(self, **which: Any) -> str:
        """The last lines of a container's log."""
        await self._budget.take()
        return await self._reader.logs(**which)


class BudgetedMetrics:
    """`bot.ports.readers.MetricsReader` behind a budget."""

    def __init__(self, reader: MetricsReader, budget: Budget) -> None:
        self._reader = reader
        self._budget = budget

    async def alerting_rules(self, name: str) -> tuple[SeenRule, ...]:
        """Its alerting rules of that name."""
        await self._budget.take()
        return await self._reader.alerting_rules(name)

    async def query(self, promql: str, *, at: datetime | None = None) -> tuple[Sample, ...]:
        """The value of an expression."""
        await self._budget.take()
        return await self._reader.query(promql, at=at)

    async def query_range(
        self, promql: str, *, start: datetime, end: datetime, step: float
    ) -> tuple[Series, ...]:
        """The values of an expression over a time."""
        await self._budget.take()
        return await self._reader.query_range(promql, start=start, end=end, step=step)
