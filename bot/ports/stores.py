"""The durable state, one transaction at a time.

Engines open a transaction, load, ask the domain, save, and leave; leaving with an exception rolls back.
Every method raises `Temporary` when the store cannot be reached or is locked, and `Permanent` when it is full
or broken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from bot.domain.deliveries import Delivery
    from bot.ports.action_stores import Approvals, Audit, Drills, Executions, Freezes, Verifications
    from bot.ports.drift_stores import DriftReports, DriftRuns, TrackedRuns
    from bot.ports.file_stores import Files
    from bot.ports.incident_stores import (
        Deliveries,
        Escalations,
        Events,
        Findings,
        Heartbeats,
        Incidents,
        Storms,
    )
    from bot.ports.message_stores import Fallbacks, Messages


class Pruning(Protocol):
    """Forgetting what is old; each call removes at most `limit` things and says how many."""

    async def payloads(self, *, before: datetime, limit: int) -> int:
        """Webhooks accepted before that which no try could make incidents of."""
        ...

    async def findings(self, *, before: datetime, logs_before: datetime, limit: int) -> int:
        """Results of checks of incidents that are over and quiet since then."""
        ...

    async def excerpts(self, *, before: datetime, limit: int) -> int:
        """The contents of files of such incidents."""
        ...

    async def incidents(self, *, before: datetime, limit: int) -> int:
        """Such incidents with all that belongs to them, but for the audit."""
        ...


class PruningApart(Protocol):
    """As `Pruning`, of what belongs to no incident; what the chat does not show yet stays."""

    async def notices(self, *, before: datetime, limit: int) -> int:
        """Notices of Lightship about itself, with their events."""
        ...

    async def storms(self, *, before: datetime, limit: int) -> int:
        """Closed storms with their digests, once none of their incidents is kept."""
        ...

    async def actions(self, *, before: datetime, limit: int) -> int:
        """Requests for approval outside of incidents, with what came of them."""
        ...

    async def drift_reports(self, *, before: datetime, limit: int) -> int:
        """Whole drift reports and the contents of their files; the newest of a service stays."""
        ...

    async def drift_runs(self, *, before: datetime, limit: int) -> int:
        """Runs with their messages; the newest of a service stay."""
        ...

    async def events(self, *, before: datetime, limit: int) -> int:
        """Events that nothing shows any more."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """One open transaction; `now` is the database's clock (replicas' own clocks may differ)."""

    now: datetime
    deliveries: Deliveries
    incidents: Incidents
    messages: Messages
    approvals: Approvals
    executions: Executions
    escalations: Escalations
    events: Events
    audit: Audit
    drills: Drills
    freezes: Freezes
    verifications: Verifications
    findings: Findings
    files: Files
    drift_reports: DriftReports
    drift_runs: DriftRuns
    tracked_runs: TrackedRuns
    storms: Storms
    heartbeats: Heartbeats
    fallbacks: Fallbacks
    pruning: Pruning
    pruning_apart: PruningApart


class Store(Protocol):
    """The store."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A read-write transaction: committed when left, rolled back when left with an exception."""
        ...

    async def keep(self, new: Sequence[Delivery]) -> None:
        """Put webhooks into the ledger and commit, as received now by the store's clock.

        Somebody outside waits for it, so it does not wait for the bot's own work in the queue.
        """
        ...

    async def ping(self, *, writing: bool = False) -> None:
        """Ask for the shortest sign of life; `writing`: where that is cheap, that it keeps something."""
        ...
