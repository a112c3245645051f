"""What is watched after actions (`bot.ports.stores.Verifications`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, bindparam, exists, select, update

from bot.adapters.database.rows import APPROVAL, EXECUTION, VERIFICATION
from bot.adapters.database.tables import approvals, executions, verifications
from bot.domain.remedies import ExecutionState
from bot.domain.verifications import VerificationState

if TYPE_CHECKING:
    from datetime import datetime

    from bot.adapters.database.engine import Link
    from bot.domain.approvals import Approval
    from bot.domain.remedies import Execution
    from bot.domain.verifications import Verification

_DONE = (ExecutionState.APPLIED.value, ExecutionState.SUCCEEDED.value)
_WATCHING: Final = verifications.c.state == VerificationState.WATCHING.value
_DUE: Final = (
    select(verifications.c.approval_id)
    .where(_WATCHING, verifications.c.due_at <= bindparam("now"))
    .order_by(verifications.c.due_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class VerificationTable:
    """Verifications, one at most for an approval."""

    link: Link

    async def unwatched(self, *, since: datetime, limit: int) -> tuple[tuple[Execution, Approval], ...]:
        """What was done since a moment and is not watched yet, oldest first."""
        known = exists().where(verifications.c.approval_id == executions.c.approval_id)
        query = (
            select(executions.c.body, approvals.c.body.label("request"))
            .join(approvals, approvals.c.id == executions.c.approval_id)
            .where(executions.c.state.in_(_DONE), executions.c.started_at >= since, ~known)
            .order_by(executions.c.started_at)
            .limit(limit)
        )
        rows = await self.link.all(query)
        return tuple((EXECUTION.load(row.body), APPROVAL.load(row.request)) for row in rows)

    async def add(self, verification: Verification, *, due_at: datetime) -> bool:
        """Begin to watch; False where another replica was quicker."""
        values = {"approval_id": verification.approval_id, "due_at": due_at, **_columns(verification)}
        new = self.link.insert(verifications).values(values)
        made = new.on_conflict_do_nothing(index_elements=[verifications.c.approval_id])
        return await self.link.first(made.returning(verifications.c.approval_id)) is not None

    async def get(self, approval_id: str) -> Verification | None:
        """By its approval."""
        query = select(verifications.c.body).where(verifications.c.approval_id == approval_id)
        row = await self.link.first(query)
        return VERIFICATION.load(row.body) if row else None

    async def take(self, *, again_at: datetime, limit: int) -> tuple[Verification, ...]:
        """Those to be looked at now; nobody else is given them before `again_at`."""
        due = await self.link.all(_DUE, {"now": self.link.now, "most": limit})
        names = [row.approval_id for row in due]
        if not names:
            return ()
        taken = (
            update(verifications)
            .where(verifications.c.approval_id.in_(names))
            .values(due_at=again_at)
            .returning(verifications.c.body)
        )
        return VERIFICATION.load_each(row.body for row in await self.link.all(taken))

    async def save(self, verification: Verification) -> bool:
        """Only over the row that the change was made from."""
        change = (
            update(verifications)
            .where(
                verifications.c.approval_id == verification.approval_id,
                verifications.c.revision == verification.revision - 1,
                _WATCHING,
            )
            .values(_columns(verification))
            .returning(verifications.c.approval_id)
        )
        return await self.link.first(change) is not None


def _columns(verification: Verification) -> dict[str, Any]:
    return {
        "state": verification.state.value,
        "revision": verification.revision,
        "body": VERIFICATION.dump(verification),
    }
