"""The ledger of accepted webhooks (`bot.ports.stores.Deliveries`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, bindparam, delete, func, insert, or_, select, update

from bot.adapters.database.rows import GROUP
from bot.adapters.database.tables import deliveries
from bot.adapters.database.texts import short
from bot.domain.deliveries import Delivery
from bot.domain.errors import Permanent
from bot.domain.messages import Backlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from bot.adapters.database.engine import Link


_UNREADABLE: Final = timedelta(minutes=5)
"""When a row that cannot be read is looked at again: a newer version may be able to."""

_OLDEST: Final = (
    select(deliveries)
    .where(or_(deliveries.c.next_attempt_at.is_(None), deliveries.c.next_attempt_at <= bindparam("now")))
    .order_by(deliveries.c.seq)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)


def row_of(delivery: Delivery, *, received_at: datetime | None = None) -> dict[str, Any]:
    """The columns of a new one."""
    return {
        "id": delivery.id,
        "received_at": received_at or delivery.received_at,
        "attempts": delivery.attempts,
        "last_error": "",
        "body": GROUP.dump(delivery.group),
    }


@dataclass(frozen=True, slots=True)
class DeliveryTable:
    """Webhooks, in the order in which they were accepted."""

    link: Link

    async def add(self, new: Sequence[Delivery]) -> None:
        """Keep them; one statement for all."""
        if new:
            await self.link.run(insert(deliveries), [row_of(delivery) for delivery in new])

    async def take(self, *, limit: int) -> tuple[Delivery, ...]:
        """The oldest due ones; on PostgreSQL those that no other replica works on."""
        rows = await self.link.all(_OLDEST, {"now": self.link.now, "most": limit})
        taken = [await self._read(row) for row in rows]
        return tuple(delivery for delivery in taken if delivery is not None)

    async def _read(self, row: Row[Any]) -> Delivery | None:
        """The webhook in a row; one that cannot be read is set aside, it must not hold up the others."""
        try:
            group = GROUP.load(row.body)
        except Permanent as error:
            await self.failed(row.id, error=str(error), retry_at=self.link.now + _UNREADABLE)
            return None
        return Delivery(id=row.id, received_at=row.received_at, group=group, attempts=row.attempts)

    async def merged(self, ids: Sequence[str]) -> None:
        """Forget them: the incidents hold what they said."""
        await self.link.run(delete(deliveries).where(deliveries.c.id.in_(ids)))

    async def failed(self, delivery_id: str, *, error: str, retry_at: datetime) -> None:
        """Count the failure and wait."""
        change = {
            "attempts": deliveries.c.attempts + 1,
            "last_error": short(error),
            "next_attempt_at": retry_at,
        }
        await self.link.run(update(deliveries).where(deliveries.c.id == delivery_id).values(change))

    async def backlog(self) -> Backlog:
        """What is not part of an incident yet."""
        failing = func.count().filter(deliveries.c.attempts > 0)
        row = await self.link.first(
            select(
                func.count().label("waiting"),
                failing.label("failing"),
                func.min(deliveries.c.received_at).label("oldest"),
            ).select_from(deliveries)
        )
        return (
            Backlog(waiting=row.waiting, failing=row.failing, oldest=row.oldest)
            if row
            else Backlog(waiting=0, failing=0, oldest=None)
        )
