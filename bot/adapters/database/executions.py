"""Approved remediations being done (`bot.ports.stores.Executions`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, or_, select, update

from bot.adapters.database.claims import claim, give_back, held
from bot.adapters.database.rows import APPROVAL, EXECUTION
from bot.adapters.database.tables import approvals, executions
from bot.domain.remedies import EXECUTION_TRANSITIONS, ExecutionState

if TYPE_CHECKING:
    from datetime import datetime

    from bot.adapters.database.engine import Link
    from bot.domain.approvals import Approval
    from bot.domain.messages import Lease
    from bot.domain.remedies import Action, Execution, Target

_OVER: Final = (ExecutionState.SUCCEEDED.value, ExecutionState.NO_EFFECT.value)
_UNFINISHED: Final = [state.value for state, nexts in EXECUTION_TRANSITIONS.items() if nexts]
_BY_APPROVAL: Final = select(executions.c.body).where(executions.c.approval_id == bindparam("name"))
_BEGUN: Final = (
    select(executions.c.body, approvals.c.body.label("request"))
    .join(approvals, approvals.c.id == executions.c.approval_id)
    .where(executions.c.started_at >= bindparam("since"))
    .order_by(executions.c.started_at)
)
_ENDED: Final = _BEGUN.where(executions.c.state.in_(_OVER))


@dataclass(frozen=True, slots=True)
class ExecutionTable:
    """Executions, one at most for an approval."""

    link: Link

    async def add(self, execution: Execution) -> bool:
        """Keep the intent unless there is one."""
        values = {
            "approval_id": execution.approval_id,
            "state": execution.state.value,
            "started_at": execution.started_at,
            "body": EXECUTION.dump(execution),
        }
        new = self.link.insert(executions).values(values).on_conflict_do_nothing()
        return await self.link.first(new.returning(executions.c.approval_id)) is not None

    async def get(self, approval_id: str) -> Execution | None:
        """By the approval's id."""
        row = await self.link.first(_BY_APPROVAL, {"name": approval_id})
        return EXECUTION.load(row.body) if row else None

    async def move(self, execution: Execution, *, was: ExecutionState, owner: str) -> bool:
        """Only from the state and under the claim that the change was made from."""
        change = (
            update(executions)
            .where(
                executions.c.approval_id == execution.approval_id,
                executions.c.state == was.value,
                executions.c.claimed_by == owner,
            )
            .values(state=execution.state.value, body=EXECUTION.dump(execution))
            .returning(executions.c.approval_id)
        )
        return await self.link.first(change) is not None

    async def claim(self, lease: Lease, *, limit: int) -> tuple[Execution, ...]:
        """Unfinished ones that nobody holds. What this process works on it holds, however late it is."""
        others = or_(executions.c.claimed_by.is_(None), executions.c.claimed_by != lease.owner)
        rows = await claim(
            self.link,
            executions,
            due=and_(executions.c.state.in_(_UNFINISHED), others),
            first=executions.c.started_at,
            lease=lease,
            limit=limit,
        )
        return EXECUTION.load_each(row.body for row in rows)

    async def begun(self, action: Action, target: Target, *, since: datetime) -> tuple[datetime, ...]:
        """When such an action was begun on a target, since a moment; oldest first."""
        rows = await self.link.all(_BEGUN, {"since": since})
        known = [(EXECUTION.load(row.body), APPROVAL.load(row.request).plan) for row in rows]
        return tuple(
            done.begun_at
            for done, plan in known
            if done.begun_at is not None and plan.action is action and plan.target == target
        )

    async def ended(self, action: Action, *, since: datetime) -> tuple[tuple[Execution, Approval], ...]:
        """Those that were done and are over; undos are another matter."""
        rows = await self.link.all(_ENDED, {"since": since})
        known = [(EXECUTION.load(row.body), APPROVAL.load(row.request)) for row in rows]
        return tuple(
            (done, approval)
            for done, approval in known
            if approval.plan.action is action and not approval.plan.undoes
        )

    async def extend(self, approval_id: str, lease: Lease) -> bool:
        """Hold on to it while nobody else took it."""
        change = (
            update(executions)
            .where(executions.c.approval_id == approval_id, executions.c.claimed_by == lease.owner)
            .values(held(self.link, lease))
            .returning(executions.c.approval_id)
        )
        return await self.link.first(change) is not None

    async def release(self, owner: str) -> None:
        """Give all back."""
        await give_back(self.link, executions, owner)
