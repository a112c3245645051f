"""One execution from its intent to its end: begun, acted on, watched, and told.

Driven by `remediating`, which claims; the only engine that reaches remediations and writers (`planning` makes
the plans). It acts on committed intents alone, and commits that it begins before it does: where an earlier
start began and died, the world is looked at before anything is done; a human is asked where it does not tell.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import Approval, Grant, grant_of, wish_of
from bot.domain.errors import LightshipError
from bot.domain.events import EventKind
from bot.domain.freezing import may_not_act
from bot.domain.messages import Lease, MessageKind
from bot.domain.remedies import (
    EXECUTION_TRANSITIONS,
    CallKind,
    Execution,
    ExecutionState,
    Failure,
    Plan,
    Refusal,
    RefusalReason,
)
from bot.engines.noting import note_about
from bot.faults import fault
from bot.remediations.acting import ANSWERS_WITHIN, Acting
from bot.remediations.outcomes import ApplyState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.domain.remedies import RemediationRequest
    from bot.ports.clock import Clock, Ids
    from bot.ports.readers import Readers
    from bot.ports.stores import Store, Transaction
    from bot.ports.writers import Writers

LEASE = timedelta(seconds=60)
POLL_SECONDS = 2.0
JOB_POLL_SECONDS = 10.0
JOBS_WITHIN = timedelta(hours=6)
"""A training takes its time, and nothing is wrong with one that still runs."""

TRACES_LAST = timedelta(minutes=30)
"""So long after acting began the cluster has the events of what was done: it keeps them for an hour."""

PLAN_HOLDS = timedelta(minutes=1)
"""A press has just planned; an intent that waited longer, as for a bot that was away, is planned again."""

_MET_BY_ACTING = frozenset({RefusalReason.UNREACHABLE, RefusalReason.OBJECT_CHANGED})
_ENDS = {
    ExecutionState.SUCCEEDED: EventKind.REMEDIATION_SUCCEEDED,
    ExecutionState.NO_EFFECT: EventKind.REMEDIATION_NO_EFFECT,
    ExecutionState.FAILED: EventKind.REMEDIATION_FAILED,
    ExecutionState.NEEDS_HUMAN: EventKind.REMEDIATION_NEEDS_HUMAN,
    ExecutionState.APPLIED: EventKind.REMEDIATION_APPLIED,
    ExecutionState.REHEARSED: EventKind.REMEDIATION_REHEARSED,
}
_FAILURES = {ExecutionState.FAILED: Failure.REFUSED, ExecutionState.NEEDS_HUMAN: Failure.CANNOT_TELL}
"""What an end is counted as where nothing more is known."""


class ClaimLost(Exception):  # noqa: N818 - no error: somebody else goes on with it
    """Another replica holds the execution now."""


class Executing:
    """Carries out one execution at a time of each approval; `lease` is this start's claim on them.

    `owner` is unique to this start of the process; `enabled` is configured.
    """

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        clock: Clock,
        owner: str,
        readers: Readers,
        writers: Writers,
        plan: Callable[[RemediationRequest], Awaitable[Plan | Refusal]],
        verify_within: Callable[[str], timedelta],
        ask_again: Callable[[Transaction, Approval, Plan], Awaitable[None]],
        enabled: Callable[[], bool],
        answers_within: float = ANSWERS_WITHIN,
    ) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock
        self._acting = Acting(
            readers=readers,
            writers=writers,
            clock=clock,
            enabled=lambda: enabled() and not self._frozen,
            answers_within=answers_within,
        )
        self.lease = Lease(owner=owner, duration=LEASE)
        self._plan = plan
        self._verify_within = verify_within
        self._ask_again = ask_again
        self._enabled = enabled
        self._answers_within = answers_within
        self._frozen = False

    async def look_up(self, execution: Execution) -> Execution:
        """The execution as it stands in the store. Raises ClaimLost where it has ended or is not ours."""
        async with self._store.transaction() as tx:
            ours = await tx.executions.extend(execution.approval_id, self.lease)
            found = await tx.executions.get(execution.approval_id)
        if not ours or found is None or not EXECUTION_TRANSITIONS[found.state]:
            raise ClaimLost
        return found

    async def to_its_end(self, execution: Execution) -> None:
        """Act where that is still to be done, and watch. Raises ClaimLost, and what the store raises."""
        approval = await self._approval(execution)
        if approval.drill:
            await self._rehearse(execution, approval)
            return
        try:
            grant = grant_of(approval)
        except ValueError as error:
            await self._finish(
                execution, approval, ExecutionState.NEEDS_HUMAN, str(error), failure=Failure.OWN_ERROR
            )
            return
        if execution.state is ExecutionState.INTENDED:
            applied = await self._act(execution, approval, grant)
            if applied is None:
                return
            execution = applied
        await self._watch(execution, approval, grant)

    async def _rehearse(self, execution: Execution, approval: Approval) -> None:
        """A drill's approval: plan once more, a dry run on the live object, and say what came of it."""
        async with self._store.transaction() as tx:
            stopped = may_not_act(await tx.freezes.current(), enabled=self._enabled())
        plan = None if stopped else await self._plan(wish_of(approval))
        if isinstance(plan, Plan):
            said = "a dry run was accepted; nothing was changed"
            await self._finish(execution, approval, ExecutionState.REHEARSED, said)
            return
        why = plan.sentence if plan is not None else stopped
        await self._finish(execution, approval, ExecutionState.FAILED, f"the dry run was refused: {why}")

    async def hand_over(self, execution: Execution) -> None:
        """Something of ours is broken: say so, and leave it to a human."""
        approval = await self._approval(execution)
        sentence = f"Lightship met an error of its own; look at {approval.plan.target}"
        await self._finish(
            execution, approval, ExecutionState.NEEDS_HUMAN, sentence, failure=Failure.OWN_ERROR
        )

    async def _approval(self, execution: Execution) -> Approval:
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(execution.approval_id)
        if approval is None:  # an intent is committed together with its grant, so the store was cleared
            raise ClaimLost
        return approval

    async def _act(self, execution: Execution, approval: Approval, grant: Grant) -> Execution | None:
        """Act once; the execution in its new state where it was applied, None where it ended."""
        resumed = execution.begun_at is not None
        if not resumed:
            begun = await self._begin(execution, approval)
            if begun is None:
                return None
            execution = begun
        outcome = await self._acting.act(
            grant,
            resumed=resumed,
            repeat_until=min(approval.expires_at, (execution.begun_at or execution.started_at) + TRACES_LAST),
            hold=lambda: self._hold_on(grant),
        )
        fault("after-apply")
        said = outcome.sentence
        if outcome.state is ApplyState.APPLIED:
            return await self._finish(execution, approval, ExecutionState.APPLIED, said)
        changed = outcome.state is ApplyState.OBJECT_CHANGED
        again = await self._plan(wish_of(approval)) if changed else None
        unclear = outcome.state is ApplyState.CANNOT_TELL
        end = ExecutionState.NEEDS_HUMAN if unclear else ExecutionState.FAILED
        await self._finish(execution, approval, end, said, again=again, failure=outcome.failure)
        return None

    async def _begin(self, execution: Execution, approval: Approval) -> Execution | None:
        """Commit that acting begins: whoever finds this mark later has to look at the world first.

        None where nothing may be done now.
        """
        overtaken = await self._overtaken(execution, approval)
        async with self._store.transaction() as tx:
            stopped = may_not_act(await tx.freezes.current(), enabled=self._enabled()) or overtaken
            begun = replace(execution, begun_at=tx.now)
            if not (stopped or await tx.executions.move(begun, was=execution.state, owner=self.lease.owner)):
                raise ClaimLost
        if stopped:
            await self._finish(execution, approval, ExecutionState.FAILED, stopped, failure=Failure.STOPPED)
        return None if stopped else begun

    async def _overtaken(self, execution: Execution, approval: Approval) -> str:
        """Why what was granted a while ago may not be done any more; empty where it may."""
        async with self._store.transaction() as tx:
            waited = tx.now - execution.started_at
        if waited < PLAN_HOLDS:
            return ""
        planned = await self._plan(wish_of(approval))
        if not isinstance(planned, Refusal) or planned.reason in _MET_BY_ACTING:
            return ""
        return f"something has changed since it was approved; nothing was done. {planned.sentence}"

    async def _hold_on(self, grant: Grant) -> datetime:
        """Keep the claim; the store's time. Raises ClaimLost."""
        async with self._store.transaction() as tx:
            if not await tx.executions.extend(grant.approval_id, self.lease):
                raise ClaimLost
            self._frozen = await tx.freezes.current() is not None
            return tx.now

    async def _watch(self, execution: Execution, approval: Approval, grant: Grant) -> None:
        """Watch the rollout until it is done, has failed, or the time is up."""
        is_job = approval.plan.call is not None and approval.plan.call.kind is CallKind.CREATE
        within = max(self._verify_within(approval.plan.service), JOBS_WITHIN if is_job else timedelta(0))
        deadline, rest = execution.updated_at + within, JOB_POLL_SECONDS if is_job else POLL_SECONDS
        while True:
            state, reason = await self._progress(grant)
            if state in {ExecutionState.SUCCEEDED, ExecutionState.NO_EFFECT}:
                await self._finish(execution, approval, state, reason)
                return
            if is_job and state is ExecutionState.APPLIED:
                execution = await self._show_progress(execution, approval, reason)
            if await self._hold_on(grant) >= deadline:
                late = ExecutionState.NO_EFFECT if state is ExecutionState.APPLIED else state
                await self._finish(execution, approval, late, f"time is up: {reason}")
                return
            await self._clock.sleep(rest)

    async def _show_progress(self, execution: Execution, approval: Approval, reason: str) -> Execution:
        """A Job takes its time: what it does is shown in the request's message. Raises ClaimLost."""
        if reason == execution.outcome:
            return execution
        async with self._store.transaction() as tx:
            seen = replace(execution, outcome=reason)
            if not await tx.executions.move(seen, was=execution.state, owner=self.lease.owner):
                raise ClaimLost
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
        return seen

    async def _progress(self, grant: Grant) -> tuple[ExecutionState, str]:
        """How far it is, in words; `needs_human` where that cannot be seen."""
        try:
            progress = await self._acting.progress(grant)
        except LightshipError as error:
            return ExecutionState.NEEDS_HUMAN, str(error)
        if progress.done:
            return ExecutionState.SUCCEEDED, progress.reason
        return ExecutionState.NO_EFFECT if progress.failed else ExecutionState.APPLIED, progress.reason

    async def _finish(
        self,
        execution: Execution,
        approval: Approval,
        state: ExecutionState,
        sentence: str,
        *,
        again: Plan | Refusal | None = None,
        failure: Failure | None = None,
    ) -> Execution:
        """Keep the new state with its event, and ask anew in the same breath. Raises ClaimLost."""
        async with self._store.transaction() as tx:
            moved = replace(execution, state=state, updated_at=tx.now, outcome=sentence)
            if not await tx.executions.move(moved, was=execution.state, owner=self.lease.owner):
                raise ClaimLost
            detail = {"outcome": sentence}
            await note_about(tx, self._ids, approval, _ENDS[state], actor=LIGHTSHIP, detail=detail)
            await tx.messages.touch(MessageKind.APPROVAL, approval.id)
            if isinstance(again, Plan):
                await self._ask_again(tx, approval, again)
            fault("before-outcome-commit")
        if state is not ExecutionState.APPLIED:
            action = approval.plan.action.value
            telemetry.REMEDIATIONS.labels(action=action, outcome=state.value).inc()
            why = failure or _FAILURES.get(state)
            if why is not None:
                telemetry.REMEDIATION_FAILURES.labels(reason=why.value).inc()
            took = (moved.updated_at - moved.started_at).total_seconds()
            telemetry.REMEDIATION_SECONDS.labels(action=action).observe(took)
        return moved
