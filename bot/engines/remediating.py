"""Doing what was approved: plans for approvals, and intents carried out once and watched to their end.

The only engine that reaches remediations and writers. It acts on committed intents alone, looks at the world
before it acts (an earlier start may have acted and died), and asks a human where the world does not tell.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import Approval, Grant, grant_of
from bot.domain.errors import LightshipError
from bot.domain.events import EventKind
from bot.domain.messages import Lease, MessageKind
from bot.domain.remedies import (
    Execution,
    ExecutionState,
    Plan,
    Refusal,
    RefusalReason,
    RemediationRequest,
)
from bot.engines.noting import append, note
from bot.faults import fault
from bot.ports.readers import Resource
from bot.remediations.registry import Applied, ApplyState, apply, observe, plan_scale, recover

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.services import ScaleBounds
    from bot.ports.clock import Clock, Ids
    from bot.ports.planners import ScalePlanner
    from bot.ports.readers import ClusterReader
    from bot.ports.stores import Store, Transaction
    from bot.ports.writers import DeploymentScaler

AT_ONCE = 8
LEASE = timedelta(seconds=60)
POLL_SECONDS = 2.0
TRIES = 5

_ENDS = {
    ExecutionState.SUCCEEDED: EventKind.REMEDIATION_SUCCEEDED,
    ExecutionState.NO_EFFECT: EventKind.REMEDIATION_NO_EFFECT,
    ExecutionState.FAILED: EventKind.REMEDIATION_FAILED,
    ExecutionState.NEEDS_HUMAN: EventKind.REMEDIATION_NEEDS_HUMAN,
    ExecutionState.APPLIED: EventKind.REMEDIATION_APPLIED,
}


class Remediating:
    """Plans, acts, verifies. `owner` is unique to this start of the process; `enabled` is the kill switch."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        clock: Clock,
        owner: str,
        reader: ClusterReader,
        planner: ScalePlanner,
        scaler: DeploymentScaler,
        limits: Callable[[RemediationRequest], ScaleBounds | None],
        verify_within: Callable[[str], timedelta],
        ask_again: Callable[[Approval, Plan], Awaitable[None]],
        enabled: Callable[[], bool],
    ) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock
        self._lease = Lease(owner=owner, duration=LEASE)
        self._reader = reader
        self._planner = planner
        self._scaler = scaler
        self._limits = limits
        self._verify_within = verify_within
        self._ask_again = ask_again
        self._enabled = enabled
        self._tasks: set[asyncio.Task[None]] = set()

    async def plan(self, request: RemediationRequest) -> Plan | Refusal:
        """What would be done, or why nothing may be; changes nothing."""
        if not self._enabled():
            return Refusal(
                reason=RefusalReason.DISABLED,
                sentence="Remediations are switched off (`remediations.enabled` is false).",
            )
        limits = self._limits(request)
        if limits is None:
            return Refusal(
                reason=RefusalReason.NOT_CONFIGURED,
                sentence=f"No deployment is configured for {request.service or 'this service'}.",
            )
        return await plan_scale(request, limits=limits, reader=self._reader, planner=self._planner)

    async def begin_due(self) -> int:
        """Claim unfinished executions and work on them in the background; how many were begun."""
        room = AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        async with self._store.transaction() as tx:
            claimed = await tx.executions.claim(self._lease, limit=room)
        for execution in claimed:
            task = asyncio.create_task(self._carry_out(execution))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed)

    async def settled(self) -> None:
        """Return once nothing that was begun is under way (for rehearsals and tests)."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Leave what is under way to the next start, and give the claims back."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._store.transaction() as tx:
            await tx.executions.release(self._lease.owner)

    async def _carry_out(self, execution: Execution) -> None:
        try:
            await self._steps(execution)
        except LightshipError:
            # The store is away or the claim was lost: the intent stays and is taken up again by whoever can.
            telemetry.LOOP_ERRORS.labels(loop="remediating").inc()

    async def _steps(self, execution: Execution) -> None:
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(execution.approval_id)
        if approval is None:
            return
        try:
            grant = grant_of(approval)
        except ValueError as error:
            await self._finish(execution, approval, ExecutionState.NEEDS_HUMAN, str(error))
            return
        if execution.state is ExecutionState.INTENDED:
            applied = await self._act(execution, approval, grant)
            if applied is None:
                return
            execution = applied
        await self._watch(execution, approval, grant)

    async def _act(self, execution: Execution, approval: Approval, grant: Grant) -> Execution | None:
        """Act once; the execution in its new state where it was applied, None where it ended or was lost."""
        if not self._enabled():
            await self._finish(execution, approval, ExecutionState.FAILED, "Remediations are switched off.")
            return None
        outcome = await recover(grant, reader=self._reader)
        if outcome.state is not ApplyState.APPLIED:
            # `apply` refuses by itself what is no longer the object that was approved.
            outcome = await self._apply(grant)
        fault("after-apply")
        match outcome.state:
            case ApplyState.APPLIED:
                return await self._finish(execution, approval, ExecutionState.APPLIED, outcome.sentence)
            case ApplyState.OBJECT_CHANGED:
                await self._finish(execution, approval, ExecutionState.FAILED, outcome.sentence)
                await self._plan_anew(approval)
            case ApplyState.NOT_APPLIED:
                await self._finish(execution, approval, ExecutionState.FAILED, outcome.sentence)
            case ApplyState.CANNOT_TELL:
                await self._finish(execution, approval, ExecutionState.NEEDS_HUMAN, outcome.sentence)
        return None

    async def _apply(self, grant: Grant) -> Applied:
        """Try while trying again can help: `apply` is safe to repeat with the same grant."""
        for attempt in range(1, TRIES + 1):
            fault("before-apply")
            outcome = await apply(grant, reader=self._reader, scaler=self._scaler)
            if outcome.retry_after is None or attempt == TRIES:
                break
            await self._clock.sleep(max(outcome.retry_after, float(attempt)))
        return outcome

    async def _watch(self, execution: Execution, approval: Approval, grant: Grant) -> None:
        """Watch the rollout until it is done, has failed, or the time is up."""
        deadline = execution.updated_at + self._verify_within(approval.plan.service)
        target, desired = grant.plan.target, int(grant.plan.arguments["replicas"])
        reason = "it was not looked at"
        while True:
            try:
                deployment = await self._reader.get(
                    Resource.DEPLOYMENTS, namespace=target.namespace, name=target.name
                )
            except LightshipError as error:
                reason = str(error)
            else:
                progress = observe(deployment, desired=desired)
                reason = progress.reason
                if progress.done or progress.failed:
                    state = ExecutionState.SUCCEEDED if progress.done else ExecutionState.NO_EFFECT
                    await self._finish(execution, approval, state, reason)
                    return
            async with self._store.transaction() as tx:
                if not await tx.executions.extend(approval.id, self._lease):
                    return
                now = tx.now
            if now >= deadline:
                await self._finish(execution, approval, ExecutionState.NO_EFFECT, f"time is up: {reason}")
                return
            await self._clock.sleep(POLL_SECONDS)

    async def _finish(
        self, execution: Execution, approval: Approval, state: ExecutionState, sentence: str
    ) -> Execution | None:
        """Keep the new state with its event; None where somebody else holds the execution now."""
        async with self._store.transaction() as tx:
            moved = replace(execution, state=state, updated_at=tx.now, outcome=sentence)
            if not await tx.executions.move(moved, was=execution.state, owner=self._lease.owner):
                return None
            await self._note(tx, approval, state, sentence)
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
            fault("before-outcome-commit")
        if state is not ExecutionState.APPLIED:
            action = approval.plan.action.value
            telemetry.REMEDIATIONS.labels(action=action, outcome=state.value).inc()
            took = (moved.updated_at - moved.started_at).total_seconds()
            telemetry.REMEDIATION_SECONDS.labels(action=action).observe(took)
        return moved

    async def _note(self, tx: Transaction, approval: Approval, state: ExecutionState, sentence: str) -> None:
        detail = {
            "approval": approval.id,
            "digest": approval.digest,
            "action": approval.plan.action.value,
            "target": str(approval.plan.target),
            "outcome": sentence,
        }
        incident = await tx.incidents.get(approval.incident_id) if approval.incident_id else None
        if incident is not None:
            await note(tx, self._ids, incident, _ENDS[state], actor=LIGHTSHIP, detail=detail)
            return
        await append(
            tx,
            self._ids,
            _ENDS[state],
            service=approval.plan.service,
            incident_id=None,
            actor=LIGHTSHIP,
            detail=detail,
        )

    async def _plan_anew(self, approval: Approval) -> None:
        """Show what it would be now, and ask again."""
        plan = approval.plan
        again = await self.plan(
            RemediationRequest(
                action=plan.action,
                service=plan.service,
                target=plan.target,
                arguments=plan.arguments,
                incident_id=approval.incident_id,
                reason=approval.reason,
            )
        )
        if isinstance(again, Plan):
            await self._ask_again(approval, again)
