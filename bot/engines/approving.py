"""Requests for approval: planned, shown, decided once, expired; called by the doors and by a tick.

A grant and the intent to act are committed in one transaction; the remediating engine acts on intents alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import (
    Approval,
    Decision,
    DecisionReason,
    decide,
    expire,
    plan_digest,
    supersede,
)
from bot.domain.commands import DecideApproval, Outcome, OutcomeReason, RequestRemediation
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentKey
from bot.domain.messages import Message, MessageKind
from bot.domain.remedies import Execution, ExecutionState, Plan, Refusal
from bot.engines.fitness import Unfit, frozen, over_already
from bot.engines.noting import append, note_about, put_in_thread
from bot.faults import fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from bot.domain.actors import Actor
    from bot.domain.remedies import RemediationRequest
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

WORDS = {
    DecisionReason.GRANTED: (OutcomeReason.DONE, "Approved. The outcome follows in the thread."),
    DecisionReason.DENIED: (OutcomeReason.DONE, "Denied."),
    DecisionReason.EXPIRED: (OutcomeReason.REFUSED, "This request has expired; ask for it again."),
    DecisionReason.OWN_REQUEST: (
        OutcomeReason.REFUSED,
        "You asked for this, so somebody else has to approve it.",
    ),
    DecisionReason.DIGEST_DIFFERS: (
        OutcomeReason.REFUSED,
        "This button does not belong to the plan that is shown; nothing was done.",
    ),
}


class Approving:
    """Asks for approvals and takes the answers. `plan` looks at the world and changes nothing."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        plan: Callable[[RemediationRequest], Awaitable[Plan | Refusal]],
        lifetime: Callable[[str], timedelta],
        channel_of: Callable[[str], str],
        requester_may_approve: Callable[[str], bool],
        on_granted: Callable[[], None],
    ) -> None:
        self._store = store
        self._ids = ids
        self._plan = plan
        self._lifetime = lifetime
        self._channel_of = channel_of
        self._requester_may_approve = requester_may_approve
        self._on_granted = on_granted

    async def request(self, command: RequestRemediation) -> Outcome:
        """Plan it; show the plan and ask, or say why not."""
        wish = command.request
        async with self._store.transaction() as tx:
            over = await frozen(tx) or await over_already(tx, wish.incident_id)
            if over is not None:
                return await self._refuse(tx, command, over)
        plan = await self._plan(wish)
        async with self._store.transaction() as tx:
            # Planning took its time: the incident may have ended meanwhile.
            over = await frozen(tx) or await over_already(tx, wish.incident_id)
            if over is not None:
                return await self._refuse(tx, command, over)
            if isinstance(plan, Refusal):
                return await self._refuse(tx, command, Unfit(plan.reason.value, plan.sentence))
            for rival in await self._rivals(tx, plan):
                await self._supersede(tx, rival, "a newer request took its place", by=command.actor)
            await self._keep(tx, self._build(tx, plan, wish.incident_id, command.actor, wish.reason))
        return Outcome(reason=OutcomeReason.DONE, sentence="The request waits for approval in the thread.")

    async def _refuse(self, tx: Transaction, command: RequestRemediation, unfit: Unfit) -> Outcome:
        wish = command.request
        await append(
            tx,
            self._ids,
            EventKind.REMEDIATION_REFUSED,
            service=wish.service,
            incident_id=None if unfit.answer is OutcomeReason.NOT_FOUND else wish.incident_id,
            actor=command.actor,
            detail={"action": wish.action.value, "why": unfit.why},
        )
        return unfit.outcome

    async def decide(self, command: DecideApproval) -> Outcome:
        """Take an answer; the first one wins, and a grant commits the intent to act."""
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(command.approval_id)
            if approval is None:
                return Outcome(reason=OutcomeReason.NOT_FOUND, sentence="There is no such request.")
            decision = decide(
                approval,
                command.word,
                by=command.actor,
                digest=command.digest,
                now=tx.now,
                requester_may_approve=self._requester_may_approve(approval.plan.service),
                reason=command.reason,
            )
            if decision.reason is DecisionReason.GRANTED:
                unfit = await self._unfit(tx, approval)
                if unfit is not None:
                    await self._note_press(tx, approval, command, unfit.why)
                    return unfit.outcome
            if decision.approval is not approval and not await tx.approvals.replace(decision.approval):
                # Another replica was quicker by a moment.
                approval = await tx.approvals.get(command.approval_id) or approval
                decision = Decision(reason=DecisionReason.ALREADY_DECIDED, approval=approval)
            await self._note_decision(tx, decision, command)
            if decision.reason is DecisionReason.GRANTED:
                await self._intend(tx, decision.approval)
            if decision.approval is not approval:
                await tx.messages.touch(MessageKind.APPROVAL, approval.id)
            fault("before-grant-commit")
        fault("after-grant-commit")
        if decision.approval is not approval:
            _count(decision.approval)
        if decision.reason is DecisionReason.GRANTED:
            self._on_granted()
        if decision.reason is DecisionReason.ALREADY_DECIDED:
            return _decided_already(decision.approval)
        reason, sentence = WORDS[decision.reason]
        return Outcome(reason=reason, sentence=sentence)

    async def _unfit(self, tx: Transaction, approval: Approval) -> Unfit | None:
        """Why a request is not granted that could be by itself; one whose incident is over is closed."""
        stopped = await frozen(tx)
        if stopped is not None:
            return stopped
        refused = await over_already(tx, approval.incident_id)
        if refused is not None:
            await self._supersede(tx, approval, "the incident was resolved meanwhile", by=LIGHTSHIP)
        return refused

    async def expire_due(self) -> int:
        """Close the requests whose time is up; how many there were."""
        closed: list[Approval] = []
        async with self._store.transaction() as tx:
            for approval in await tx.approvals.requested():
                gone = expire(approval, now=tx.now)
                if approval.expires_at > tx.now or not await tx.approvals.replace(gone):
                    continue
                await note_about(tx, self._ids, approval, EventKind.APPROVAL_EXPIRED, actor=LIGHTSHIP)
                await tx.messages.touch(MessageKind.APPROVAL, approval.id)
                closed.append(gone)
        for gone in closed:
            _count(gone)
        return len(closed)

    async def ask_again(self, tx: Transaction, approval: Approval, plan: Plan) -> None:
        """The object changed after the grant: show the new plan and ask anew; `tx` also says so.

        Not where the incident has ended, or where somebody asks for something else for that object already.
        """
        over = await over_already(tx, approval.incident_id)
        if over is None and not await self._rivals(tx, plan):
            await self._keep(
                tx, self._build(tx, plan, approval.incident_id, approval.requester, approval.reason)
            )

    async def _keep(self, tx: Transaction, approval: Approval) -> None:
        """Keep a new request and put its message into the incident's thread, else into the channel."""
        await tx.approvals.add(approval)
        await note_about(tx, self._ids, approval, EventKind.REMEDIATION_REQUESTED, actor=approval.requester)
        incident = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
        if incident is not None:
            await put_in_thread(tx, self._ids, incident, kind=MessageKind.APPROVAL, subject=approval.id)
            return
        await tx.messages.put(
            Message(
                id=self._ids.new(),
                kind=MessageKind.APPROVAL,
                subject=approval.id,
                channel=self._channel_of(approval.plan.service),
                thread_of=None,
                incident_id=None,
                urgency=1,
                desired_revision=1,
                created_at=tx.now,
            )
        )

    def _build(
        self, tx: Transaction, plan: Plan, incident_id: int | None, requester: Actor, reason: str
    ) -> Approval:
        approval_id = self._ids.new()
        return Approval(
            id=approval_id,
            incident_id=incident_id,
            plan=plan,
            digest=plan_digest(plan, approval_id=approval_id, requester=requester),
            requester=requester,
            reason=reason,
            requested_at=tx.now,
            expires_at=tx.now + self._lifetime(plan.service),
        )

    async def _rivals(self, tx: Transaction, plan: Plan) -> list[Approval]:
        """The open requests for the same change: two would each show a state that the other changes.

        Until the transaction ends no other replica adds one.
        """
        target = str(plan.target)
        await tx.incidents.lock(
            [IncidentKey(source="approvals", receiver="", group_key=target, service=plan.service)]
        )
        requested = await tx.approvals.requested(service=plan.service)
        return [one for one in requested if one.plan.target == plan.target and one.plan.action is plan.action]

    async def _supersede(self, tx: Transaction, approval: Approval, why: str, *, by: Actor) -> None:
        gone = supersede(approval, now=tx.now, reason=why)
        if await tx.approvals.replace(gone):
            await note_about(tx, self._ids, approval, EventKind.APPROVAL_SUPERSEDED, actor=by)
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
            _count(gone)

    async def _intend(self, tx: Transaction, approval: Approval) -> None:
        await tx.executions.add(
            Execution(
                approval_id=approval.id,
                state=ExecutionState.INTENDED,
                started_at=tx.now,
                updated_at=tx.now,
            )
        )

    async def _note_decision(self, tx: Transaction, decision: Decision, command: DecideApproval) -> None:
        kind = {
            DecisionReason.GRANTED: EventKind.APPROVAL_GRANTED,
            DecisionReason.DENIED: EventKind.APPROVAL_DENIED,
        }.get(decision.reason)
        if decision.reason is DecisionReason.EXPIRED:
            await note_about(tx, self._ids, decision.approval, EventKind.APPROVAL_EXPIRED, actor=LIGHTSHIP)
        if kind is None:
            await self._note_press(tx, decision.approval, command, decision.reason.value)
            return
        said = {"said": command.reason}
        await note_about(tx, self._ids, decision.approval, kind, actor=command.actor, detail=said)

    async def _note_press(
        self, tx: Transaction, approval: Approval, command: DecideApproval, why: str
    ) -> None:
        detail = {"what": command.word.value, "why": why, "said": command.reason}
        await note_about(tx, self._ids, approval, EventKind.PRESS_REFUSED, actor=command.actor, detail=detail)


def _count(decided: Approval) -> None:
    waited = (decided.decided_at or decided.requested_at) - decided.requested_at
    telemetry.APPROVALS.labels(outcome=decided.state.value).inc()
    telemetry.APPROVAL_WAIT.labels(outcome=decided.state.value).observe(waited.total_seconds())


def _decided_already(approval: Approval) -> Outcome:
    by = f" by <@{approval.decided_by.id}>" if approval.decided_by else ""
    return Outcome(
        reason=OutcomeReason.ALREADY,
        sentence=f"This request is {approval.state.value} already{by}; nothing was done.",
    )
