"""What the store keeps of actions, from the request to the proof: a part of `bot.ports.stores.Transaction`.

The rules of that module hold here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from bot.domain.approvals import Approval
    from bot.domain.auditing import Entry, Head
    from bot.domain.drills import Drill
    from bot.domain.freezing import Freeze
    from bot.domain.messages import Lease
    from bot.domain.remedies import Action, Execution, ExecutionState, Target
    from bot.domain.verifications import Verification


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

    async def asked(self, *, service: str, since: datetime) -> tuple[Approval, ...]:
        """What was asked for since a moment, whatever became of it, oldest first."""
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
