"""Approvals: who asked for what, who may say yes, and the grant without which nothing changes the world.

Called by the approving engine. An approval is bound by a digest to the plan that was shown.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bot.domain.actors import Actor, ActorKind
from bot.domain.remedies import RemediationRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.events import Detail
    from bot.domain.remedies import Plan

POLICY = Actor(kind=ActorKind.BOT, id="policy")
"""Who approves what the policy lets pass without asking anybody."""


class ApprovalState(StrEnum):
    """Where a request for approval stands."""

    REQUESTED = "requested"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


APPROVAL_TRANSITIONS: dict[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.REQUESTED: frozenset(ApprovalState) - {ApprovalState.REQUESTED},
    **{state: frozenset() for state in ApprovalState if state is not ApprovalState.REQUESTED},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """One approver's yes."""

    by: Actor
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """A request for approval with the plan that was shown. Single use: it leaves `requested` once.

    `votes` are the approvals so far, each by another person, of `needed` as the rule in force said last.
    `broke_glass` says that the requester approved alone in an emergency, `without_approval` that the policy
    asks nobody. `drill` is the id of its drill: it then permits a dry run and nothing else.
    """

    id: str
    incident_id: int | None
    plan: Plan
    digest: str
    requester: Actor
    reason: str
    requested_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.REQUESTED
    decided_by: Actor | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""
    votes: tuple[Vote, ...] = ()
    needed: int = 1
    broke_glass: bool = False
    without_approval: bool = False
    drill: str = ""
    revision: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A granted approval; every writer that changes a cluster demands one. Made by `grant_of` alone."""

    approval_id: str
    digest: str
    plan: Plan
    requester: Actor
    approver: Actor

    @property
    def field_manager(self) -> str:
        """The name that Kubernetes keeps in managedFields for what this grant changes."""
        return f"lightship-{self.approval_id}"

    @property
    def is_intact(self) -> bool:
        """Whether the plan is still the one that was shown and approved."""
        return self.digest == plan_digest(self.plan, approval_id=self.approval_id, requester=self.requester)


class DecisionWord(StrEnum):
    """What was said: by an approver, or by a requester who takes it back or cannot wait."""

    APPROVE = "approve"
    DENY = "deny"
    BREAK_GLASS = "break_glass"


def plan_digest(plan: Plan, *, approval_id: str, requester: Actor) -> str:
    """SHA-256 over the plan, the approval's id and the requester, as 64 hexadecimal digits.

    Empty fields count for nothing, so that a field that a later version adds leaves the digests of requests
    that wait for an answer as they are.
    """
    shown, asker = _filled(asdict(plan)), _filled(asdict(requester))
    content = {"plan": shown, "approval": approval_id, "requester": asker}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=dict)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ("", (), {})}


def told(approval: Approval) -> dict[str, Detail]:
    """What every event about a request says of it."""
    plan = approval.plan
    return {
        "approval": approval.id,
        "digest": approval.digest,
        "action": plan.action.value,
        "target": str(plan.target),
        "change": "; ".join(f"{c.field} {c.before} → {c.after}" for c in plan.changes),
        "reason": approval.reason,
    }


def wish_of(approval: Approval) -> RemediationRequest:
    """What was asked for, to be planned anew where the object is no longer the one that was shown."""
    plan = approval.plan
    return RemediationRequest(
        action=plan.action,
        service=plan.service,
        target=plan.target,
        arguments=plan.arguments,
        incident_id=approval.incident_id,
        reason=approval.reason,
        runbook=plan.runbook,
        remediation=plan.remediation,
        undoes=plan.undoes,
    )


def undo_of(approval: Approval) -> RemediationRequest:
    """The request that takes an approved change back."""
    change = "; ".join(
        f"{one.field.rpartition('.')[2]} {one.after} → {one.before}" for one in approval.plan.changes
    )
    return replace(wish_of(approval), undoes=approval.id, reason=f"undo: {change}"[:500])


def expire(approval: Approval, *, now: datetime) -> Approval:
    """The approval after its time ran out without an answer."""
    return replace(approval, state=ApprovalState.EXPIRED, decided_at=now, revision=approval.revision + 1)


def supersede(approval: Approval, *, now: datetime, reason: str) -> Approval:
    """The approval after a newer plan took its place."""
    return replace(
        approval,
        state=ApprovalState.SUPERSEDED,
        decided_at=now,
        decision_reason=reason,
        revision=approval.revision + 1,
    )


def grant_of(approval: Approval) -> Grant:
    """The grant that writers demand. Raises ValueError unless the approval is granted and its digest fits.

    There is none for a drill: without a grant nothing can be changed, whatever else goes wrong.
    """
    if approval.drill:
        raise ValueError(f"approval {approval.id} belongs to a drill, which changes nothing")
    if approval.state is not ApprovalState.GRANTED or approval.decided_by is None:
        raise ValueError(f"approval {approval.id} is {approval.state.value}, not granted")
    if approval.digest != plan_digest(approval.plan, approval_id=approval.id, requester=approval.requester):
        raise ValueError(f"approval {approval.id} does not match the plan that was shown")
    return Grant(
        approval_id=approval.id,
        digest=approval.digest,
        plan=approval.plan,
        requester=approval.requester,
        approver=approval.decided_by,
    )
