"""Proposing a retraining: what speaks for it is weighed after each drift report, and now and then without.

A job by the clock, run by one replica a tick; bootstrap adds it. It asks for an approval like a person does,
with what speaks for it as the reason, and then rests: the same drift is there again with the next report.
That request is its own mark, so a start that died behind it is not followed by another one. Nothing is
trained by this.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.remedies import Action, RemediationRequest, Target
from bot.domain.retraining import RetrainingVerdict
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.domain.commands import Outcome
    from bot.domain.incidents import Incident
    from bot.domain.retraining import RetrainingDecision
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.ports.stores import Store, Transaction

AT_LEAST_EVERY: Final = timedelta(hours=6)
"""Accuracy and age change without a drift report."""

_REASON: Final = 500
_LOG = Log("proposing_retraining")


class ProposingRetraining:
    """Weighs what is due. `weigh` reads the world, `request` is the approving engine's."""

    def __init__(
        self,
        *,
        store: Store,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        weigh: Callable[[str], Awaitable[RetrainingDecision | None]],
        request: Callable[[RequestRemediation], Awaitable[Outcome]],
    ) -> None:
        self._store = store
        self._services = services
        self._runbook = runbook
        self._weigh = weigh
        self._request = request

    async def step(self) -> int:
        """Weigh the services of which something is new; how many were proposed to be trained anew."""
        proposed = 0
        for service in self._services.values():
            if service.model and service.cronjob and service.retraining.proposes:
                proposed += await self._look(service)
        return proposed

    async def _look(self, service: WatchedService) -> bool:
        async with self._store.transaction() as tx:
            due, looked_at = await _is_due(tx, service), tx.now
        decision = await self._weigh(service.name) if due else None
        if decision is None:
            return False
        telemetry.RETRAINING_DECISIONS.labels(outcome=decision.verdict.value).inc()
        _LOG.info(LogAction.RETRAINING_WEIGHED, service=service.name, verdict=decision.verdict.value)
        propose = decision.verdict is RetrainingVerdict.PROPOSED
        proposed = propose and await self._propose(service, decision)
        if propose or not decision.unanswered:
            # Behind the request: a start that dies in between would else leave it out for hours. So would be
            # what was not told now: the next tick asks for it again.
            async with self._store.transaction() as tx:
                await tx.heartbeats.beat(_weighed(service), looked_at)
        return proposed

    async def _propose(self, service: WatchedService, decision: RetrainingDecision) -> bool:
        """Ask for it, unless somebody is or was asked; whether it was asked for."""
        async with self._store.transaction() as tx:
            if not await _is_rested(tx, service):
                return False
            incident = await self._incident(tx, service)
        wish = _wish(service, decision, incident)
        outcome = await self._request(RequestRemediation(request=wish, actor=LIGHTSHIP))
        return outcome.reason is OutcomeReason.DONE

    async def _incident(self, tx: Transaction, service: WatchedService) -> Incident | None:
        """The worst open incident whose runbook would retrain: the request belongs into its thread."""
        for incident in await tx.incidents.unresolved(service=service.name, limit=20):
            runbook = self._runbook(incident.runbook or "")
            if runbook and any(one.action == Action.RETRAIN.value for one in runbook.remediations):
                return incident
        return None


async def _is_due(tx: Transaction, service: WatchedService) -> bool:
    """Whether there is a report that was not weighed, or nothing was weighed for long."""
    last = await tx.heartbeats.last(_weighed(service))
    published = await tx.drift_reports.latest(service.name)
    if last is None or tx.now - last >= AT_LEAST_EVERY:
        return True
    return published is not None and published.made_at > last


async def _is_rested(tx: Transaction, service: WatchedService) -> bool:
    """Whether nobody is asked already, and the last proposal, whatever became of it, is long enough ago."""
    lately = await tx.approvals.asked(service=service.name, since=tx.now - service.retraining.rest)
    waiting = await tx.approvals.requested(service=service.name)
    asked = (*waiting, *(one for one in lately if one.requester == LIGHTSHIP))
    return not any(one.plan.action is Action.RETRAIN for one in asked)


def _wish(
    service: WatchedService, decision: RetrainingDecision, incident: Incident | None
) -> RemediationRequest:
    return RemediationRequest(
        action=Action.RETRAIN,
        service=service.name,
        target=Target(kind="CronJob", namespace=service.namespace, name=service.cronjob),
        arguments={},
        incident_id=incident.id if incident else None,
        reason=decision.words[:_REASON],
        runbook=(incident.runbook or "") if incident else "",
    )


def _weighed(service: WatchedService) -> str:
    return f"retraining/{service.name}/weighed"
