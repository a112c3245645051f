"""Which message goes next. The channel's slot is what replicas race for; who has it chooses in that channel.

Worst first; among equals what is not shown at all goes before edits, and what waited longest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select, update

from bot.adapters.database import pacing
from bot.adapters.database.claims import free, held
from bot.adapters.database.message_rows import DIRTY, message_of
from bot.adapters.database.tables import messages, slots
from bot.ports.stores import Claimed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row

    from bot.adapters.database.engine import Link
    from bot.domain.messages import Lease, Pace

_PARENT = messages.alias("parent")
_WITH_PARENT = messages.outerjoin(_PARENT, _PARENT.c.id == messages.c.thread_of)
_PLACED = or_(messages.c.thread_of.is_(None), _PARENT.c.ts.is_not(None))
_OWN = messages.c.digest_of.is_(None)
_IS_EDIT = messages.c.ts.is_not(None)
_MOST_CHANNELS = 500


async def claim(link: Link, lease: Lease, pace: Pace, *, limit: int) -> tuple[Claimed, ...]:
    """One message for each open channel, at most `limit`, each marked as ours."""
    bucket = pacing.EditBucket(link, pace)
    claimed: list[Claimed] = []
    if await pacing.edits_open(link):
        await _claim_each(link, lease, pace, bucket, claimed, limit=limit, posts_only=False)
    # Where edits wait for their bucket there may be hundreds: only channels that have a post are looked at.
    await _claim_each(link, lease, pace, bucket, claimed, limit=limit, posts_only=True)
    await bucket.keep()
    return tuple(claimed)


async def _claim_each(
    link: Link,
    lease: Lease,
    pace: Pace,
    bucket: pacing.EditBucket,
    claimed: list[Claimed],
    *,
    limit: int,
    posts_only: bool,
) -> None:
    """Add to `claimed`, until there is no more; with edits among them, until their bucket is empty."""
    if len(claimed) >= limit:
        return
    for channel in await _channels(link, posts_only=posts_only):
        if len(claimed) >= limit:
            return
        row = await _best(link, channel, posts_only=posts_only)
        if row is None:
            continue
        if row.ts is not None:
            if not await bucket.has_one():
                return
            bucket.take()
        claimed.append(await _take(link, row, lease))
        await pacing.occupy(
            link,
            channel,
            message_id=row.id,
            owner=lease.owner,
            until=link.now + lease.duration,
            pace=pace,
        )


async def next_due(link: Link) -> datetime | None:
    """The earliest time at which `claim` finds something, as far as is known now."""
    ready = case(
        (messages.c.claimed_until.is_not(None), messages.c.claimed_until),
        else_=func.coalesce(messages.c.next_attempt_at, slots.c.next_at),
    )
    is_edit = case((_IS_EDIT, 1), else_=0)
    query = (
        select(
            is_edit.label("is_edit"),
            func.min(ready).label("ready"),
            slots.c.next_at,
            slots.c.held_until,
            slots.c.busy_until,
        )
        .select_from(_WITH_PARENT.join(slots, pacing.slot_is_of(messages.c.channel)))
        .where(DIRTY, _PLACED, _OWN)
        .group_by(is_edit, slots.c.name, slots.c.next_at, slots.c.held_until, slots.c.busy_until)
    )
    rows = await link.all(query)
    if not rows:
        return None
    edits = await link.first(select(slots.c.next_at, slots.c.held_until).where(slots.c.name == pacing.EDITS))
    return min(_time_of(row, edits) for row in rows)


def _time_of(row: Row[Any], edits: Row[Any] | None) -> datetime:
    times: list[datetime] = [row.ready, row.next_at, row.held_until, row.busy_until]
    if row.is_edit and edits is not None:
        times += [edits.next_at, edits.held_until]
    return max(times)


async def _channels(link: Link, *, posts_only: bool) -> list[str]:
    """Channels with something due and an open slot, the worst first, locked against other replicas.

    More than are claimed in the end: those that wait for the bucket of edits must not hide the others.
    """
    query = (
        select(messages.c.channel)
        .select_from(_WITH_PARENT.join(slots, pacing.slot_is_of(messages.c.channel)))
        .where(_due(link, posts_only=posts_only), pacing.open_now(link.now))
        .group_by(messages.c.channel)
        .order_by(func.min(messages.c.urgency), func.min(messages.c.due_since))
        .limit(_MOST_CHANNELS)
    )
    return await pacing.lock_open(link, [row.channel for row in await link.all(query)])


async def _best(link: Link, channel: str, *, posts_only: bool) -> Row[Any] | None:
    """The one to go next; what somebody is just changing is left until that is committed."""
    query = (
        select(messages, _PARENT.c.ts.label("parent_ts"))
        .select_from(_WITH_PARENT)
        .where(messages.c.channel == channel, _due(link, posts_only=posts_only))
        .order_by(messages.c.urgency, _IS_EDIT, messages.c.due_since, messages.c.created_at, messages.c.id)
        .limit(1)
        .with_for_update(of=messages, skip_locked=True)
    )
    return await link.first(query)


async def _take(link: Link, row: Row[Any], lease: Lease) -> Claimed:
    """Mark it as ours; before a first post the intent is written, unless an earlier one stands."""
    values: dict[str, Any] = held(link, lease)
    recovering = row.intent_at if row.ts is None else None
    if row.ts is None and recovering is None:
        values["intent_at"] = link.now
    await link.run(update(messages).where(messages.c.id == row.id).values(values))
    return Claimed(message=message_of(row), thread_ts=row.parent_ts, recovering=recovering)


def _due(link: Link, *, posts_only: bool) -> ColumnElement[bool]:
    waited = or_(messages.c.next_attempt_at.is_(None), messages.c.next_attempt_at <= link.now)
    due = and_(DIRTY, waited, free(link, messages), _PLACED, _OWN)
    return and_(due, messages.c.ts.is_(None)) if posts_only else due
