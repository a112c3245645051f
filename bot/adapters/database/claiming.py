"""Which message goes next. The channel's slot is what replicas race for; who has it chooses in that channel.

Worst first; among equals what is not shown at all goes before edits, and what waited longest first. The
publisher asks at every commit: the statements are built once, with the time and the channel left open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, case, func, or_, select, update

from bot.adapters.database import pacing
from bot.adapters.database.claims import held
from bot.adapters.database.message_rows import DIRTY, message_of
from bot.adapters.database.tables import messages, slots
from bot.ports.message_stores import Claimed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import BindParameter, ColumnElement, Row, Select

    from bot.adapters.database.engine import Link
    from bot.domain.messages import Lease, Pace

_PARENT = messages.alias("parent")
_WITH_PARENT = messages.outerjoin(_PARENT, _PARENT.c.id == messages.c.thread_of)
_PLACED = or_(messages.c.thread_of.is_(None), _PARENT.c.ts.is_not(None))
_OWN = messages.c.digest_of.is_(None)
_IS_EDIT = messages.c.ts.is_not(None)
_MOST_CHANNELS = 500


def _due(*, posts_only: bool) -> ColumnElement[bool]:
    now: BindParameter[datetime] = bindparam("now")
    waited = or_(messages.c.next_attempt_at.is_(None), messages.c.next_attempt_at <= now)
    unheld = or_(messages.c.claimed_until.is_(None), messages.c.claimed_until <= now)
    due = and_(DIRTY, waited, unheld, _PLACED, _OWN)
    return and_(due, messages.c.ts.is_(None)) if posts_only else due


def _open_channels(*, posts_only: bool) -> Select[Any]:
    """The worst first. More than are claimed: those that wait for the bucket must not hide the others."""
    return (
        select(messages.c.channel)
        .select_from(_WITH_PARENT.join(slots, pacing.slot_is_of(messages.c.channel)))
        .where(_due(posts_only=posts_only), pacing.OPEN_NOW)
        .group_by(messages.c.channel)
        .order_by(func.min(messages.c.urgency), func.min(messages.c.due_since))
        .limit(_MOST_CHANNELS)
    )


def _best_in_channel(*, posts_only: bool) -> Select[Any]:
    """The one to go next; what somebody is just changing is left until that is committed."""
    return (
        select(messages, _PARENT.c.ts.label("parent_ts"))
        .select_from(_WITH_PARENT)
        .where(messages.c.channel == bindparam("channel"), _due(posts_only=posts_only))
        .order_by(messages.c.urgency, _IS_EDIT, messages.c.due_since, messages.c.created_at, messages.c.id)
        .limit(1)
        .with_for_update(of=messages, skip_locked=True)
    )


def _waiting() -> Select[Any]:
    """For each slot, and for posts and edits apart, when something of it can go."""
    ready = case(
        (messages.c.claimed_until.is_not(None), messages.c.claimed_until),
        else_=func.coalesce(messages.c.next_attempt_at, slots.c.next_at),
    )
    is_edit = case((_IS_EDIT, 1), else_=0)
    return (
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


_CHANNELS: Final = {posts_only: _open_channels(posts_only=posts_only) for posts_only in (False, True)}
_BEST: Final = {posts_only: _best_in_channel(posts_only=posts_only) for posts_only in (False, True)}
_WAITING: Final = _waiting()
_TAKE: Final = update(messages).where(messages.c.id == bindparam("number"))


async def claim(link: Link, lease: Lease, pace: Pace, *, limit: int) -> tuple[Claimed, ...]:
    """One message for each open channel, at most `limit`, each marked as ours."""
    bucket = pacing.EditBucket(link, pace)
    claimed: list[Claimed] = []
    all_seen = False
    if await pacing.edits_open(link):
        all_seen = await _claim_each(link, lease, pace, bucket, claimed, limit=limit, posts_only=False)
    if not all_seen:
        # Where edits wait for their bucket there may be hundreds: only channels with a post are looked at.
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
) -> bool:
    """Add to `claimed`, until there is no more; False where the bucket of edits was empty before that."""
    if len(claimed) >= limit:
        return True
    open_channels = await link.all(_CHANNELS[posts_only], {"now": link.now})
    for channel in await pacing.lock_open(link, [row.channel for row in open_channels]):
        if len(claimed) >= limit:
            return True
        row = await link.first(_BEST[posts_only], {"now": link.now, "channel": channel})
        if row is None:
            continue
        if row.ts is not None:
            if not await bucket.has_one():
                return False
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
    return True


async def next_due(link: Link) -> datetime | None:
    """The earliest time at which `claim` finds something, as far as is known now."""
    rows = await link.all(_WAITING)
    if not rows:
        return None
    edits = await pacing.edits(link)
    return min(_time_of(row, edits) for row in rows)


def _time_of(row: Row[Any], edits: Row[Any] | None) -> datetime:
    times: list[datetime] = [row.ready, row.next_at, row.held_until, row.busy_until]
    if row.is_edit and edits is not None:
        times += [edits.next_at, edits.held_until]
    return max(times)


async def _take(link: Link, row: Row[Any], lease: Lease) -> Claimed:
    """Mark it as ours; before a first post the intent is written, unless an earlier one stands."""
    values: dict[str, Any] = {"number": row.id, **held(link, lease)}
    recovering = row.intent_at if row.ts is None else None
    if row.ts is None and recovering is None:
        values["intent_at"] = link.now
    await link.run(_TAKE, values)
    return Claimed(message=message_of(row), thread_ts=row.parent_ts, recovering=recovering)
