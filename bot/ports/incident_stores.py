"""What the store keeps of alerts and incidents: a part of `bot.ports.stores.Transaction`.

The rules of that module hold here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from bot.domain.deliveries import Delivery
    from bot.domain.escalation import Watch
    from bot.domain.events import Event, EventKind
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident, IncidentKey
    from bot.domain.messages import Backlog, Message
    from bot.domain.storms import Storm


class Deliveries(Protocol):
    """The ledger of accepted webhooks."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep them; one statement for all."""
        ...

    async def take(self, *, limit: int) -> tuple[Delivery, ...]:
        """The oldest waiting ones that are due, locked against other replicas until the transaction ends."""
        ...

    async def merged(self, ids: Sequence[str]) -> None:
        """They are part of their incidents now."""
        ...

    async def failed(self, delivery_id: str, *, error: str, retry_at: datetime) -> None:
        """Merging raised; count it and try again then. It stays visible as undelivered."""
        ...

    async def backlog(self) -> Backlog:
        """How many wait, how many of them failed before, and the oldest one's time."""
        ...


class Incidents(Protocol):
    """Incidents with their alerts."""

    async def lock(self, keys: Sequence[IncidentKey]) -> None:
        """Hold other replicas off these keys until the transaction ends."""
        ...

    async def newest(self, key: IncidentKey) -> Incident | None:
        """The latest incident with that key, whatever its state."""
        ...

    async def newest_of(self, keys: Sequence[IncidentKey]) -> Mapping[IncidentKey, Incident]:
        """The latest incident of each key that has one; cheaper than one after another."""
        ...

    async def get(self, incident_id: int) -> Incident | None:
        """By number; locked against other replicas until the transaction ends.

        For who changes it, or what depends on it; one a transaction, or two transactions that lock several in
        different orders wait for each other.
        """
        ...

    async def peek(self, incident_id: int) -> Incident | None:
        """By number, as committed last, for who only looks: it holds nobody up and waits for nobody."""
        ...

    async def save(self, incident: Incident) -> Incident:
        """Insert (id 0) or update; the incident with its number."""
        ...

    async def update_all(self, changed: Sequence[Incident]) -> None:
        """Update many that have their numbers; one statement for all."""
        ...

    async def unresolved(
        self, *, service: str | None = None, limit: int | None = None
    ) -> tuple[Incident, ...]:
        """Those not resolved, worst and oldest first."""
        ...

    async def recent(self, *, service: str | None = None, limit: int = 20) -> tuple[Incident, ...]:
        """The newest ones, whatever their state."""
        ...

    async def unresolved_ids(self, *, service: str, limit: int) -> tuple[int, ...]:
        """The numbers of those not resolved, worst and oldest first; cheaper than `unresolved`."""
        ...


class Events(Protocol):
    """What happened."""

    async def add(self, event: Event) -> None:
        """Append one."""
        ...

    async def get(self, event_id: str) -> Event | None:
        """By id."""
        ...

    async def of_incident(self, incident_id: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """An incident's, oldest first."""
        ...

    async def newest(self, incident_id: int, kinds: Collection[EventKind]) -> Event | None:
        """An incident's newest of these kinds."""
        ...


class Findings(Protocol):
    """The latest result of each check for each incident."""

    async def save(self, incident_id: int, *made: Finding) -> None:
        """Take the earlier ones' places."""
        ...

    async def of_incident(self, incident_id: int) -> tuple[Finding, ...]:
        """The latest of each check."""
        ...

    async def reserve(
        self, incident_id: int, checks: Collection[str], *, not_before: timedelta
    ) -> frozenset[str]:
        """Which of them may run now: not those that were reserved less than `not_before` ago."""
        ...


class Escalations(Protocol):
    """What is remembered of escalation rules and reminders."""

    async def of(self, incidents: Sequence[int]) -> Mapping[int, Mapping[str, Watch]]:
        """Of some incidents, by number and the rule's key; those of which nothing is known are left out."""
        ...

    async def save(self, watch: Watch) -> None:
        """Take the earlier one's place."""
        ...


class Storms(Protocol):
    """Storms, and what their digests stand for."""

    async def arrivals(self, *, since: datetime) -> Mapping[str, int]:
        """How many incidents got a message since then, by channel."""
        ...

    async def unclosed(self) -> tuple[Storm, ...]:
        """Those whose digest can still change, locked until the transaction ends; oldest first."""
        ...

    async def get(self, storm_id: str) -> Storm | None:
        """By id."""
        ...

    async def save(self, storm: Storm) -> None:
        """Insert or update."""
        ...

    async def gather(self, storm: Storm, digest: Message, *, own_critical: int) -> int:
        """Let the digest stand for what is not posted; how many those are. It has to be touched then."""
        ...

    async def pulse(self, digest_id: str) -> int:
        """A number that moves whenever something gathered there changes."""
        ...

    async def gathered(self, digest_id: str, *, limit: int) -> tuple[Incident, ...]:
        """The incidents for which a digest stands: open ones first, the worst first, the newest first."""
        ...

    async def let_go(self, incident_id: int, *, for_good: bool = True) -> bool:
        """An incident gets its own message, once the transaction ends; False where it has one.

        `for_good`: no digest gathers it again.
        """
        ...


class Heartbeats(Protocol):
    """Small named times that replicas share, such as a job's last success."""

    async def beat(self, name: str, at: datetime) -> None:
        """Remember the time; never goes back."""
        ...

    async def last(self, name: str) -> datetime | None:
        """The remembered time."""
        ...

    async def win(self, name: str, fire_time: datetime) -> bool:
        """Claim one tick of a job; True for exactly one replica."""
        ...
