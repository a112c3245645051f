"""Gathering what private answers show: a service at a glance, alerts, incidents, a timeline, a runbook.

Called by the doors; changes nothing. Each answer is read in one transaction, so that its parts agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.freezing import in_force
from bot.domain.incidents import worst_first
from bot.engines.composing import render_runbook
from bot.engines.ranking_causes import NEIGHBOURS, RankingCauses
from bot.engines.timelines import timeline_view
from bot.rendering.cause_words import first_words
from bot.rendering.views import (
    AlertLine,
    AlertsView,
    IncidentLine,
    IncidentsView,
    RunbookView,
    StatusView,
    TimelineView,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import timedelta

    from bot.domain.alerts import Alert
    from bot.domain.findings import Finding
    from bot.domain.incidents import Classification, Incident
    from bot.domain.runbooks import Runbook
    from bot.domain.services import WatchedService
    from bot.ports.stores import Store

RANKED = 15
"""How many incidents of a list are shown with their first cause."""


class Reporting:
    """Views for private answers. `runbook`, `classify` and `enabled` (remediations) are asked each time."""

    def __init__(
        self,
        *,
        store: Store,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        classify: Callable[[Alert], Classification],
        settle: timedelta,
        checks: Collection[str],
        enabled: Callable[[], bool],
    ) -> None:
        self._enabled = enabled
        self._store = store
        self._services = services
        self._runbook = runbook
        self._classify = classify
        self._settle = settle
        self._checks = checks
        self._ranking = RankingCauses(services=services, runbook=runbook, classify=classify, settle=settle)

    async def status(self, service: str) -> StatusView:
        """What is open, what the checks of open incidents found last, what waits, what is undelivered."""
        async with self._store.transaction() as tx:
            incidents = await tx.incidents.unresolved(service=service)
            newest: dict[str, Finding] = {}
            of_each: dict[int, tuple[Finding, ...]] = {}  # of those whose causes are ranked
            for incident in incidents:
                found = await tx.findings.of_incident(incident.id)
                if len(of_each) < RANKED:
                    of_each[incident.id] = found
                for finding in found:
                    known = newest.get(finding.check)
                    if known is None or finding.observed_at > known.observed_at:
                        newest[finding.check] = finding
            backlog = await tx.messages.backlog()
            return StatusView(
                service=service,
                open=self._lines(incidents, of_each),
                findings=tuple(newest[name] for name in sorted(newest)),
                waiting=await tx.approvals.requested(service=service),
                frozen=in_force(await tx.freezes.current(), enabled=self._enabled(), now=tx.now),
                undelivered=backlog.waiting,
                oldest=backlog.oldest,
                now=tx.now,
            )

    async def alerts(self, service: str) -> AlertsView:
        """The firing alerts of all open incidents, each alert once, worst first."""
        async with self._store.transaction() as tx:
            incidents = await tx.incidents.unresolved(service=service)
            now = tx.now
        firing = {a.fingerprint: a for incident in incidents for a in incident.firing(settle=self._settle)}
        rated = worst_first(tuple(firing.values()), self._classify)
        return AlertsView(
            service=service,
            firing=tuple(AlertLine(alert=alert, severity=meaning.severity) for alert, meaning in rated),
            now=now,
        )

    async def incidents(self, service: str) -> IncidentsView:
        """The open incidents, worst first."""
        async with self._store.transaction() as tx:
            incidents = await tx.incidents.unresolved(service=service)
            of_each = {
                incident.id: await tx.findings.of_incident(incident.id) for incident in incidents[:RANKED]
            }
            return IncidentsView(service=service, open=self._lines(incidents, of_each), now=tx.now)

    async def timeline(self, incident_id: int) -> TimelineView | None:
        """What happened to an incident, oldest first; None where there is no such incident."""
        async with self._store.transaction() as tx:
            return await timeline_view(tx, incident_id)

    async def runbook(self, service: str, name: str, incident_id: int | None) -> RunbookView | None:
        """The named runbook for an incident, its steps with what was found; None where there is none."""
        runbook = self._runbook(name)
        if runbook is None:
            return None
        incident: Incident | None = None
        findings: tuple[Finding, ...] = ()
        if incident_id is not None:
            async with self._store.transaction() as tx:
                incident = await tx.incidents.peek(incident_id)
                findings = await tx.findings.of_incident(incident_id)
        return render_runbook(
            runbook,
            alert=self._worst_alert(incident, runbook),
            incident=incident,
            service=self._services.get(service),
            findings=findings,
            checks=self._checks,
        )

    def _worst_alert(self, incident: Incident | None, runbook: Runbook) -> Alert | None:
        """The alert that the runbook speaks of: of those it serves the worst, else the incident's worst."""
        if incident is None:
            return None
        rated = worst_first(incident.firing(settle=self._settle), self._classify)
        served = [alert for alert, meaning in rated if meaning.runbook == runbook.name]
        known = [*served, *(alert for alert, _ in rated), *(tracked.alert for tracked in incident.alerts)]
        return known[0] if known else None

    def _lines(
        self, incidents: tuple[Incident, ...], of_each: Mapping[int, tuple[Finding, ...]]
    ) -> tuple[IncidentLine, ...]:
        return tuple(
            IncidentLine(
                incident=incident,
                firing=len(incident.firing(settle=self._settle)),
                cause=self._cause(incident, of_each.get(incident.id, ()), incidents),
            )
            for incident in incidents
        )

    def _cause(
        self, incident: Incident, findings: tuple[Finding, ...], incidents: tuple[Incident, ...]
    ) -> str:
        if not findings:
            return ""
        others = [other for other in incidents[: NEIGHBOURS + 1] if other.id != incident.id]
        return first_words(self._ranking.rank(incident, findings, others=others), with_evidence=False)
