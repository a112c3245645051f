"""What the store keeps of messages and of what Slack did not show: a part of `bot.ports.stores.Transaction`.

The rules of that module hold here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.messages import Backlog, Lease, Message, MessageKind, Pace


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """A message that the chat does not show at all, and how often the fallback was tried for it."""

    message: Message
    attempts: int


class Fallbacks(Protocol):
    """What was told elsewhere because the chat takes nothing; each message at most once with success."""

    async def claim(self, *, due_before: datetime, until: datetime, limit: int) -> tuple[Unseen, ...]:
        """What calls people and waits since before then, worst first.

        That is openings, reopenings and escalations of open incidents, and notices of Alertmanager's silence.
        They are not given again before `until`, nor ever again once `sent`.
        """
        ...

    async def sent(self, message_id: str) -> None:
        """It was told."""
        ...

    async def failed(self, message_id: str, *, retry_at: datetime) -> None:
        """It was not; try again then."""
        ...
