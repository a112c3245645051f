"""Claims on rows: who works on one, and until when others believe it. Used for executions and messages.

Claim, hold on, give back; times are the transaction's, which are the database's. An owner is unique to a
start of a process, so a process that died holds its rows until the lease ends and no longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, or_, select, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Row

    from bot.adapters.database.engine import Link
    from bot.domain.messages import Lease

NOBODY: dict[str, None] = {"claimed_by": None, "claimed_until": None}


def free(link: Link, table: Table) -> ColumnElement[bool]:
    """Nobody holds the row, or its holder's time is over."""
    return or_(table.c.claimed_until.is_(None), table.c.claimed_until <= link.now)


def held(link: Link, lease: Lease) -> dict[str, Any]:
    """The columns of a row that the owner takes now."""
    return {"claimed_by": lease.owner, "claimed_until": link.now + lease.duration}


async def claim(
    link: Link,
    table: Table,
    *,
    due: ColumnElement[bool],
    first: ColumnElement[Any],
    lease: Lease,
    limit: int,
) -> Sequence[Row[Any]]:
    """Take free rows that are due, in the order of `first`; what another replica is just taking is left."""
    key = next(iter(table.primary_key))
    chosen = (
        select(key)
        .where(due, free(link, table))
        .order_by(first)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = update(table).where(key.in_(chosen)).values(held(link, lease)).returning(table)
    return sorted(await link.all(taken), key=lambda row: getattr(row, str(first.key)))


async def give_back(
    link: Link, table: Table, owner: str, *, order: Sequence[ColumnElement[Any]] = ()
) -> None:
    """Free every row that the owner holds, locked in that order where others lock several as well."""
    own = table.c.claimed_by == owner
    if order:
        await link.all(select(next(iter(table.primary_key))).where(own).order_by(*order).with_for_update())
    await link.run(update(table).where(own).values(NOBODY))
