"""What one transaction of the merging loop does with the webhooks that it took; made by `merging` alone.

The incidents of all of them are read in one go, and those of which only the times of the last telling are new
are written in one go: an Alertmanager that repeats a thousand groups says nothing new a thousand times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.absorbing import IntakeReason, absorb
from bot.domain.actors import LIGHTSHIP
from bot.domain.events import EventKind
from bot.engines.noting import note, show, show_neighbours, show_new

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.domain.alerts import Alert
    from bot.domain.events import Detail
    from bot.domain.incidents import Classification, Incident, IncidentKey, IntakeRules
    from bot.domain.routing import Part
    from bot.ports.clock import Ids
    from bot.ports.stores import Transaction

_LONGEST_TITLE = 200


class Batch:
    """What one transaction of the loop does, and what is to be told after it."""

    def __init__(
        self,
        tx: Transaction,
        *,
        ids: Ids,
        classify: Callable[[Alert], Classification],
        rules: IntakeRules,
    ) -> None:
        self.tx = tx
        self.burning: list[int] = []
        self.unmatched = 0
        self.beats = 0
        self._ids = ids
        self._classify = classify
        self._rules = rules
        self._alerts = 0
        self._changes = 0
        self._known: dict[IncidentKey, Incident] = {}
        self._repeated: dict[int, Incident] = {}
        self._turned: dict[str, Incident] = {}
        self._resolved: list[Incident] = []

    def weight(self, *, change: int) -> int:
        """How much was done: the alerts, and each change of an incident as so many of them."""
        return self._alerts + change * self._changes

    async def know(self, keys: Sequence[IncidentKey]) -> None:
        """Hold other replicas off these incidents, and read them."""
        await self.tx.incidents.lock(keys)
        self._known = dict(await self.tx.incidents.newest_of(keys))

    async def absorb(self, part: Part, *, received_at: datetime) -> None:
        """One service's part of one webhook."""
        self._alerts += len(part.group.alerts)
        last = self._known.get(part.key)
        outcome = absorb(
            last,
            part.group,
            key=part.key,
            channel=part.channel,
            received_at=received_at,
            now=self.tx.now,
            rules=self._rules,
            classify=self._classify,
            drill=part.drill,
        )
        if outcome.incident is None or (outcome.incident == last):
            return
        if outcome.reason is IntakeReason.REPEATED:
            self._known[part.key] = self._repeated[outcome.incident.id] = outcome.incident
            return
        self._changes += 1
        self._repeated.pop(outcome.incident.id, None)
        incident = self._known[part.key] = await self.tx.incidents.save(outcome.incident)
        if outcome.reason is IntakeReason.OPENED:
            await show_new(self.tx, self._ids, incident)
        else:
            await show(self.tx, self._ids, incident)
        match outcome.reason:
            case IntakeReason.OPENED:
                await self._note(
                    incident,
                    EventKind.OPENED,
                    severity=incident.severity.value,
                    title=incident.title[:_LONGEST_TITLE],
                )
                self.burning.append(incident.id)
            case IntakeReason.REOPENED:
                await self._note(incident, EventKind.REOPENED)
                self.burning.append(incident.id)
            case IntakeReason.RESOLVED:
                await self._note(
                    incident, EventKind.RESOLVED, resolution=incident.resolution and incident.resolution.value
                )
                self._resolved.append(incident)
            case _:
                await self._note_severity(last, incident)
        if outcome.reason is not IntakeReason.CHANGED:
            self._turned[incident.key.service] = incident

    async def finish(self) -> None:
        """Keep what was repeated. Once a service: the others name those that opened or ended."""
        await self.tx.incidents.update_all(tuple(self._repeated.values()))
        for incident in self._turned.values():
            await show_neighbours(self.tx, incident)

    def measure(self) -> None:
        """Count what was committed."""
        telemetry.HEARTBEATS.inc(self.beats)
        if self.unmatched:
            telemetry.ALERTS_UNMATCHED.inc(self.unmatched)
        for incident in self._resolved:
            if incident.drill:
                continue
            lasted = (self.tx.now - incident.opened_at).total_seconds()
            telemetry.TIME_TO_RESOLVE.labels(severity=incident.severity.value).observe(lasted)

    async def _note_severity(self, last: Incident | None, incident: Incident) -> None:
        if last is not None and last.severity is not incident.severity:
            await self._note(
                incident,
                EventKind.SEVERITY_CHANGED,
                before=last.severity.value,
                after=incident.severity.value,
            )

    async def _note(self, incident: Incident, kind: EventKind, **detail: Detail) -> None:
        await note(self.tx, self._ids, incident, kind, actor=LIGHTSHIP, detail=detail)
