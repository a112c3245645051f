"""Requests for approval: planned, shown, asked anew when the object changed; called by the doors.

The answers are taken by the deciding engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.approvals import Approval, ApprovalState, plan_digest
from bot.domain.commands import Outcome, OutcomeReason, RequestRemediation
from bot.domain.decisions import pass_by_policy, within_grace
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentKey
from bot.domain.messages import Message, MessageKind
from bot.domain.remedies import Plan, Refusal
from bot.engines.deciding import count_end, intend, put_aside
from bot.engines.fitness import Unfit, forbidden, frozen, over_already, unanswerable
from bot.engines.noting import append, note_about, put_in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.actors import Actor
    from bot.domain.policies import ApprovalPolicy
    from bot.domain.remedies import RemediationRequest
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

ASKED = "The request waits for approval in the thread."
IN_GRACE = "It is being undone: you approved it a moment ago. The outcome follows in the thread."
PASSED = "The policy asks nobody about this. The outcome follows in the thread."


class Approving:
    """Asks for approvals. `plan` looks at the world and changes nothing; `policy` gives a service's."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        plan: Callable[[RemediationRequest], Awaitable[Plan | Refusal]],
        policy: Callable[[str], ApprovalPolicy],
        enabled: Callable[[], bool],
        channel_of: Callable[[str], str],
        on_granted: Callable[[], None],
    ) -> None:
        self._store = store
        self._ids = ids
        self._plan = plan
        self._policy = policy
        self._enabled = enabled
        self._channel_of = channel_of
        self._on_granted = on_granted

    async def request(self, command: RequestRemediation) -> Outcome:
        """Plan it; show the plan and ask, or say why not."""
        wish = command.request
        async with self._store.transaction() as tx:
            unfit = await self._unfit(tx, command)
            if unfit is not None:
                return await self._refuse(tx, command, unfit)
        plan = await self._plan(wish)
        async with self._store.transaction() as tx:
            await _hold_incidents(tx, wish, plan)
            # Planning took its time: the incident may have ended meanwhile.
            unfit = await self._unfit(tx, command)
            if unfit is not None:
                return await self._refuse(tx, command, unfit)
            if isinstance(plan, Refusal):
                return await self._refuse(tx, command, Unfit(plan.reason.value, plan.sentence))
            for rival in await self._rivals(tx, plan):
                await put_aside(tx, self._ids, rival, "a newer request took its place", by=command.actor)
            approval = await self._build(tx, plan, wish.incident_id, command.actor, wish.reason)
            rule = self._policy(wish.service).of(plan.action, plan.target)
            if not rule.is_needed:
                approval = pass_by_policy(approval, now=tx.now)
            elif plan.undoes:
                undone = await tx.approvals.get(plan.undoes)
                approval = within_grace(approval, undone, rule, now=tx.now) if undone else approval
            await self._keep(tx, approval)
        if approval.state is ApprovalState.REQUESTED:
            return Outcome(reason=OutcomeReason.DONE, sentence=ASKED)
        count_end(approval)
        self._on_granted()
        return Outcome(reason=OutcomeReason.DONE, sentence=PASSED if approval.without_approval else IN_GRACE)

    async def _unfit(self, tx: Transaction, command: RequestRemediation) -> Unfit | None:
        wish = command.request
        policy = self._policy(wish.service)
        # What was done is undone also once the incident is over.
        over = None if wish.undoes else await over_already(tx, wish.incident_id)
        return (
            await frozen(tx, enabled=self._enabled())
            or over
            or await forbidden(tx, policy, wish)
            or unanswerable(policy, wish, requester=command.actor)
        )

    async def _refuse(self, tx: Transaction, command: RequestRemediation, unfit: Unfit) -> Outcome:
        wish = command.request
        await append(
            tx,
            self._ids,
            EventKind.REMEDIATION_REFUSED,
            service=wish.service,
            incident_id=None if unfit.answer is OutcomeReason.NOT_FOUND else wish.incident_id,
            actor=command.actor,
            detail={
                "action": wish.action.value,
                "target": str(wish.target),
                "why": unfit.why,
                "sentence": unfit.sentence,
            },
        )
        return unfit.outcome

    async def ask_again(self, tx: Transaction, approval: Approval, plan: Plan) -> None:
        """The object changed after the grant: show the new plan and ask anew; `tx` also says so.

        Not where the incident has ended, or where somebody asks for something else for that object already.
        Somebody is asked even where the policy asks nobody: the world is not what it was.
        """
        over = await over_already(tx, approval.incident_id)
        if over is None and not await self._rivals(tx, plan):
            asked = await self._build(tx, plan, approval.incident_id, approval.requester, approval.reason)
            await self._keep(tx, asked)

    async def _keep(self, tx: Transaction, approval: Approval) -> None:
        """Keep a new request and put its message into the incident's thread, else into the channel."""
        await tx.approvals.add(approval)
        await note_about(tx, self._ids, approval, EventKind.REMEDIATION_REQUESTED, actor=approval.requester)
        if approval.state is ApprovalState.GRANTED and approval.decided_by is not None:
            passed = approval.without_approval
            kind = EventKind.APPROVAL_NOT_NEEDED if passed else EventKind.APPROVAL_GRANTED
            said = {} if passed else {"said": "within the grace of their approval"}
            await note_about(tx, self._ids, approval, kind, actor=approval.decided_by, detail=said)
            await intend(tx, approval)
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

    async def _build(
        self, tx: Transaction, plan: Plan, incident_id: int | None, requester: Actor, reason: str
    ) -> Approval:
        approval_id = self._ids.new()
        incident = await tx.incidents.get(incident_id) if incident_id else None
        rule = self._policy(plan.service).of(plan.action, plan.target)
        return Approval(
            id=approval_id,
            incident_id=incident_id,
            plan=plan,
            digest=plan_digest(plan, approval_id=approval_id, requester=requester),
            requester=requester,
            reason=reason,
            requested_at=tx.now,
            expires_at=tx.now + rule.lifetime,
            needed=rule.approvals,
            drill=incident.drill if incident else "",
        )

    async def _rivals(self, tx: Transaction, plan: Plan) -> list[Approval]:
        """The open requests for the same change: two would each show a state that the other changes.

        Until the transaction ends no other replica adds one.
        """
        target = str(plan.target)
        await tx.incidents.lock(
            [IncidentKey(source="approvals", receiver="", group_key=target, service=plan.service)]
        )
        return await _alike(tx, plan)


async def _hold_incidents(tx: Transaction, wish: RemediationRequest, plan: Plan | Refusal) -> None:
    """Lock what a request is about, by number: its incident, and those of requests that it replaces."""
    replaced = await _alike(tx, plan) if isinstance(plan, Plan) else []
    about = {wish.incident_id, *(one.incident_id for one in replaced)}
    for number in sorted(one for one in about if one is not None):
        await tx.incidents.get(number)


async def _alike(tx: Transaction, plan: Plan) -> list[Approval]:
    requested = await tx.approvals.requested(service=plan.service)
    return [one for one in requested if one.plan.target == plan.target and one.plan.action is plan.action]
