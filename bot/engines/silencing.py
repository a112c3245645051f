"""Alertmanager silences for an incident's group, made and lifted at once by responders; called by the doors.

A silence carries a mark of its incident at the end of its comment. Before one is made the mark is looked
for, so a lost answer or a crash leads to the same silence again instead of a second one. Of two presses in
the same moment, as on two replicas, the one that is recorded first stands, and the other one's silence is
ended; lifting ends every silence with the mark, also one that a crash kept from the record.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from bot.domain.commands import LiftSilence, Outcome, OutcomeReason, SilenceIncident
from bot.domain.durations import format_duration, rough_duration
from bot.domain.errors import Ambiguous, LightshipError, NotFound, Temporary
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState, SilenceMark
from bot.domain.matchers import Matcher, Operator
from bot.engines.noting import note, note_too_late, show
from bot.engines.responding import no_such_incident
from bot.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.domain.actors import Actor
    from bot.domain.events import Detail
    from bot.domain.incidents import Incident
    from bot.ports.clock import Ids
    from bot.ports.readers import AlertmanagerReader, Silence
    from bot.ports.stores import Store, Transaction
    from bot.ports.writers import Silencer

SHORTEST = timedelta(minutes=1)


class SilenceRefusal(StrEnum):
    """Why a silence is not made."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    RESOLVED = "resolved"
    WOULD_SILENCE_THE_SERVICE = "would_silence_the_service"
    DRILL = "drill"


class Silencing:
    """Makes and lifts silences. `own_matchers` gives a service's matchers, which every silence includes."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        silencer: Silencer,
        reader: AlertmanagerReader,
        own_matchers: Callable[[str], Sequence[Matcher]],
        longest: timedelta,
    ) -> None:
        self._store = store
        self._ids = ids
        self._silencer = silencer
        self._reader = reader
        self._own_matchers = own_matchers
        self._longest = longest

    async def silence(self, command: SilenceIncident) -> Outcome:
        """Silence the incident's group for the wished time, at most the configured longest."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.peek(command.incident_id)
            now = tx.now
        if incident is None:
            return no_such_incident(command.incident_id)
        own = self._own_matchers(incident.key.service)
        matchers = group_matchers(incident, own)
        refusal = refuse(incident, matchers, own, command, self._longest)
        if refusal is SilenceRefusal.RESOLVED:
            async with self._store.transaction() as tx:
                await note_too_late(tx, self._ids, incident, "silence", actor=command.actor)
        if refusal is not None:
            return Outcome(reason=OutcomeReason.REFUSED, sentence=self._refusal_words(refusal))
        try:
            adopted = await self._marked(incident, command.actor)
            if adopted is not None and incident.silence is not None and adopted.id == incident.silence.id:
                return _already(incident.id, adopted, now)
            mark = adopted or await self._create(incident, matchers, command, now)
        except LightshipError as error:
            return Outcome(
                reason=OutcomeReason.UNAVAILABLE, sentence=f"Alertmanager did not take the silence: {error}"
            )
        fault("after-silence")
        return await self._keep(incident, mark, command)

    async def lift(self, command: LiftSilence) -> Outcome:
        """End the incident's silence now."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.peek(command.incident_id)
        if incident is None:
            return no_such_incident(command.incident_id)
        known = incident.silence.id if incident.silence else None
        try:
            silences = await self._active(incident)
            ending = dict.fromkeys([*([known] if known else []), *(silence.id for silence in silences)])
            for silence_id in ending:
                # An Alertmanager that lost its memory has none of it: that is as good as ended.
                with suppress(NotFound):
                    await self._silencer.expire(silence_id)
        except LightshipError as error:
            return Outcome(
                reason=OutcomeReason.UNAVAILABLE, sentence=f"Alertmanager did not end the silence: {error}"
            )
        fault("after-lift")
        if not ending:
            return Outcome(reason=OutcomeReason.ALREADY, sentence=f"Incident #{incident.id} is not silenced.")
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(command.incident_id)
            if incident is None:
                return no_such_incident(command.incident_id)
            if incident.silence is not None and incident.silence.id in ending:
                heard = replace(incident, silence=None, updated_at=tx.now, revision=incident.revision + 1)
                incident = await tx.incidents.save(heard)
            elif known is not None:
                return Outcome(reason=OutcomeReason.ALREADY, sentence="The silence was lifted meanwhile.")
            await note(tx, self._ids, incident, EventKind.SILENCE_LIFTED, actor=command.actor)
            await show(tx, self._ids, incident)
        return Outcome(reason=OutcomeReason.DONE, sentence=f"Incident #{incident.id} is heard again.")

    async def _create(
        self, incident: Incident, matchers: Sequence[Matcher], command: SilenceIncident, now: datetime
    ) -> SilenceMark:
        """Make it; look for its mark when the answer was lost."""
        ends_at = now + command.duration
        comment = f"{command.reason or 'no reason given'} {comment_mark(incident)}"
        try:
            silence_id = await self._silencer.create(
                matchers=matchers,
                starts_at=now,
                ends_at=ends_at,
                created_by=f"lightship for {command.actor.id}",
                comment=comment,
            )
        except Ambiguous as lost:
            adopted = await self._marked(incident, command.actor)
            if adopted is None:
                raise Temporary("the answer was lost and no silence of ours is there; try again") from lost
            return adopted
        return SilenceMark(
            id=silence_id, by=command.actor, reason=command.reason, starts_at=now, ends_at=ends_at
        )

    async def _marked(self, incident: Incident, actor: Actor) -> SilenceMark | None:
        for silence in await self._active(incident):
            return SilenceMark(
                id=silence.id,
                by=actor,
                reason=silence.comment.removesuffix(comment_mark(incident)).strip(),
                starts_at=silence.starts_at,
                ends_at=silence.ends_at,
            )
        return None

    async def _active(self, incident: Incident) -> list[Silence]:
        """The silences that carry the incident's mark and have not ended, as Alertmanager's clock has it."""
        mark = comment_mark(incident)
        held = await self._reader.silences()
        return [one for one in held if one.comment.endswith(mark) and one.state != "expired"]

    async def _keep(self, seen: Incident, mark: SilenceMark, command: SilenceIncident) -> Outcome:
        """Record it, unless somebody else's was recorded since the incident was `seen`: one stands."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(seen.id)
            if incident is None:
                return no_such_incident(seen.id)
            quicker, now = incident.silence, tx.now
            if quicker is None or (seen.silence is not None and quicker.id == seen.silence.id):
                await self._record(tx, incident, mark, command)
                span = _minutes(mark.ends_at - mark.starts_at)
                words = f"Incident #{seen.id} is silenced for {span}."
                return Outcome(reason=OutcomeReason.DONE, sentence=words)
        if quicker.id != mark.id:
            # Where this fails too, lifting finds it by its mark.
            with suppress(LightshipError):
                await self._silencer.expire(mark.id)
        return _already(seen.id, quicker, now)

    async def _record(
        self, tx: Transaction, incident: Incident, mark: SilenceMark, command: SilenceIncident
    ) -> None:
        quiet = replace(incident, silence=mark, updated_at=tx.now, revision=incident.revision + 1)
        quiet = await tx.incidents.save(quiet)
        detail: dict[str, Detail] = {
            "until": int(mark.ends_at.timestamp()),
            "reason": mark.reason,
            "silence": mark.id,
        }
        await note(tx, self._ids, quiet, EventKind.SILENCED, actor=command.actor, detail=detail)
        await show(tx, self._ids, quiet)

    def _refusal_words(self, refusal: SilenceRefusal) -> str:
        match refusal:
            case SilenceRefusal.TOO_SHORT:
                return f"A silence lasts {format_duration(SHORTEST)} at least."
            case SilenceRefusal.TOO_LONG:
                return f"A silence lasts {format_duration(self._longest)} at most."
            case SilenceRefusal.RESOLVED:
                return "The incident is resolved; there is nothing to silence."
            case SilenceRefusal.DRILL:
                return "This is a drill: its group may be that of real alerts, so nothing is silenced."
            case SilenceRefusal.WOULD_SILENCE_THE_SERVICE:
                return (
                    "The group has no labels beyond the service's own, so the silence would hide the whole "
                    "service. Group the route by alertname, or silence in Alertmanager."
                )


def _already(incident_id: int, mark: SilenceMark, now: datetime) -> Outcome:
    left = _minutes(mark.ends_at - now)
    words = f"Incident #{incident_id} is silenced already, for {left} more; lift that first."
    return Outcome(reason=OutcomeReason.ALREADY, sentence=words)


def _minutes(span: timedelta) -> str:
    """In whole minutes: Alertmanager begins a silence a moment after it was asked for."""
    return rough_duration(max(round(span / SHORTEST), 1) * SHORTEST)


def comment_mark(incident: Incident) -> str:
    """What tells the incident's silences apart, at the end of their comments.

    It holds more than the number: another Lightship, or one whose store was begun anew, counts from one too.
    """
    told = f"{incident.key} {incident.opened_at.isoformat()}"
    return f"[lightship incident {incident.id} {sha256(told.encode()).hexdigest()[:8]}]"


def group_matchers(incident: Incident, own: Sequence[Matcher]) -> tuple[Matcher, ...]:
    """Exactly the group's labels, and the service's matchers that they do not imply already."""
    labels = tuple(
        Matcher(name=name, operator=Operator.EQUAL, value=value)
        for name, value in sorted(incident.group_labels.items())
    )
    named = {matcher.name for matcher in labels}
    return (*labels, *(matcher for matcher in own if matcher.name not in named))


def refuse(
    incident: Incident,
    matchers: Sequence[Matcher],
    own: Sequence[Matcher],
    command: SilenceIncident,
    longest: timedelta,
) -> SilenceRefusal | None:
    """Why the silence is not made; None where it may be."""
    if incident.state is IncidentState.RESOLVED:
        return SilenceRefusal.RESOLVED
    if incident.drill:
        return SilenceRefusal.DRILL
    if command.duration < SHORTEST:
        return SilenceRefusal.TOO_SHORT
    if command.duration > longest:
        return SilenceRefusal.TOO_LONG
    own_names = {matcher.name for matcher in own}
    if not any(matcher.value and matcher.name not in own_names for matcher in matchers):
        return SilenceRefusal.WOULD_SILENCE_THE_SERVICE
    return None
