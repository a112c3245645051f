"""Requests for approval (`bot.ports.stores.Approvals`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from bot.adapters.database.rows import APPROVAL
from bot.adapters.database.tables import approvals
from bot.domain.approvals import ApprovalState

if TYPE_CHECKING:
    from datetime import datetime

    from bot.adapters.database.engine import Link
    from bot.domain.approvals import Approval

_REQUESTED: Final = approvals.c.state == ApprovalState.REQUESTED.value
_BY_ID: Final = select(approvals.c.body).where(approvals.c.id == bindparam("name"))
_WAITING: Final = (
    select(approvals.c.body).where(_REQUESTED).order_by(approvals.c.requested_at, approvals.c.id)
)
_ASKED: Final = (
    select(approvals.c.body)
    .where(approvals.c.service == bindparam("of"), approvals.c.requested_at >= bindparam("since"))
    .order_by(approvals.c.requested_at, approvals.c.id)
)


@dataclass(frozen=True, slots=True)
class ApprovalTable:
    """Approvals; decided by compare-and-set."""

    link: Link

    async def add(self, approval: Approval) -> None:
        """Keep a new one."""
        await self.link.run(insert(approvals).values(id=approval.id, **_columns(approval)))

    async def get(self, approval_id: str) -> Approval | None:
        """By id."""
        row = await self.link.first(_BY_ID, {"name": approval_id})
        return APPROVAL.load(row.body) if row else None

    async def replace(self, approval: Approval) -> bool:
        """Only over the row that the change was made from."""
        change = (
            update(approvals)
            .where(approvals.c.id == approval.id, _REQUESTED, approvals.c.revision == approval.revision - 1)
            .values(_columns(approval))
            .returning(approvals.c.id)
        )
        return await self.link.first(change) is not None

    async def undoing(self, approval: Approval) -> tuple[Approval, ...]:
        """The requests to take that one's change back, oldest first."""
        known = await self.asked(service=approval.plan.service, since=approval.requested_at)
        return tuple(one for one in known if one.plan.undoes == approval.id)

    async def asked(self, *, service: str, since: datetime) -> tuple[Approval, ...]:
        """Whatever became of it, oldest first."""
        rows = await self.link.all(_ASKED, {"of": service, "since": since})
        return APPROVAL.load_each(row.body for row in rows)

    async def requested(self, *, service: str | None = None) -> tuple[Approval, ...]:
        """Those that wait, oldest first."""
        waiting = _WAITING if service is None else _WAITING.where(approvals.c.service == service)
        return APPROVAL.load_each(row.body for row in await self.link.all(waiting))


def _columns(approval: Approval) -> dict[str, Any]:
    # Where one is enough older replicas may grant as well; where more are needed they do not write `agreed`,
    # and the table's constraint refuses their grant.
    needed = approval.needed if approval.needed > 1 else 0
    alone = approval.broke_glass or approval.without_approval
    return {
        "needed": needed,
        "agreed": needed if alone else len(approval.votes),
        "incident_id": approval.incident_id,
        "service": approval.plan.service,
        "state": approval.state.value,
        "requested_at": approval.requested_at,
        "revision": approval.revision,
        "body": APPROVAL.dump(approval),
    }
