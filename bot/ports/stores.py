"""The durable state, one transaction at a time.

Engines open a transaction, load, ask the domain, save, and leave; leaving with an exception rolls back.
Every method raises `Temporary` when the store cannot be reached or is locked, and `Permanent` when it is full
or broken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime, timedelta

    from bot.domain.approvals import Approval
    from bot.domain.auditing import Entry, Head
    from bot.domain.deliveries import Delivery
    from bot.domain.drills import Drill
    from bot.domain.escalation import Watch
    from bot.domain.events import Event, EventKind
    from bot.domain.findings import Finding
    from bot.domain.freezing import Freeze
    from bot.domain.incidents import Incident, IncidentKey
    from bot.domain.messages import Backlog, Lease, Message, MessageKind, Pace
    from bot.domain.remedies import Action, Execution, ExecutionState, Target
    from bot.domain.storms import Storm
    from bot.domain.verifications import Verification
    from bot.ports.drift_stores import DriftReports, DriftRuns, TrackedRuns
    from bot.ports.file_stores import Files


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
        """By number; locked against other replicas until the transaction ends."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A message that this process may send now. `recovering` names the earlier intent, when there is one."""

    message: Message
    thread_ts: str | None
    recovering: datetime | None


class Messages(Protocol):
    """What has to be shown, the claims on it, and the pace."""

    async def put(self, message: Message) -> None:
        """Add it unless there is one of its kind and subject already."""
        ...

    async def touch(self, kind: MessageKind, subject: str, *, urgency: int | None = None) -> None:
        """What it shows has changed: one desired revision more, due at once, when the transaction ends.

        While sending it fails it stays due at its next attempt: new content does not mend a channel.
        """
        ...

    async def find(self, kind: MessageKind, subject: str) -> Message | None:
        """By what it shows."""
        ...

    async def get(self, message_id: str) -> Message | None:
        """By id."""
        ...

    async def by_ts(self, *, channel: str, ts: str) -> Message | None:
        """By the chat's own id."""
        ...

    async def claim(self, lease: Lease, pace: Pace, *, limit: int) -> tuple[Claimed, ...]:
        """Due messages whose channel (and, for edits, the workspace) has a slot now, one a channel.

        Threaded ones only after their parent is posted. The slots are reserved and, for first posts, the
        intent is written in the same transaction.
        """
        ...

    async def next_due(self) -> datetime | None:
        """When `claim` can next give something; None when nothing is dirty."""
        ...

    async def finish(self, message_id: str, *, owner: str, revision: int, ts: str) -> bool:
        """Shown up to `revision`. False where the lease was lost: the row is then marked dirty again."""
        ...

    async def postpone(
        self, message_id: str, *, owner: str, error: str, retry_at: datetime, forget_ts: bool = False
    ) -> None:
        """Sending failed; give the claim back. `forget_ts` where the chat's message is gone."""
        ...

    async def forget(self, message_id: str) -> None:
        """The chat has it no more (somebody deleted it): it is to be posted anew."""
        ...

    async def clear_intent(self, message_id: str, *, owner: str) -> None:
        """The chat certainly did not take the post."""
        ...

    async def hold(self, *, channel: str | None, until: datetime) -> None:
        """Nothing to this channel (or, with None, no edit at all) before then: the chat said so."""
        ...

    async def release(self, owner: str) -> None:
        """Give all claims of this owner back (on shutdown)."""
        ...

    async def backlog(self) -> Backlog:
        """How many are not shown in their latest state, how many of them failed, and since when."""
        ...

    async def undelivered(self, *, limit: int = 100) -> tuple[Message, ...]:
        """Those not shown in their latest state, oldest first."""
        ...


class Approvals(Protocol):
    """Requests for approval; every change is a compare-and-set."""

    async def add(self, approval: Approval) -> None:
        """Keep a new one."""
        ...

    async def get(self, approval_id: str) -> Approval | None:
        """By id."""
        ...

    async def replace(self, approval: Approval) -> bool:
        """Keep the changed one if the stored one is still `requested` at one revision less; else False."""
        ...

    async def undoing(self, approval: Approval) -> tuple[Approval, ...]:
        """The requests to take that one's change back, oldest first."""
        ...

    async def requested(self, *, service: str | None = None) -> tuple[Approval, ...]:
        """Those that wait for an answer, oldest first."""
        ...


class Executions(Protocol):
    """Approved remediations being done; one at most for an approval."""

    async def add(self, execution: Execution) -> bool:
        """Keep the intent; False where there is one already."""
        ...

    async def get(self, approval_id: str) -> Execution | None:
        """By the approval's id."""
        ...

    async def move(self, execution: Execution, *, was: ExecutionState, owner: str) -> bool:
        """Keep the new state if the stored one is still `was` and the claim is ours; else False."""
        ...

    async def claim(self, lease: Lease, *, limit: int) -> tuple[Execution, ...]:
        """Unfinished ones that nobody else holds; those claimed by this owner already are not given again."""
        ...

    async def begun(self, action: Action, target: Target, *, since: datetime) -> tuple[datetime, ...]:
        """When such an action was begun on a target, since a moment; oldest first."""
        ...

    async def ended(self, action: Action, *, since: datetime) -> tuple[tuple[Execution, Approval], ...]:
        """Executions of such an action that were begun since a moment and have ended, oldest first.

        What was never done, and what was taken back by such an action's undo, is not among them.
        """
        ...

    async def extend(self, approval_id: str, lease: Lease) -> bool:
        """Hold on to a claim; False where it was lost."""
        ...

    async def release(self, owner: str) -> None:
        """Give all claims of this owner back."""
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


class Audit(Protocol):
    """The chain of audit entries. Nothing here appends: `Events.add` does, where an event belongs into it."""

    async def head(self) -> Head:
        """The newest entry's number and hash, as of the beginning of this transaction."""
        ...

    async def entries(self, *, after: int, limit: int) -> tuple[tuple[Entry, str | None], ...]:
        """Entries behind a number, in order, each with the text of its event where that is there."""
        ...

    async def numbers(self, incident_id: int) -> Mapping[str, int]:
        """The numbers of the entries about an incident, by their events' ids."""
        ...

    async def unchained(self, *, limit: int) -> tuple[str, ...]:
        """Ids of events that belong into the audit and are in no entry, oldest first."""
        ...


class Freezes(Protocol):
    """The kill switch of all replicas."""

    async def current(self) -> Freeze | None:
        """Who froze everything, if it is frozen."""
        ...

    async def begin(self, freeze: Freeze) -> bool:
        """Switch it on; False where it is on already."""
        ...

    async def end(self) -> bool:
        """Switch it off; False where it is off already."""
        ...


class Drills(Protocol):
    """Registered drills."""

    async def add(self, drill: Drill) -> None:
        """Register it, before its alert is sent."""
        ...

    async def get(self, drill_id: str) -> Drill | None:
        """By id."""
        ...

    async def known(self, fingerprints: Collection[str]) -> Mapping[str, str]:
        """The drill's id by the fingerprint, of those that are registered."""
        ...


class Verifications(Protocol):
    """What is watched after actions, one at most for an approval."""

    async def unwatched(self, *, since: datetime, limit: int) -> tuple[tuple[Execution, Approval], ...]:
        """What was done since a moment and is not watched yet, oldest first."""
        ...

    async def add(self, verification: Verification, *, due_at: datetime) -> bool:
        """Begin to watch; False where another replica was quicker."""
        ...

    async def get(self, approval_id: str) -> Verification | None:
        """By its approval."""
        ...

    async def take(self, *, again_at: datetime, limit: int) -> tuple[Verification, ...]:
        """Those to be looked at now; nobody else is given them before `again_at`."""
        ...

    async def save(self, verification: Verification) -> bool:
        """Only over the row that the change was made from; True if so."""
        ...


class Findings(Protocol):
    """The latest result of each check for each incident."""

    async def save(self, incident_id: int, finding: Finding) -> None:
        """Take the earlier one's place."""
        ...

    async def of_incident(self, incident_id: int) -> tuple[Finding, ...]:
        """The latest of each check."""
        ...

    async def reserve(self, incident_id: int, check: str, *, not_before: timedelta) -> bool:
        """Whether the check may run now: False where it was reserved less than `not_before` ago."""
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
        """An incident gets its own message; False where it has one. `for_good`: never gathered again."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """A message that the chat does not show at all, and how often the fallback was tried for it."""

    message: Message
    attempts: int


class Fallbacks(Protocol):
    """What was told elsewhere because the chat takes nothing; each message at most once with success."""

    async def claim(self, *, due_before: datetime, until: datetime, limit: int) -> tuple[Unseen, ...]:
        """Openings and reopenings of open incidents that wait since before then, worst first.

        They are not given again before `until`, nor ever again once `sent`.
        """
        ...

    async def sent(self, message_id: str) -> None:
        """It was told."""
        ...

    async def failed(self, message_id: str, *, retry_at: datetime) -> None:
        """It was not; try again then."""
        ...


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

    async def ping(self) -> None:
        """Ask for the shortest sign of life."""
        ...
