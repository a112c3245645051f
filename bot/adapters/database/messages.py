"""What has to be shown (`bot.ports.stores.Messages`): the rows and what becomes of them.

Which row goes next is decided in `claiming`; how fast, in `pacing`. Locks have one order, so that replicas do
not wait for each other in a ring: what changed is marked when its transaction ends, message by message in the
order of their names, and a claim waits for nobody's rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, and_, bindparam, case, func, select, update

from bot.adapters.database import claiming, pacing
from bot.adapters.database.claims import NOBODY, give_back
from bot.adapters.database.instants import Instant
from bot.adapters.database.message_rows import DIRTY, SHOWN_ELSEWHERE, message_of
from bot.adapters.database.tables import messages
from bot.adapters.database.texts import short
from bot.domain.messages import Backlog, MessageKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import BindParameter, ColumnElement

    from bot.adapters.database.engine import Link
    from bot.domain.messages import Lease, Message, Pace
    from bot.ports.message_stores import Claimed


@dataclass(frozen=True, slots=True)
class MessageTable:
    """Messages. `due` collects what was written, so that the publisher wakes after the commit.

    `touched` is what `mark` has to write before it: kinds and subjects, and their urgency where it is new;
    so is `leaving`, the incidents' messages that leave their digest, for good or not.
    """

    link: Link
    due: list[str]
    touched: dict[tuple[str, str], int | None] = field(default_factory=dict)
    leaving: dict[tuple[str, str], bool] = field(default_factory=dict)

    async def put(self, message: Message) -> None:
        """Add it unless there is one of its kind and subject."""
        values = {
            "id": message.id,
            "kind": message.kind.value,
            "subject": message.subject,
            "channel": message.channel,
            "thread_of": message.thread_of,
            "incident_id": message.incident_id,
            "urgency": message.urgency,
            "desired_revision": message.desired_revision,
            "posted_revision": message.posted_revision,
            "ts": message.ts,
            "intent_at": message.intent_at,
            "attempts": message.attempts,
            "next_attempt_at": message.next_attempt_at,
            "last_error": short(message.last_error),
            "created_at": message.created_at,
            "due_since": message.due_since or message.created_at,
        }
        await pacing.make_slot(self.link, pacing.slot_of(message.channel))
        new = self.link.insert(messages).on_conflict_do_nothing(index_elements=["kind", "subject"])
        await self.link.run(new, values)
        self.due.append(message.id)

    async def touch(self, kind: MessageKind, subject: str, *, urgency: int | None = None) -> None:
        """One desired revision more, once the transaction ends."""
        name = (kind.value, subject)
        self.touched[name] = self.touched.get(name) if urgency is None else urgency
        self.due.append(subject)

    def leave_digest(self, incident_id: int, *, for_good: bool) -> None:
        """An incident gets its own message, once the transaction ends."""
        name = (MessageKind.INCIDENT.value, str(incident_id))
        self.leaving[name] = for_good or self.leaving.get(name, False)

    async def mark(self) -> None:
        """Write what was touched; the store does so as its transaction ends."""
        marked: list[dict[str, Any]] = []
        for name in sorted({*self.touched, *self.leaving}):
            if name in self.leaving:
                # What is marked has its place in the order of the locks: it goes before.
                await self._write(marked)
                revision = LET_GO if self.leaving[name] else None
                gathered = and_(_shows(*name), messages.c.digest_of.is_not(None))
                await self.link.run(
                    update(messages).where(gathered).values(digest_of=None, digest_revision=revision)
                )
            if name in self.touched:
                marked.append({"of_kind": name[0], "about": name[1], "level": self.touched[name]})
        await self._write(marked)
        self.touched.clear()
        self.leaving.clear()

    async def find(self, kind: MessageKind, subject: str) -> Message | None:
        """By what it shows."""
        row = await self.link.first(_SHOWING, {"of_kind": kind.value, "about": subject})
        return message_of(row) if row else None

    async def get(self, message_id: str) -> Message | None:
        """By id."""
        row = await self.link.first(_BY_ID, {"number": message_id})
        return message_of(row) if row else None

    async def by_ts(self, *, channel: str, ts: str) -> Message | None:
        """By the chat's own id."""
        row = await self.link.first(
            select(messages).where(messages.c.channel == channel, messages.c.ts == ts)
        )
        return message_of(row) if row else None

    async def claim(self, lease: Lease, pace: Pace, *, limit: int) -> tuple[Claimed, ...]:
        """Due messages that have a slot now, one a channel."""
        return await claiming.claim(self.link, lease, pace, limit=limit)

    async def next_due(self) -> datetime | None:
        """When `claim` can next give something."""
        return await claiming.next_due(self.link)

    async def finish(self, message_id: str, *, owner: str, revision: int, ts: str) -> bool:
        """Shown; or, where the claim was lost, to be shown once more."""
        values = {
            "posted_revision": revision,
            "ts": ts,
            "intent_at": None,
            "attempts": 0,
            "next_attempt_at": None,
            "last_error": "",
            "due_since": case((messages.c.desired_revision > revision, messages.c.due_since), else_=None),
            **NOBODY,
        }
        if await self._change_own(message_id, owner, values):
            return True
        await self.link.run(
            update(messages).where(messages.c.id == message_id).values(_dirtied(self.link.now))
        )
        return False

    async def postpone(
        self, message_id: str, *, owner: str, error: str, retry_at: datetime, forget_ts: bool = False
    ) -> None:
        """Sending failed; wait."""
        values: dict[str, Any] = {
            "attempts": messages.c.attempts + 1,
            "next_attempt_at": retry_at,
            "last_error": short(error),
            **NOBODY,
        }
        if forget_ts:
            values |= _FORGOTTEN
        await self._change_own(message_id, owner, values)

    async def forget(self, message_id: str) -> None:
        """To be posted anew."""
        values = {**_dirtied(self.link.now), **_FORGOTTEN}
        await self.link.run(update(messages).where(messages.c.id == message_id).values(values))

    async def clear_intent(self, message_id: str, *, owner: str) -> None:
        """The chat certainly has it not."""
        await self.link.run(update(messages).where(_own(message_id, owner)).values(intent_at=None))

    async def hold(self, *, channel: str | None, until: datetime) -> None:
        """Nothing there before then."""
        name = pacing.EDITS if channel is None else pacing.slot_of(channel)
        await pacing.hold(self.link, name, until)

    async def release(self, owner: str) -> None:
        """Give all back."""
        await give_back(self.link, messages, owner, order=(messages.c.kind, messages.c.subject))
        await pacing.vacate(self.link, owner=owner)

    async def backlog(self) -> Backlog:
        """What is not shown in its latest state."""
        failing = func.count().filter(messages.c.attempts > 0)
        query = select(
            func.count().label("waiting"),
            failing.label("failing"),
            func.min(messages.c.due_since).label("oldest"),
        ).where(DIRTY, ~SHOWN_ELSEWHERE)
        row = await self.link.first(query)
        if row is None:
            return Backlog(waiting=0, failing=0, oldest=None)
        return Backlog(waiting=row.waiting, failing=row.failing, oldest=row.oldest)

    async def undelivered(self, *, limit: int = 100) -> tuple[Message, ...]:
        """Oldest first."""
        query = (
            select(messages)
            .where(DIRTY, ~SHOWN_ELSEWHERE)
            .order_by(messages.c.due_since, messages.c.id)
            .limit(limit)
        )
        return tuple(message_of(row) for row in await self.link.all(query))

    async def _write(self, marked: list[dict[str, Any]]) -> None:
        if marked:
            await self.link.run(_MARK, [{**one, "now": self.link.now} for one in marked])
            marked.clear()

    async def _change_own(self, message_id: str, owner: str, values: dict[str, Any]) -> bool:
        """Change a row under our claim, and let the next call into the channel; False where it is lost."""
        await pacing.vacate(self.link, owner=owner, message_id=message_id)
        change = update(messages).where(_own(message_id, owner)).values(values)
        return await self.link.first(change.returning(messages.c.id)) is not None


LET_GO: Final = -1
"""Stands as the revision of a message that somebody opened: no digest gathers it again."""

_FORGOTTEN: dict[str, Any] = {"ts": None, "intent_at": None, "posted_revision": 0}


def _dirtied(now: datetime | BindParameter[datetime]) -> dict[str, Any]:
    return {
        "desired_revision": messages.c.desired_revision + 1,
        "next_attempt_at": case((messages.c.attempts > 0, messages.c.next_attempt_at), else_=None),
        "due_since": case((DIRTY, messages.c.due_since), else_=now),
    }


def _shows(kind: str, subject: str) -> ColumnElement[bool]:
    return and_(messages.c.kind == kind, messages.c.subject == subject)


def _own(message_id: str, owner: str) -> ColumnElement[bool]:
    return and_(messages.c.id == message_id, messages.c.claimed_by == owner)


_NAMED: Final = and_(messages.c.kind == bindparam("of_kind"), messages.c.subject == bindparam("about"))
_SHOWING: Final = select(messages).where(_NAMED)
_BY_ID: Final = select(messages).where(messages.c.id == bindparam("number"))
_MARK: Final = (
    update(messages)
    .where(_NAMED)
    .values(
        urgency=func.coalesce(bindparam("level", type_=Integer), messages.c.urgency),
        **_dirtied(bindparam("now", type_=Instant)),
    )
)
