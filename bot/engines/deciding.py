"""Answers to requests for approval: counted, decided once, expired; called by the doors and by a tick.

A grant and the intent to act are committed in one transaction; the remediating engine acts on intents alone.
Before that everything a request had to pass is asked again, for it may have waited long: the policy from the
store, bounds, preconditions and the world by planning once more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import Approval, ApprovalState, expire, supersede, wish_of
from bot.domain.commands import DecideApproval, Outcome, OutcomeReason
from bot.domain.decisions import Decision, DecisionReason, decide, glass_may_break
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.domain.remedies import Execution, ExecutionState
from bot.domain.severity import Severity
from bot.engines.fitness import forbidden, frozen, over_already, refused_now
from bot.engines.noting import note_about
from bot.faults import fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from bot.domain.actors import Actor
    from bot.domain.policies import ApprovalPolicy, ApprovalRule
    from bot.domain.remedies import Plan, Refusal, RemediationRequest
    from bot.engines.fitness import Unfit
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

_REFUSED: Final = OutcomeReason.REFUSED
WORDS: Final[Mapping[DecisionReason, tuple[OutcomeReason, str]]] = {
    DecisionReason.GRANTED: (OutcomeReason.DONE, "Approved. The outcome follows in the thread."),
    DecisionReason.DENIED: (OutcomeReason.DONE, "Denied."),
    DecisionReason.WITHDRAWN: (OutcomeReason.DONE, "Withdrawn."),
    DecisionReason.EXPIRED: (_REFUSED, "This request has expired; ask for it again."),
    DecisionReason.COUNTED_ALREADY: (
        OutcomeReason.ALREADY,
        "You have approved this already; somebody else has to approve it as well.",
    ),
    DecisionReason.OWN_REQUEST: (_REFUSED, "You asked for this, so somebody else has to approve it."),
    DecisionReason.DIGEST_DIFFERS: (
        _REFUSED,
        "This button does not belong to the plan that is shown; nothing was done.",
    ),
    DecisionReason.GLASS_NOT_ALLOWED: (_REFUSED, "The policy lets nobody approve this alone."),
    DecisionReason.GLASS_NOT_CRITICAL: (
        _REFUSED,
        "Only for a critical incident (P1) may the requester approve alone.",
    ),
    DecisionReason.GLASS_NOT_YOURS: (_REFUSED, "Only who asked for this may approve it alone."),
    DecisionReason.GLASS_TOO_EARLY: (_REFUSED, "It is too early to approve this alone; call an approver."),
    DecisionReason.GLASS_WITHOUT_REASON: (_REFUSED, "Say why you approve this alone."),
}
_YES: Final = frozenset({DecisionReason.GRANTED, DecisionReason.COUNTED})
_KEPT_AS: Final[Mapping[DecisionReason, EventKind]] = {
    DecisionReason.GRANTED: EventKind.APPROVAL_GRANTED,
    DecisionReason.COUNTED: EventKind.APPROVAL_COUNTED,
    DecisionReason.DENIED: EventKind.APPROVAL_DENIED,
    DecisionReason.WITHDRAWN: EventKind.APPROVAL_WITHDRAWN,
}


class Deciding:
    """Takes the answers. `policy` gives a service's; `enabled` is configured; `on_granted` wakes who acts.

    `plan` looks at the world, with the limits of now, and changes nothing.
    """

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        plan: Callable[[RemediationRequest], Awaitable[Plan | Refusal]],
        policy: Callable[[str], ApprovalPolicy],
        enabled: Callable[[], bool],
        on_granted: Callable[[], None],
    ) -> None:
        self._store = store
        self._plan = plan
        self._enabled = enabled
        self._ids = ids
        self._policy = policy
        self._on_granted = on_granted

    async def decide(self, command: DecideApproval) -> Outcome:
        """Take an answer; the first one wins, and a grant commits the intent to act."""
        planned = await self._planned_again(command)
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(command.approval_id)
            if approval is None:
                return Outcome(reason=OutcomeReason.NOT_FOUND, sentence="There is no such request.")
            decision = await self._decision(tx, approval, command)
            if decision.reason in _YES:
                unfit = await self._unfit(tx, approval) or refused_now(planned)
                if unfit is not None:
                    await self._note_press(tx, approval, command, unfit.why)
                    return unfit.outcome
            if decision.approval is not approval and not await tx.approvals.replace(decision.approval):
                # Another replica was quicker by a moment.
                approval = await tx.approvals.get(command.approval_id) or approval
                decision = Decision(reason=DecisionReason.ALREADY_DECIDED, approval=approval)
            await self._keep(tx, decision, command)
            if decision.approval is not approval:
                await tx.messages.touch(MessageKind.APPROVAL, approval.id)
            fault("before-grant-commit")
        fault("after-grant-commit")
        if decision.approval is not approval:
            count_end(decision.approval)
        if decision.reason is DecisionReason.GRANTED:
            self._on_granted()
        return _answer(decision, self._rule(decision.approval))

    async def _planned_again(self, command: DecideApproval) -> Plan | Refusal | None:
        """What a yes would do as things are now, outside of any transaction; None where it is no yes."""
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(command.approval_id)
            if approval is None or (await self._decision(tx, approval, command)).reason not in _YES:
                return None
        return await self._plan(wish_of(approval))

    async def expire_due(self) -> int:
        """Close the requests whose time is up; how many there were. Shows when the glass may be broken.

        Each in a transaction of its own, so that no two incidents are locked at once.
        """
        async with self._store.transaction() as tx:
            waiting, now = await tx.approvals.requested(), tx.now
        closed = [
            await self._expire(approval)
            for approval in waiting
            if approval.expires_at <= now or self._glass_is_due(approval, now)
        ]
        return sum(closed)

    async def _expire(self, approval: Approval) -> bool:
        async with self._store.transaction() as tx:
            if approval.expires_at > tx.now:
                await self._offer_glass(tx, approval)
                return False
            await lock_incident(tx, approval)
            gone = expire(approval, now=tx.now)
            if not await tx.approvals.replace(gone):
                return False
            await note_about(tx, self._ids, approval, EventKind.APPROVAL_EXPIRED, actor=LIGHTSHIP)
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
        count_end(gone)
        return True

    def _rule(self, approval: Approval) -> ApprovalRule:
        plan = approval.plan
        return self._policy(plan.service).of(plan.action, plan.target)

    async def _decision(self, tx: Transaction, approval: Approval, command: DecideApproval) -> Decision:
        return decide(
            approval,
            command.word,
            by=command.actor,
            digest=command.digest,
            now=tx.now,
            rule=self._rule(approval),
            critical=await is_critical(tx, approval),
            reason=command.reason,
        )

    async def _unfit(self, tx: Transaction, approval: Approval) -> Unfit | None:
        """Why a request is not granted that could be by itself; one whose incident is over is closed."""
        plan = approval.plan
        stopped = await frozen(tx, enabled=self._enabled()) or await forbidden(
            tx, self._policy(plan.service), plan
        )
        if stopped is not None or plan.undoes:
            return stopped
        refused = await over_already(tx, approval.incident_id)
        if refused is not None:
            why = "the incident was resolved meanwhile"
            await put_aside(tx, self._ids, approval, why, by=LIGHTSHIP)
        return refused

    def _glass_is_due(self, approval: Approval, now: datetime) -> bool:
        after = self._rule(approval).break_glass_after
        return after is not None and now >= approval.requested_at + after

    async def _offer_glass(self, tx: Transaction, approval: Approval) -> None:
        """Show the request anew, once, when its requester may approve alone."""
        after = self._rule(approval).break_glass_after or timedelta()
        critical = await is_critical(tx, approval)
        if glass_may_break(approval, self._rule(approval), now=tx.now, critical=critical) and (
            await tx.heartbeats.win(f"glass/{approval.id}", approval.requested_at + after)
        ):
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)

    async def _keep(self, tx: Transaction, decision: Decision, command: DecideApproval) -> None:
        approval, kind = decision.approval, _KEPT_AS.get(decision.reason)
        if decision.reason is DecisionReason.EXPIRED:
            await note_about(tx, self._ids, approval, EventKind.APPROVAL_EXPIRED, actor=LIGHTSHIP)
        if kind is None:
            await self._note_press(tx, approval, command, decision.reason.value)
            return
        said = {"said": command.reason}
        if decision.reason is DecisionReason.GRANTED and approval.broke_glass:
            kind = EventKind.APPROVAL_GLASS_BROKEN
            said["approvers"] = " ".join(self._rule(approval).approvers)
        await note_about(tx, self._ids, approval, kind, actor=command.actor, detail=said)
        if decision.reason is DecisionReason.GRANTED:
            await intend(tx, approval)

    async def _note_press(
        self, tx: Transaction, approval: Approval, command: DecideApproval, why: str
    ) -> None:
        detail = {"what": command.word.value, "why": why, "said": command.reason}
        await note_about(tx, self._ids, approval, EventKind.PRESS_REFUSED, actor=command.actor, detail=detail)


async def lock_incident(tx: Transaction, approval: Approval) -> None:
    """Lock the incident of a request, which comes before the request itself in the one order of locks."""
    if approval.incident_id is not None:
        await tx.incidents.get(approval.incident_id)


async def is_critical(tx: Transaction, approval: Approval) -> bool:
    """Whether a request is about a critical incident."""
    incident = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
    return incident is not None and incident.severity is Severity.P1


async def intend(tx: Transaction, approval: Approval) -> None:
    """The intent to act, committed together with the grant."""
    await tx.executions.add(
        Execution(
            approval_id=approval.id,
            state=ExecutionState.INTENDED,
            started_at=tx.now,
            updated_at=tx.now,
        )
    )


async def put_aside(tx: Transaction, ids: Ids, approval: Approval, why: str, *, by: Actor) -> None:
    """Another plan, or the end of its incident, takes a waiting request's place."""
    await lock_incident(tx, approval)
    gone = supersede(approval, now=tx.now, reason=why)
    if await tx.approvals.replace(gone):
        await note_about(tx, ids, approval, EventKind.APPROVAL_SUPERSEDED, actor=by)
        await tx.messages.touch(MessageKind.APPROVAL, approval.id)
        count_end(gone)


def count_end(approval: Approval) -> None:
    """Count how a request ended, and how long that took; one that still waits counts for nothing."""
    if approval.state is ApprovalState.REQUESTED:
        return
    waited = (approval.decided_at or approval.requested_at) - approval.requested_at
    telemetry.APPROVALS.labels(outcome=approval.state.value).inc()
    telemetry.APPROVAL_WAIT.labels(outcome=approval.state.value).observe(waited.total_seconds())
    if approval.broke_glass:
        telemetry.GLASS_BROKEN.labels(action=approval.plan.action.value).inc()


def _answer(decision: Decision, rule: ApprovalRule) -> Outcome:
    approval = decision.approval
    if decision.reason is DecisionReason.COUNTED:
        missing = rule.approvals - len(approval.votes)
        people = "1 more person has" if missing == 1 else f"{missing} more people have"
        return Outcome(
            reason=OutcomeReason.DONE, sentence=f"Your approval counts; {people} to approve it as well."
        )
    if decision.reason is DecisionReason.ALREADY_DECIDED:
        by = f" by <@{approval.decided_by.id}>" if approval.decided_by else ""
        return Outcome(
            reason=OutcomeReason.ALREADY,
            sentence=f"This request is {approval.state.value} already{by}; nothing was done.",
        )
    reason, sentence = WORDS[decision.reason]
    return Outcome(reason=reason, sentence=sentence)
