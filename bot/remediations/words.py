"""What was done, in one sentence for the thread. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.actions import ACTIONS
from bot.domain.calls import job_name
from bot.domain.remedies import Action, CallKind

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Plan


def done_words(grant: Grant) -> str:
    """`deployment shop/shop-api scaled from 3 to 6`."""
    plan, call = grant.plan, grant.plan.call
    shown = ", ".join(
        f"{_last(change.field)} {change.before} → {change.after}" for change in plan.changes[:3]
    )
    if call is not None and call.kind is CallKind.CREATE:
        return f"Job {job_name(call, grant.approval_id)} made of {plan.target}"
    if plan.undoes:
        return f"{plan.target} taken back: {shown}"
    (first, *_) = plan.changes
    match plan.action:
        case Action.SCALE if call is not None and call.resource == "deployments":
            return f"{plan.target} scaled from {first.before} to {first.after}"
        case Action.ROLLBACK:
            return f"{plan.target} rolled back from revision {first.before} to {first.after}"
        case Action.RESTART | Action.DELETE_POD:
            return f"{plan.target} {ACTIONS[plan.action].done}"
        case _:
            return f"{plan.target}: {shown}"


def doubt_words(plan: Plan, *, negated: bool = False) -> str:
    """`deployment shop/shop-api was scaled`, or was not."""
    done = "taken back" if plan.undoes else ACTIONS[plan.action].done
    return f"{plan.target} was {'not ' if negated else ''}{done}"


def _last(field: str) -> str:
    return field.rpartition(".")[2]
