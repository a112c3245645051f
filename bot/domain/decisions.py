"""What a press on approve, deny or break glass comes to, and why. Pure; called by the deciding engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.approvals import POLICY, Approval, ApprovalState, DecisionWord, Vote, expire

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.actors import Actor
    from bot.domain.policies import ApprovalRule


class DecisionReason(StrEnum):
    """What a press on approve or deny came to, and why."""

    GRANTED = "granted"
    COUNTED = "counted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ALREADY_DECIDED = "already_decided"
    COUNTED_ALREADY = "counted_already"
    OWN_REQUEST = "own_request"
    DIGEST_DIFFERS = "digest_differs"
    GLASS_NOT_ALLOWED = "glass_not_allowed"
    GLASS_NOT_CRITICAL = "glass_not_critical"
    GLASS_NOT_YOURS = "glass_not_yours"
    GLASS_TOO_EARLY = "glass_too_early"
    GLASS_WITHOUT_REASON = "glass_without_reason"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The outcome of a press; `approval` is what to keep, the given one where nothing changed."""

    reason: DecisionReason
    approval: Approval


def decide(
    approval: Approval,
    word: DecisionWord,
    *,
    by: Actor,
    digest: str,
    now: datetime,
    rule: ApprovalRule,
    critical: bool = False,
    reason: str = "",
) -> Decision:
    """Decide over a press by somebody whose right to approve was established before.

    The requester may always withdraw their own request, and may break the glass where the rule lets them and
    the incident is `critical`. An expired request becomes `expired` by the press.
    """
    if approval.state is not ApprovalState.REQUESTED:
        return Decision(reason=DecisionReason.ALREADY_DECIDED, approval=approval)
    if now >= approval.expires_at:
        return Decision(reason=DecisionReason.EXPIRED, approval=expire(approval, now=now))
    if digest != approval.digest:
        return Decision(reason=DecisionReason.DIGEST_DIFFERS, approval=approval)
    match word:
        case DecisionWord.APPROVE:
            return _approve(approval, by=by, now=now, rule=rule)
        case DecisionWord.DENY:
            own = by.id == approval.requester.id
            state = ApprovalState.WITHDRAWN if own else ApprovalState.DENIED
            why = DecisionReason.WITHDRAWN if own else DecisionReason.DENIED
            return Decision(reason=why, approval=_end(approval, state, by=by, now=now, reason=reason))
        case DecisionWord.BREAK_GLASS:
            why_not = _may_not_break_glass(approval, by, now=now, rule=rule, critical=critical, reason=reason)
            alone = _end(approval, ApprovalState.GRANTED, by=by, now=now, reason=reason)
            return Decision(
                reason=why_not or DecisionReason.GRANTED,
                approval=approval if why_not else replace(alone, broke_glass=True),
            )


def _approve(approval: Approval, *, by: Actor, now: datetime, rule: ApprovalRule) -> Decision:
    if by.id == approval.requester.id and not rule.requester_may_approve:
        return Decision(reason=DecisionReason.OWN_REQUEST, approval=approval)
    if any(vote.by.id == by.id for vote in approval.votes):
        return Decision(reason=DecisionReason.COUNTED_ALREADY, approval=approval)
    voted = replace(approval, votes=(*approval.votes, Vote(by=by, at=now)), needed=rule.approvals)
    if len(voted.votes) < rule.approvals:
        return Decision(
            reason=DecisionReason.COUNTED, approval=replace(voted, revision=approval.revision + 1)
        )
    granted = _end(voted, ApprovalState.GRANTED, by=by, now=now)
    return Decision(reason=DecisionReason.GRANTED, approval=granted)


def _may_not_break_glass(
    approval: Approval, by: Actor, *, now: datetime, rule: ApprovalRule, critical: bool, reason: str
) -> DecisionReason | None:
    """Why not; None where the requester may approve alone now, with a reason that is said."""
    refusals = (
        (rule.break_glass_after is None, DecisionReason.GLASS_NOT_ALLOWED),
        (not critical, DecisionReason.GLASS_NOT_CRITICAL),
        (by.id != approval.requester.id, DecisionReason.GLASS_NOT_YOURS),
        (not glass_may_break(approval, rule, now=now, critical=critical), DecisionReason.GLASS_TOO_EARLY),
        (not reason.strip(), DecisionReason.GLASS_WITHOUT_REASON),
    )
    return next((why for holds, why in refusals if holds), None)


def glass_may_break(approval: Approval, rule: ApprovalRule, *, now: datetime, critical: bool) -> bool:
    """Whether the requester may approve alone now: it was waited long enough, and it is critical."""
    waits = approval.state is ApprovalState.REQUESTED and now < approval.expires_at
    after = rule.break_glass_after
    return waits and critical and after is not None and now - approval.requested_at >= after


def _end(approval: Approval, state: ApprovalState, *, by: Actor, now: datetime, reason: str = "") -> Approval:
    return replace(
        approval,
        state=state,
        decided_by=by,
        decided_at=now,
        decision_reason=reason,
        revision=approval.revision + 1,
    )


def pass_by_policy(approval: Approval, *, now: datetime) -> Approval:
    """A new request that nobody has to approve, because the policy says so in so many words."""
    return replace(
        approval, state=ApprovalState.GRANTED, decided_by=POLICY, decided_at=now, without_approval=True
    )


def within_grace(undo: Approval, undone: Approval, rule: ApprovalRule, *, now: datetime) -> Approval:
    """A request to undo, with the yes of who asks for it where they approved the action a moment ago.

    Where the rule wants more people, it is one yes of them.
    """
    agreed = {vote.by.id for vote in undone.votes} or {undone.decided_by.id if undone.decided_by else ""}
    late = undone.decided_at is None or now - undone.decided_at > rule.undo_grace
    if late or undo.requester.id not in agreed or undone.state is not ApprovalState.GRANTED:
        return undo
    own = replace(rule, requester_may_approve=True)
    voted = _approve(undo, by=undo.requester, now=now, rule=own).approval
    return replace(voted, revision=undo.revision)
