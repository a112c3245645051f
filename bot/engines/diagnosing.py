"""Running checks: by themselves when an incident opens, on a press, or for a slash command.

The wish to look at what opened is kept in the store, not in this process, so a crash between opening and
looking loses no check. Checks of one incident run side
by side, bounded; each at most once in `rest` an incident.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.commands import Outcome, OutcomeReason, RunChecks
from bot.domain.events import EventKind
from bot.domain.messages import Lease, MessageKind
from bot.domain.runbooks import CheckStep
from bot.engines.noting import note, put_in_thread, show
from bot.engines.responding import no_such_incident

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from bot.domain.actors import Actor
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.domain.runbooks import Argument, Runbook
    from bot.domain.services import WatchedService
    from bot.ports.clock import Ids
    from bot.ports.stores import Store

LEASE = timedelta(minutes=2)
INCIDENTS_AT_ONCE = 4


class Diagnosing:
    """Runs checks and keeps what they find. `look` runs one check within its own time limit, never raises."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        look: Callable[[WatchedService, str, Mapping[str, Argument]], Awaitable[Finding]],
        known: Collection[str],
        rest: timedelta,
        at_once: int,
        owner: str,
    ) -> None:
        self._store = store
        self._ids = ids
        self._services = services
        self._runbook = runbook
        self._look = look
        self._known = known
        self._rest = rest
        self._slots = asyncio.Semaphore(at_once)
        self._lease = Lease(owner=owner, duration=LEASE)

    async def run(self, command: RunChecks) -> Outcome:
        """Run checks anew because somebody asked; the findings go into the thread."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(command.incident_id)
        if incident is None:
            return no_such_incident(command.incident_id)
        service = self._services.get(incident.key.service)
        if service is None:
            return _refused(
                f"No service is configured for incident #{incident.id}, so nothing can be checked."
            )
        unknown = [name for name in command.checks if name not in self._known]
        if unknown:
            known = ", ".join(sorted(self._known))
            return _refused(f"There is no check called {unknown[0]}; there are {known}.")
        wanted = self._steps(incident, command.checks)
        if not wanted:
            return _refused("The runbook of this incident names no check that can run.")
        ran = await self._run_all(incident, service, wanted, by=command.actor)
        if not ran:
            return Outcome(
                reason=OutcomeReason.ALREADY,
                sentence="These checks ran less than a minute ago; their results are in the message.",
            )
        names = ", ".join(f"{finding.check}: {finding.verdict.value}" for finding in ran)
        return Outcome(reason=OutcomeReason.DONE, sentence=f"Checked {names}. The results are in the thread.")

    async def look(self, service: str, check: str, arguments: Mapping[str, Argument]) -> Finding:
        """One check of a service, for a private answer. Raises KeyError for an unknown service."""
        return await self._look_once(self._services[service], check, arguments)

    async def run_wished(self) -> int:
        """Run the checks of incidents that opened; how many incidents there were."""
        async with self._store.transaction() as tx:
            claimed = await tx.incidents.claim_checks(self._lease, limit=INCIDENTS_AT_ONCE)
            found = [await tx.incidents.get(number) for number in claimed]
        await asyncio.gather(*(self._run_wish(incident) for incident in found if incident is not None))
        return len(claimed)

    async def _run_wish(self, incident: Incident) -> None:
        service = self._services.get(incident.key.service)
        if service is not None:
            await self._run_all(incident, service, self._steps(incident, ()))
        async with self._store.transaction() as tx:
            await tx.incidents.checks_done(incident.id, owner=self._lease.owner)

    def _steps(self, incident: Incident, names: Sequence[str]) -> tuple[CheckStep, ...]:
        """The runbook's steps that can run; the named ones, with the runbook's arguments where it has any."""
        runbook = self._runbook(incident.runbook or "")
        steps = {
            step.check: step for step in (runbook.checks if runbook else ()) if step.check in self._known
        }
        if not names:
            return tuple(steps.values())
        return tuple(steps.get(name) or CheckStep(title=name, check=name) for name in names)

    async def _run_all(
        self,
        incident: Incident,
        service: WatchedService,
        steps: Sequence[CheckStep],
        *,
        by: Actor | None = None,
    ) -> list[Finding]:
        results = await asyncio.gather(*(self._run_one(incident, service, step) for step in steps))
        findings = [finding for finding in results if finding is not None]
        if findings:
            await self._keep(incident, findings, by=by)
        return findings

    async def _run_one(self, incident: Incident, service: WatchedService, step: CheckStep) -> Finding | None:
        async with self._store.transaction() as tx:
            if not await tx.findings.reserve(incident.id, step.check, not_before=self._rest):
                return None
        return await self._look_once(service, step.check, step.arguments)

    async def _look_once(
        self, service: WatchedService, check: str, arguments: Mapping[str, Argument]
    ) -> Finding:
        async with self._slots:
            with telemetry.CHECK_SECONDS.labels(check=check).time():
                finding = await self._look(service, check, arguments)
        telemetry.CHECKS.labels(check=check, outcome=finding.verdict.value).inc()
        return finding

    async def _keep(self, incident: Incident, findings: Sequence[Finding], *, by: Actor | None) -> None:
        async with self._store.transaction() as tx:
            for finding in findings:
                await tx.findings.save(incident.id, finding)
                await note(
                    tx,
                    self._ids,
                    incident,
                    EventKind.CHECK_RUN,
                    actor=by or LIGHTSHIP,
                    detail={
                        "check": finding.check,
                        "verdict": finding.verdict.value,
                        "summary": finding.summary,
                    },
                )
                if by is not None:
                    await put_in_thread(
                        tx,
                        self._ids,
                        incident,
                        kind=MessageKind.FINDINGS,
                        subject=f"{incident.id}/{finding.check}",
                    )
            await show(tx, self._ids, incident)


def _refused(sentence: str) -> Outcome:
    return Outcome(reason=OutcomeReason.REFUSED, sentence=sentence)
