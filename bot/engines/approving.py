"""Requests for approval: planned, shown, decided once, expired; called by the doors and by a tick.

A grant and the intent to act are committed in one transaction; the remediating engine acts on intents alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import (
    Approval,
    ApprovalState,
    DecisionReason,
    decide,
    expire,
    plan_digest,
    supersede,
)
from bot.domain.commands import DecideApproval, Outcome, OutcomeReason, RequestRemediation
from bot.domain.events import EventKind
from bot.domain.incidents import Incident, IncidentState
from bot.domain.messages import Message, MessageKind
from bot.domain.remedies import Execution, ExecutionState, Plan, Refusal
from bot.engines.noting import append, put_in_thread
from bot.faults import fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime, timedelta

    from bot.domain.actors import Actor
    from bot.domain.events import Detail
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
        incident = await self._incident(wish.incident_id)
        if incident is not None and incident.state is IncidentState.RESOLVED:
            return Outcome(
                reason=OutcomeReason.REFUSED,
                sentence=f"Incident #{incident.id} is resolved; nothing is left to repair.",
            )
        plan = await self._plan(wish)
        async with self._store.transaction() as tx:
            if isinstance(plan, Refusal):
                detail = {"action": wish.action.value, "why": plan.reason.value}
                await append(
                    tx,
                    self._ids,
                    EventKind.REMEDIATION_REFUSED,
                    service=wish.service,
                    incident_id=wish.incident_id,
                    actor=command.actor,
                    detail=detail,
                )
                return Outcome(reason=OutcomeReason.REFUSED, sentence=plan.sentence)
            await self._supersede_rivals(tx, plan, by=command.actor)
            approval = self._approval(tx, plan, command)
            await self.keep_new(tx, approval, incident)
        return Outcome(reason=OutcomeReason.DONE, sentence="The request waits for approval in the thread.")

    async def decide(self, command: DecideApproval) -> Outcome:
        """Take an answer; the first one wins, and a grant commits the intent to act."""
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(command.approval_id)
            if approval is None:
                return Outcome(reason=OutcomeReason.NOT_FOUND, sentence="There is no such request.")
            incident = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
            decision = decide(
                approval,
                command.word,
                by=command.actor,
                digest=command.digest,
                now=tx.now,
                requester_may_approve=self._requester_may_approve(approval.plan.service),
                reason=command.reason,
            )
            if decision.reason is DecisionReason.GRANTED and incident is not None and _over(incident):
                return await self._too_late(tx, approval, incident, command.actor)
            if decision.approval is not approval and not await tx.approvals.replace(decision.approval):
                return _decided_already(approval)
            await self._note_decision(tx, decision.reason, decision.approval, command)
            if decision.reason is DecisionReason.GRANTED:
                await self._intend(tx, decision.approval)
            if decision.approval is not approval:
                await tx.messages.touch(MessageKind.APPROVAL, approval.id)
                _count(decision.approval, now=tx.now)
            fault("before-grant-commit")
        fault("after-grant-commit")
        if decision.reason is DecisionReason.GRANTED:
            self._on_granted()
        if decision.reason is DecisionReason.ALREADY_DECIDED:
            return _decided_already(decision.approval)
        reason, sentence = WORDS[decision.reason]
        return Outcome(reason=reason, sentence=sentence)

    async def expire_due(self) -> int:
        """Close the requests whose time is up; how many there were."""
        closed = 0
        async with self._store.transaction() as tx:
            for approval in await tx.approvals.requested():
                if approval.expires_at > tx.now or not await tx.approvals.replace(
                    expire(approval, now=tx.now)
                ):
                    continue
                await self._note(tx, approval, EventKind.APPROVAL_EXPIRED, by=LIGHTSHIP)
                await tx.messages.touch(MessageKind.APPROVAL, approval.id)
                _count(approval, now=tx.now, outcome=ApprovalState.EXPIRED)
                closed += 1
        return closed

    async def ask_again(self, approval: Approval, plan: Plan) -> None:
        """The object changed after the grant: show the new plan and ask anew. Called by remediating."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
            again = self._build(tx, plan, approval.incident_id, approval.requester, approval.reason)
            await self.keep_new(tx, again, incident)

    async def keep_new(self, tx: Transaction, approval: Approval, incident: Incident | None) -> None:
        """Keep a new request and put its message into the incident's thread, else into the channel."""
        await tx.approvals.add(approval)
        await self._note(tx, approval, EventKind.REMEDIATION_REQUESTED, by=approval.requester)
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

    async def _incident(self, incident_id: int | None) -> Incident | None:
        if incident_id is None:
            return None
        async with self._store.transaction() as tx:
            return await tx.incidents.get(incident_id)

    def _approval(self, tx: Transaction, plan: Plan, command: RequestRemediation) -> Approval:
        wish = command.request
        return self._build(tx, plan, wish.incident_id, command.actor, wish.reason)

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

    async def _supersede_rivals(self, tx: Transaction, plan: Plan, *, by: Actor) -> None:
        """Two open requests for one object would each show a state that the other changes."""
        for rival in await tx.approvals.requested(service=plan.service):
            if rival.plan.target != plan.target or rival.plan.action is not plan.action:
                continue
            gone = supersede(rival, now=tx.now, reason="a newer request took its place")
            if await tx.approvals.replace(gone):
                await self._note(tx, rival, EventKind.APPROVAL_SUPERSEDED, by=by)
                await tx.messages.touch(MessageKind.APPROVAL, rival.id)

    async def _intend(self, tx: Transaction, approval: Approval) -> None:
        await tx.executions.add(
            Execution(
                approval_id=approval.id,
                state=ExecutionState.INTENDED,
                started_at=tx.now,
                updated_at=tx.now,
            )
        )

    async def _too_late(
        self, tx: Transaction, approval: Approval, incident: Incident, actor: Actor
    ) -> Outcome:
        gone = supersede(approval, now=tx.now, reason="the incident was resolved meanwhile")
        if await tx.approvals.replace(gone):
            await self._note(tx, approval, EventKind.APPROVAL_SUPERSEDED, by=actor)
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
        return Outcome(
            reason=OutcomeReason.REFUSED,
            sentence=f"Incident #{incident.id} was resolved meanwhile; nothing was done.",
        )

    async def _note_decision(
        self, tx: Transaction, reason: DecisionReason, approval: Approval, command: DecideApproval
    ) -> None:
        kind = {
            DecisionReason.GRANTED: EventKind.APPROVAL_GRANTED,
            DecisionReason.DENIED: EventKind.APPROVAL_DENIED,
            DecisionReason.EXPIRED: EventKind.APPROVAL_EXPIRED,
        }.get(reason, EventKind.PRESS_REFUSED)
        why = {"word": command.word.value, "why": reason.value, "said": command.reason}
        await self._note(tx, approval, kind, by=command.actor, detail=why)

    async def _note(
        self,
        tx: Transaction,
        approval: Approval,
        kind: EventKind,
        *,
        by: Actor,
        detail: Mapping[str, Detail] | None = None,
    ) -> None:
        await append(
            tx,
            self._ids,
            kind,
            service=approval.plan.service,
            incident_id=approval.incident_id,
            actor=by,
            detail={**_about(approval), **(detail or {})},
        )


def _about(approval: Approval) -> dict[str, Detail]:
    return {
        "approval": approval.id,
        "digest": approval.digest,
        "action": approval.plan.action.value,
        "target": str(approval.plan.target),
        "change": "; ".join(f"{c.field} {c.before} → {c.after}" for c in approval.plan.changes),
        "reason": approval.reason,
    }


def _count(approval: Approval, *, now: datetime, outcome: ApprovalState | None = None) -> None:
    word = (outcome or approval.state).value
    telemetry.APPROVALS.labels(outcome=word).inc()
    telemetry.APPROVAL_WAIT.labels(outcome=word).observe((now - approval.requested_at).total_seconds())


def _over(incident: Incident) -> bool:
    return incident.state is IncidentState.RESOLVED


def _decided_already(approval: Approval) -> Outcome:
    by = f" by <@{approval.decided_by.id}>" if approval.decided_by else ""
    return Outcome(
        reason=OutcomeReason.ALREADY,
        sentence=f"This request is {approval.state.value} already{by}; nothing was done.",
    )
