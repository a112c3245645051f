"""Watching whether an action helped: the alerts' own expressions and the runbook's metric, until it is told.

A step of a loop: it finds what was done and is not watched, looks at what is due, and says in the thread how
it ended. Everything it knows is in the store, so a start of the process goes on where another one died. The
expressions come from Prometheus by the alert's name; nothing that a payload says is ever asked or fetched.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.errors import LightshipError
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.domain.remedies import ExecutionState
from bot.domain.verifications import (
    Reading,
    VerificationState,
    is_this_alert,
    judge,
)
from bot.domain.watching import begin, watching_of
from bot.engines.attaching import attach
from bot.engines.effect_pictures import effect_picture
from bot.engines.noting import note_about
from bot.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.domain.approvals import Approval
    from bot.domain.events import Detail
    from bot.domain.remedies import Execution
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.domain.verifications import Verification, WatchedAlert
    from bot.ports.clock import Ids
    from bot.ports.readers import MetricsReader, SeenRule
    from bot.ports.stores import Store, Transaction

LOOK_EVERY: Final = timedelta(seconds=10)
ANSWERS_WITHIN: Final = 10.0
STILL_NEWS: Final = timedelta(hours=1)
"""What was done longer ago and is not watched, as before an upgrade, is left alone."""

AT_ONCE: Final = 16

_TOLD: Final[Mapping[VerificationState, EventKind]] = {
    VerificationState.FIXED: EventKind.REMEDIATION_FIXED,
    VerificationState.NO_EFFECT: EventKind.REMEDIATION_UNFIXED,
    VerificationState.CANNOT_TELL: EventKind.REMEDIATION_UNVERIFIED,
}


class Verifying:
    """Watches. `settle` is intake's, `runbook` is asked anew each time, `metrics` is Prometheus."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        metrics: MetricsReader,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        settle: timedelta,
        look_every: timedelta = LOOK_EVERY,
        answers_within: float = ANSWERS_WITHIN,
    ) -> None:
        self._store = store
        self._ids = ids
        self._metrics = metrics
        self._services = services
        self._runbook = runbook
        self._settle = settle
        self._look_every = look_every
        self._answers_within = answers_within

    async def run_due(self) -> int:
        """Begin to watch what was done, and look at what is due; how many ended."""
        async with self._store.transaction() as tx:
            for execution, approval in await tx.verifications.unwatched(
                since=tx.now - STILL_NEWS, limit=AT_ONCE
            ):
                verification = await self._begin(tx, execution, approval)
                await tx.verifications.add(verification, due_at=tx.now)
            due = await tx.verifications.take(again_at=tx.now + self._look_every, limit=AT_ONCE)
        ended = await asyncio.gather(*(self._look(one) for one in due))
        return sum(ended)

    async def _begin(self, tx: Transaction, execution: Execution, approval: Approval) -> Verification:
        plan = approval.plan
        incident = await tx.incidents.peek(approval.incident_id) if approval.incident_id else None
        watching = watching_of(
            plan,
            incident=incident,
            runbook=self._runbook(plan.runbook or (incident.runbook if incident else None) or ""),
            service=self._services.get(plan.service),
            settle=self._settle,
        )
        return begin(
            watching,
            approval_id=approval.id,
            incident_id=approval.incident_id,
            began_at=execution.begun_at or execution.started_at,
        )

    async def _look(self, verification: Verification) -> bool:
        """Look once, and keep what follows; whether it ended by that."""
        before = verification.before
        if before is None:
            before = await self._value(verification, at=verification.began_at)
        reading = await self._read(verification)
        async with self._store.transaction() as tx:
            execution = await tx.executions.get(verification.approval_id)
            now = tx.now
        rolling = execution is not None and execution.state is ExecutionState.APPLIED
        reading = replace(reading, rollout_over=not rolling)
        judged = judge(replace(verification, before=before), reading, now=now)
        if judged.state is VerificationState.WATCHING:
            async with self._store.transaction() as tx:
                await tx.verifications.save(judged)
            return False
        return await self._end(judged, now=now)

    async def _end(self, judged: Verification, *, now: datetime) -> bool:
        """Keep a verdict with its graph, and tell it; False where another replica was quicker."""
        graph = await effect_picture(self._metrics, judged, now=now, within=self._answers_within)
        async with self._store.transaction() as tx:
            if not await tx.verifications.save(judged):
                return False
            await self._tell(tx, judged)
            incident = await tx.incidents.get(judged.incident_id) if judged.incident_id else None
            if incident is not None and graph is not None:
                await attach(tx, self._ids, incident, graph)
            fault("before-verdict-commit")
        fault("after-verdict-commit")
        telemetry.VERIFICATIONS.labels(outcome=judged.state.value).inc()
        return True

    async def _tell(self, tx: Transaction, verification: Verification) -> None:
        approval = await tx.approvals.get(verification.approval_id)
        if approval is None:
            return
        kind = _TOLD[verification.state]
        detail = numbers(verification)
        await note_about(tx, self._ids, approval, kind, actor=LIGHTSHIP, detail=detail)
        await tx.messages.touch(MessageKind.APPROVAL, approval.id)

    async def _read(self, verification: Verification) -> Reading:
        holds, why = [], ""
        for alert in verification.alerts:
            held, said = await self._holds(alert)
            holds.append(held)
            why = why or said
        value = await self._value(verification)
        return Reading(holds=tuple(holds), value=value, why=why)

    async def _holds(self, alert: WatchedAlert) -> tuple[bool | None, str]:
        """Whether the alert's condition holds now; None where that cannot be told, and why."""
        try:
            async with asyncio.timeout(self._answers_within):
                rules = await self._metrics.alerting_rules(alert.name)
                fitting = [rule for rule in rules if _raises(rule, alert)]
                if not fitting:
                    return None, f"Prometheus has no alert rule {alert.name} with these labels"
                for rule in fitting:
                    samples = await self._metrics.query(rule.expression)
                    if any(is_this_alert(alert, one.labels, rule.labels) for one in samples):
                        return True, ""
        except TimeoutError:
            return None, "Prometheus gave no answer in time"
        except LightshipError as error:
            return None, str(error)
        return False, ""

    async def _value(self, verification: Verification, *, at: datetime | None = None) -> float | None:
        """The metric's number, the highest where there are several; None where there is none."""
        if verification.metric is None:
            return None
        try:
            async with asyncio.timeout(self._answers_within):
                samples = await self._metrics.query(verification.metric.query, at=at)
        except (TimeoutError, LightshipError):
            return None
        return max((one.value for one in samples if math.isfinite(one.value)), default=None)


def _raises(rule: SeenRule, alert: WatchedAlert) -> bool:
    """Whether a rule of the alert's name is the one: severities often share a name. A template fits all."""
    return all(alert.labels.get(name) == value or "{{" in value for name, value in rule.labels.items())


def numbers(verification: Verification) -> Mapping[str, Detail]:
    """What the event of a verdict says: how long it took, and the metric before and after."""
    metric = verification.metric
    ended = verification.ended_at or verification.until
    return {
        "seconds": (ended - verification.began_at).total_seconds(),
        "metric": (metric.title or metric.name) if metric else "",
        "unit": metric.unit if metric else "",
        "before": verification.before,
        "after": verification.after,
        "why": verification.why,
    }
