"""What is watched after an action, known before it is approved: the metric, the alerts, and for how long.

Pure. The approval's message says it, and the verifying engine does it: one answer for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.verifications import Verification, VerificationState, WatchedAlert, WatchedMetric

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.incidents import Incident
    from bot.domain.remedies import Plan
    from bot.domain.runbooks import Runbook, RunbookRemediation
    from bot.domain.services import WatchedService

WITHIN: Final = timedelta(minutes=10)
_ALERTS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """What will be watched. Without alerts, and without a threshold of the metric, nothing can be told."""

    within: timedelta
    alerts: tuple[WatchedAlert, ...] = ()
    metric: WatchedMetric | None = None

    @property
    def can_tell(self) -> bool:
        """Whether it says if the action helped."""
        return bool(self.alerts) or (self.metric is not None and self.metric.threshold is not None)


def watching_of(
    plan: Plan,
    *,
    incident: Incident | None,
    runbook: Runbook | None,
    service: WatchedService | None,
    settle: timedelta,
) -> Watching:
    """What is watched once a plan was carried out.

    `runbook` is the one that it came from, else the incident's. An undo restores what was, so whether the
    alert fires then says nothing about it: nothing is watched.
    """
    wanted = _wanted(plan, runbook)
    within = service.verify_within if service else WITHIN
    if wanted is not None and wanted.verification is not None:
        within = wanted.verification.within
    if plan.undoes:
        return Watching(within=within)
    return Watching(
        within=within,
        alerts=_alerts(incident, settle) if incident else (),
        metric=_metric(service, wanted),
    )


def begin(
    watching: Watching, *, approval_id: str, incident_id: int | None, began_at: datetime
) -> Verification:
    """The watching itself, from the moment when acting began; one that cannot tell watches nothing."""
    return Verification(
        approval_id=approval_id,
        incident_id=incident_id,
        began_at=began_at,
        until=began_at + watching.within,
        state=VerificationState.WATCHING if watching.can_tell else VerificationState.NOT_WATCHED,
        alerts=watching.alerts,
        metric=watching.metric,
    )


def _wanted(plan: Plan, runbook: Runbook | None) -> RunbookRemediation | None:
    """The runbook's remediation: the one that was pressed, else the first of that action."""
    if runbook is None:
        return None
    alike = [one for one in runbook.remediations if one.action == plan.action.value and one.verification]
    return runbook.remediation(plan.remediation) or next(iter(alike), None)


def _alerts(incident: Incident, settle: timedelta) -> tuple[WatchedAlert, ...]:
    firing = incident.firing(settle=settle) or tuple(one.alert for one in incident.alerts)
    return tuple(WatchedAlert(name=one.name, labels=dict(one.labels)) for one in firing[:_ALERTS])


def _metric(service: WatchedService | None, wanted: RunbookRemediation | None) -> WatchedMetric | None:
    name = wanted.verification.metric if wanted and wanted.verification else ""
    found = next((one for one in service.metrics if one.name == name), None) if service else None
    if found is None:
        return None
    return WatchedMetric(
        name=found.name,
        query=found.query,
        title=found.title,
        unit=found.unit,
        threshold=found.threshold,
        worse=found.worse,
    )
