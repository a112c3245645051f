"""People taking and ending incidents by hand; called by the doors. Acts at once and is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.commands import AcknowledgeIncident, Outcome, OutcomeReason, ResolveIncident
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState, Resolution, acknowledge, end
from bot.engines.noting import note, note_too_late, show, show_neighbours

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.domain.actors import Actor
    from bot.domain.incidents import Incident
    from bot.ports.clock import Ids
    from bot.ports.stores import Store, Transaction


class Responding:
    """Acknowledges and resolves. `settle` is intake's, to say whether a resolved incident still fires."""

    def __init__(self, *, store: Store, ids: Ids, settle: timedelta) -> None:
        self._store = store
        self._ids = ids
        self._settle = settle

    async def acknowledge(self, command: AcknowledgeIncident) -> Outcome:
        """Take an incident; a second person is told who has it already."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(command.incident_id)
            if incident is None:
                return no_such_incident(command.incident_id)
            taken = acknowledge(incident, by=command.actor, now=tx.now)
            if taken is None:
                return await self._already(tx, incident, "acknowledge", command.actor)
            taken = await tx.incidents.save(taken)
            took = tx.now - taken.opened_at
            await note(tx, self._ids, taken, EventKind.ACKNOWLEDGED, actor=command.actor)
            await show(tx, self._ids, taken)
        if not taken.drill:
            severity = taken.severity.value
            telemetry.TIME_TO_ACKNOWLEDGE.labels(severity=severity).observe(took.total_seconds())
        return Outcome(reason=OutcomeReason.DONE, sentence=f"Incident #{taken.id} is yours.")

    async def resolve(self, command: ResolveIncident) -> Outcome:
        """End an incident by hand, whether or not its alerts still fire."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(command.incident_id)
            if incident is None:
                return no_such_incident(command.incident_id)
            ended = end(incident, Resolution.BY_HAND, now=tx.now, by=command.actor)
            if ended is None:
                return await self._already(tx, incident, "resolve", command.actor)
            ended = await tx.incidents.save(ended)
            took = tx.now - ended.opened_at
            firing = len(ended.firing(settle=self._settle))
            await note(
                tx,
                self._ids,
                ended,
                EventKind.RESOLVED,
                actor=command.actor,
                detail={"resolution": Resolution.BY_HAND.value, "still_firing": firing},
            )
            await show(tx, self._ids, ended)
            await show_neighbours(tx, ended)
        if not ended.drill:
            telemetry.TIME_TO_RESOLVE.labels(severity=ended.severity.value).observe(took.total_seconds())
        words = f"Incident #{ended.id} is resolved."
        if firing:
            words += " Its alerts still fire: only a new alert, or a new start of one, opens it again."
        return Outcome(reason=OutcomeReason.DONE, sentence=words)

    async def _already(self, tx: Transaction, incident: Incident, what: str, actor: Actor) -> Outcome:
        """Say what is so already; a press under an incident that is over is kept."""
        if incident.state is not IncidentState.RESOLVED:
            by = f" by <@{incident.acknowledged_by.id}>" if incident.acknowledged_by else ""
            words = f"Incident #{incident.id} is acknowledged already{by}."
            return Outcome(reason=OutcomeReason.ALREADY, sentence=words)
        await note_too_late(tx, self._ids, incident, what, actor=actor)
        words = f"Incident #{incident.id} is resolved already."
        return Outcome(reason=OutcomeReason.ALREADY, sentence=words)


def no_such_incident(incident_id: int) -> Outcome:
    """The answer to a number that no incident has."""
    return Outcome(reason=OutcomeReason.NOT_FOUND, sentence=f"There is no incident #{incident_id}.")
