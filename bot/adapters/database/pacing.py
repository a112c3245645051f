"""Slots: how fast the chat is spoken to, shared between replicas. Used by the messages' claim alone.

A channel's slot says when the next call may go there and who has one under way; the slot of edits is a token
bucket kept as one time (GCRA): `next_at` is the earliest time at which a further edit may go.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, select, update

from bot.adapters.database.tables import slots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import BindParameter, ColumnElement, Row

    from bot.adapters.database.engine import Link
    from bot.domain.messages import Pace

EDITS: Final = "edits"
_CHANNEL: Final = "#"
_LONG_AGO: Final = timedelta(hours=1)


def slot_of(channel: str) -> str:
    """The name of a channel's slot."""
    return f"{_CHANNEL}{channel}"


def slot_is_of(channel: ColumnElement[str]) -> ColumnElement[bool]:
    """For joins: the slot of the channel in that column."""
    return slots.c.name == _CHANNEL + channel


def _open_now() -> ColumnElement[bool]:
    now: BindParameter[datetime] = bindparam("now")
    return and_(slots.c.next_at <= now, slots.c.held_until <= now, slots.c.busy_until <= now)


OPEN_NOW: Final = _open_now()
"""The slot can be taken at the time that the statement is given as `now`."""

_OPEN_OF: Final = (
    select(slots.c.name)
    .where(slots.c.name.in_(bindparam("names", expanding=True)), OPEN_NOW)
    .order_by(slots.c.name)
    .with_for_update(skip_locked=True)
)
_SLOT: Final = select(slots.c.name).where(slots.c.name == bindparam("called"))
_CHANGE: Final = update(slots).where(slots.c.name == bindparam("called"))
_VACATE_ALL: Final = update(slots).where(slots.c.busy_by == bindparam("owner"))
_VACATE: Final = _VACATE_ALL.where(slots.c.busy_with == bindparam("message"))
_EDITS: Final = select(slots.c.next_at, slots.c.held_until).where(slots.c.name == EDITS)
_EDITS_TO_CHANGE: Final = _EDITS.with_for_update(skip_locked=True)


async def make_slot(link: Link, name: str) -> None:
    """Make sure that there is one."""
    # Asked first, because an insert that finds it there waits for whoever is just changing it.
    if await link.first(_SLOT, {"called": name}) is not None:
        return
    # Open for long: a bucket that nobody used yet is a full one.
    opened = link.now - _LONG_AGO
    values = {"name": name, "next_at": opened, "held_until": opened, "busy_until": opened}
    await link.run(link.insert(slots).values(values).on_conflict_do_nothing())


async def lock_open(link: Link, channels: Sequence[str]) -> list[str]:
    """Those of the channels whose slot is open, locked against other replicas until the transaction ends."""
    if not channels or not link.postgres:
        # SQLite has one writer: what this transaction saw open stays so.
        return list(channels)
    names = {slot_of(channel): channel for channel in channels}
    locked = {row.name for row in await link.all(_OPEN_OF, {"names": list(names), "now": link.now})}
    return [channel for name, channel in names.items() if name in locked]


async def occupy(
    link: Link, channel: str, *, message_id: str, owner: str, until: datetime, pace: Pace
) -> None:
    """Take a channel's slot for one call."""
    values = {
        "called": slot_of(channel),
        "next_at": link.now + pace.channel_interval,
        "busy_with": message_id,
        "busy_by": owner,
        "busy_until": until,
    }
    await link.run(_CHANGE, values)


async def vacate(link: Link, *, owner: str, message_id: str | None = None) -> None:
    """The owner's call (or all of its calls) came to its end."""
    free: dict[str, Any] = {"busy_with": None, "busy_by": None, "busy_until": link.now}
    if message_id is None:
        await link.run(_VACATE_ALL, {"owner": owner, **free})
    else:
        await link.run(_VACATE, {"owner": owner, "message": message_id, **free})


async def hold(link: Link, name: str, until: datetime) -> None:
    """Nothing through this slot before then; a longer hold stays."""
    await make_slot(link, name)
    longer = and_(slots.c.name == name, slots.c.held_until < until)
    await link.run(update(slots).where(longer).values(held_until=until))


async def edits(link: Link) -> Row[Any] | None:
    """The slot of edits, where there is one yet: `next_at` and `held_until`."""
    return await link.first(_EDITS)


async def edits_open(link: Link) -> bool:
    """Whether an edit may go now, as far as can be seen without a lock."""
    row = await edits(link)
    return row is None or bool(row.next_at <= link.now and row.held_until <= link.now)


class EditBucket:
    """The workspace's bucket of edits during one claim; read when first asked, written once by `keep`.

    While another replica takes from it, it is as if it were empty: a claim waits for nobody.
    """

    def __init__(self, link: Link, pace: Pace) -> None:
        self._link = link
        self._pace = pace
        self._next_at: datetime | None = None
        self._held_until: datetime | None = None
        self._taken = 0

    async def has_one(self) -> bool:
        """Whether an edit may go now."""
        if self._next_at is None or self._held_until is None:
            await self._read()
        if self._next_at is None or self._held_until is None:
            return False
        return self._next_at <= self._link.now and self._held_until <= self._link.now

    def take(self) -> None:
        """Use one; ask `has_one` before."""
        if self._next_at is None:
            raise RuntimeError("an edit was taken from a bucket that was not asked")
        spare: timedelta = self._pace.edit_interval * (self._pace.edit_burst - 1)
        full = max(self._next_at + spare, self._link.now)
        self._next_at = full + self._pace.edit_interval - spare
        self._taken += 1

    async def keep(self) -> None:
        """Write what is left."""
        if self._taken:
            await self._link.run(_CHANGE, {"called": EDITS, "next_at": self._next_at})

    async def _read(self) -> None:
        await make_slot(self._link, EDITS)
        row = await self._link.first(_EDITS_TO_CHANGE)
        if row is not None:
            self._next_at, self._held_until = row.next_at, row.held_until
