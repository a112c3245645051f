"""Running checks: by themselves when an incident opens, on a press, or for a slash command.

The replica that saw an incident open looks at once; `catch_up` finds open incidents at which nobody has
looked since they opened or opened again, so a crash between that and looking loses no check. Checks of one
incident run side by side, bounded; each by itself at most once in `rest` an incident, and for people who
press at most once in `press_rest`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.commands import Outcome, OutcomeReason, RunChecks
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState
from bot.domain.messages import MessageKind
from bot.domain.runbooks import CheckStep
from bot.engines.attaching import attach_all, attach_all_to_message
from bot.engines.noting import note, put_in_thread, show
from bot.engines.responding import no_such_incident
from bot.engines.threads import thread_about

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import timedelta

    from bot.domain.actors import Actor
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.domain.runbooks import Argument, Runbook
    from bot.domain.services import WatchedService
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction

INCIDENTS_AT_ONCE = 4
MOST_DUE = 1_000
CATCH_UP_AT_MOST = 20
ASKED_ANEW_EVERY = 10
"""After so many rounds it is asked anew who was looked at: another replica may have seen one reopen."""


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
        press_rest: timedelta,
        at_once: int,
        always: Callable[[WatchedService, Runbook | None], Sequence[str]],
        note_causes: Callable[[Transaction, Ids, Incident], Awaitable[None]],
    ) -> None:
        self._store = store
        self._ids = ids
        self._services = services
        self._runbook = runbook
        self._look = look
        self._known = known
        self._rest = rest
        self._press_rest = press_rest
        self._always = always
        self._note_causes = note_causes
        self._slots = asyncio.Semaphore(at_once)
        self._due: deque[int] = deque()
        self._looked: set[int] = set()
        self._rounds = 0

    async def run(self, command: RunChecks) -> Outcome:
        """Run checks anew because somebody asked; the findings go into the thread."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.peek(command.incident_id)
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
                sentence="These checks ran a moment ago; their results are in the message.",
            )
        names = ", ".join(f"{finding.check}: {finding.verdict.value}" for finding in ran)
        return Outcome(reason=OutcomeReason.DONE, sentence=f"Checked {names}. The results are in the thread.")

    async def look(self, service: str, check: str, arguments: Mapping[str, Argument]) -> Finding:
        """One check of a service, for a private answer. Raises KeyError for an unknown service.

        What it attaches cannot be shown privately: it goes into the thread of the service's worst incident,
        else into that of the newest message which the check is about.
        """
        finding = await self._look_once(self._services[service], check, arguments)
        if not finding.attachments:
            return finding
        names = " and ".join(one.name for one in finding.attachments)
        async with self._store.transaction() as tx:
            where = await self._attach(tx, service, finding)
        said = f"{names}: not shown, because it goes into a thread and there is none about this"
        if where:
            said = f"{names}: follows in the thread of {where}"
        return replace(finding.without_attachments(), details=(*finding.details, said))

    async def _attach(self, tx: Transaction, service: str, finding: Finding) -> str:
        """Attach what somebody asked for; what its thread is called, empty where there is none."""
        for incident in await tx.incidents.unresolved(service=service, limit=1):
            await attach_all(tx, self._ids, incident, finding)
            return f"incident #{incident.id}"
        found = await thread_about(tx, service, finding.check)
        if found is None:
            return ""
        message, called = found
        await attach_all_to_message(tx, self._ids, message, finding)
        return called

    def opened(self, incidents: Iterable[int]) -> None:
        """These opened or reopened: their checks are due. Beyond a bound they are left to `catch_up`."""
        for number in incidents:
            if len(self._due) < MOST_DUE:
                self._due.append(number)

    async def run_due(self) -> int:
        """Run the checks of incidents that opened; how many incidents there were."""
        numbers = [self._due.popleft() for _ in range(min(INCIDENTS_AT_ONCE, len(self._due)))]
        await asyncio.gather(*(self._run_by_itself(number) for number in numbers))
        return len(numbers)

    async def catch_up(self) -> int:
        """Make the checks due of open incidents at which nobody has looked yet; how many those are."""
        self._rounds += 1
        if self._rounds % ASKED_ANEW_EVERY == 0:
            self._looked = set()
        looked: set[int] = set()
        waiting: list[int] = []
        for service in self._services:
            async with self._store.transaction() as tx:
                open_now = await tx.incidents.unresolved_ids(service=service, limit=MOST_DUE)
            looked.update(self._looked.intersection(open_now))
            unknown = [number for number in open_now if number not in looked and number not in self._due]
            for start in range(0, len(unknown), CATCH_UP_AT_MOST):
                if len(waiting) < CATCH_UP_AT_MOST:
                    waiting += await self._unlooked(unknown[start : start + CATCH_UP_AT_MOST], looked)
        self._looked = looked
        self.opened(waiting)
        return len(waiting)

    async def _unlooked(self, numbers: Sequence[int], looked: set[int]) -> list[int]:
        """Those that have a check to run and were not looked at; the others are added to `looked`."""
        waiting = []
        async with self._store.transaction() as tx:
            for number in numbers:
                if await _was_looked_at(tx, number):
                    looked.add(number)
                    continue
                incident = await tx.incidents.peek(number)
                shown = await tx.messages.find(MessageKind.INCIDENT, str(number))
                if shown is not None and shown.digest_of is not None:
                    continue
                if incident is not None and self._steps(incident, ()):
                    waiting.append(number)
        return waiting

    async def _run_by_itself(self, number: int) -> None:
        async with self._store.transaction() as tx:
            incident = await tx.incidents.peek(number)
            shown = await tx.messages.find(MessageKind.INCIDENT, str(number))
        service = self._services.get(incident.key.service) if incident else None
        if shown is not None and shown.digest_of is not None:
            telemetry.CHECKS_SKIPPED.inc()
            return
        if incident is not None and service is not None and incident.state is not IncidentState.RESOLVED:
            await self._run_all(incident, service, self._steps(incident, ()))

    def _steps(self, incident: Incident, names: Sequence[str]) -> tuple[CheckStep, ...]:
        """What can run of the runbook's steps and of what always runs; or what is named.

        A check has the runbook's arguments where it gives it any.
        """
        runbook = self._runbook(incident.runbook or "")
        steps = {
            step.check: step for step in (runbook.checks if runbook else ()) if step.check in self._known
        }
        service = self._services.get(incident.key.service)
        if not names:
            always = self._always(service, runbook) if service else ()
            added = [name for name in always if name in self._known and name not in steps]
            return (*steps.values(), *(CheckStep(title=name, check=name) for name in added))
        return tuple(steps.get(name) or CheckStep(title=name, check=name) for name in dict.fromkeys(names))

    async def _run_all(
        self,
        incident: Incident,
        service: WatchedService,
        steps: Sequence[CheckStep],
        *,
        by: Actor | None = None,
    ) -> list[Finding]:
        rest = self._rest if by is None else self._press_rest
        async with self._store.transaction() as tx:
            names = {step.check for step in steps}
            free = await tx.findings.reserve(incident.id, names, not_before=rest)
        looks = (self._look_once(service, step.check, step.arguments) for step in steps if step.check in free)
        findings = await asyncio.gather(*looks)
        if findings:
            await self._keep(incident, findings, by=by)
        return findings

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
            # Looking took its time: the severity, which says how urgent its messages are, may have changed.
            incident = await tx.incidents.get(incident.id) or incident
            await tx.findings.save(incident.id, *findings)
            for finding in findings:
                await attach_all(tx, self._ids, incident, finding)
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
            await self._note_causes(tx, self._ids, incident)
            await show(tx, self._ids, incident)


async def _was_looked_at(tx: Transaction, number: int) -> bool:
    """Whether there are findings, and none of them is of before the incident was reopened the last time."""
    if not await tx.findings.of_incident(number):
        return False
    last = await tx.events.newest(number, (EventKind.REOPENED, EventKind.CHECK_RUN))
    return last is None or last.kind is EventKind.CHECK_RUN


def _refused(sentence: str) -> Outcome:
    return Outcome(reason=OutcomeReason.REFUSED, sentence=sentence)
