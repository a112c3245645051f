"""Plans for approvals: what would be done, or why nothing may be. It looks and dry-runs, and changes nothing.

Called by the approving engine, and by the executing engine where the object is no longer what was approved.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bot.domain.remedies import Action, ExecutionState, Plan, Refusal, RefusalReason
from bot.remediations.planning import Asking
from bot.remediations.registry import plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.bounds import Bounds
    from bot.domain.remedies import RemediationRequest
    from bot.domain.retraining import RetrainingDecision
    from bot.ports.clock import Clock
    from bot.ports.planners import ClusterPlanner
    from bot.ports.readers import Readers
    from bot.ports.stores import Store

ANSWERS_WITHIN: Final = 30.0
_PERHAPS_DONE: Final = frozenset(
    {
        ExecutionState.APPLIED,
        ExecutionState.SUCCEEDED,
        ExecutionState.NO_EFFECT,
        ExecutionState.NEEDS_HUMAN,
    }
)
"""Where something may have been done; an undo compares with the world what that was."""


class Planning:
    """Makes plans. `answers_within` (seconds) bounds each of them; `enabled` is configured.

    `weigh` says what speaks for and against training a service's model anew.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        readers: Readers,
        planner: ClusterPlanner,
        bounds: Callable[[RemediationRequest], Bounds | None],
        enabled: Callable[[], bool],
        weigh: Callable[[str], Awaitable[RetrainingDecision | None]],
        answers_within: float = ANSWERS_WITHIN,
    ) -> None:
        self._store = store
        self._clock = clock
        self._readers = readers
        self._planner = planner
        self._bounds = bounds
        self._enabled = enabled
        self._weigh = weigh
        self._answers_within = answers_within

    async def plan(self, request: RemediationRequest) -> Plan | Refusal:
        """What would be done, or why nothing may be. Raises what the store raises."""
        if not self._enabled():
            words = "Remediations are switched off (`remediations.enabled` is false)."
            return Refusal(reason=RefusalReason.DISABLED, sentence=words)
        bounds = self._bounds(request)
        if bounds is None:
            words = f"Nothing in a cluster is configured for {request.service or 'this service'}."
            return Refusal(reason=RefusalReason.NOT_CONFIGURED, sentence=words)
        asking = Asking(
            request=request,
            bounds=bounds,
            readers=self._readers,
            planner=self._planner,
            now=self._clock.now(),
            done=await self._undone(request),
        )
        try:
            async with asyncio.timeout(self._answers_within):
                if request.action is Action.RETRAIN and not request.undoes:
                    asking = replace(asking, training=await self._weigh(request.service))
                return await plan(asking)
        except TimeoutError:
            who = "Kubernetes" if request.target.namespace else "MLflow"
            words = f"{who} cannot be asked now: it does not answer."
            return Refusal(reason=RefusalReason.UNREACHABLE, sentence=words)

    async def _undone(self, request: RemediationRequest) -> Plan | None:
        """The plan that the request takes back, if it was, or may have been, applied."""
        if not request.undoes:
            return None
        async with self._store.transaction() as tx:
            approval = await tx.approvals.get(request.undoes)
            execution = await tx.executions.get(request.undoes)
        perhaps = execution is not None and execution.state in _PERHAPS_DONE
        return approval.plan if approval is not None and perhaps else None
