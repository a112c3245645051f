"""Comparing incidents with Alertmanager's own list, because some resolves never come; a job by the clock.

Run by the scheduler on one replica a tick. Alertmanager is asked first, outside of any transaction; what it
says is then decided in the domain and kept incident by incident, each on its latest state. Where Alertmanager
cannot be asked, or has just started, nothing changes. One Alertmanager is asked, the one of ALERTMANAGER_URL:
incidents that came in with another `?source=` are left alone and close by their webhooks or by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState, Suppression
from bot.domain.reconciling import (
    HeldAlert,
    HeldSilence,
    ReconcileReason,
    SilenceTurn,
    Trust,
    reconcile,
    review_silence,
    trust,
)
from bot.engines.noting import note, show, show_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bot.domain.alerts import Alert
    from bot.domain.incidents import Classification, Incident, SilenceMark
    from bot.domain.reconciling import ReconcileRules
    from bot.domain.routing import ServiceRouting
    from bot.ports.clock import Ids
    from bot.ports.readers import AlertmanagerReader, SeenAlert
    from bot.ports.stores import Store, Transaction

RECENT = 100
"""So many of the newest incidents are compared although they are resolved: they may still burn, or again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """What Alertmanager holds: alerts by fingerprint, silences by id where they were asked for."""

    alerts: Mapping[str, HeldAlert]
    silences: Mapping[str, HeldSilence] | None


class Reconciling:
    """The job. `on_opened` is told of incidents that opened again, after the commit."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        reader: AlertmanagerReader,
        routing: ServiceRouting,
        classify: Callable[[Alert], Classification],
        rules: ReconcileRules,
        on_opened: Callable[[Sequence[int]], None],
    ) -> None:
        self._store = store
        self._ids = ids
        self._reader = reader
        self._routing = routing
        self._classify = classify
        self._rules = rules
        self._on_opened = on_opened

    async def step(self) -> int:
        """Compare once; how many incidents changed. Raises what the reader or the store raises."""
        async with self._store.transaction() as tx:
            candidates = await self._candidates(tx)
            now = tx.now
        if not candidates:
            telemetry.RECONCILIATIONS.labels(outcome="nothing_to_do").inc()
            return 0
        try:
            answer = await self._ask(candidates, now)
        except Exception:
            telemetry.RECONCILIATIONS.labels(outcome="unreachable").inc()
            raise
        if answer is None:
            telemetry.RECONCILIATIONS.labels(outcome="just_started").inc()
            return 0
        changed = 0
        for incident in candidates:
            if self._is_news(incident, answer, now):
                changed += await self._keep(incident.id, answer)
        telemetry.RECONCILIATIONS.labels(outcome="done").inc()
        return changed

    async def _candidates(self, tx: Transaction) -> tuple[Incident, ...]:
        found = {one.id: one for one in await tx.incidents.unresolved()}
        found |= {one.id: one for one in await tx.incidents.recent(limit=RECENT)}
        return tuple(one for one in found.values() if one.silence or one.key.source == self._rules.source)

    async def _ask(self, candidates: Sequence[Incident], now: datetime) -> _Answer | None:
        started_at = await self._reader.started_at()
        if trust(started_at, now=now, rules=self._rules) is Trust.JUST_STARTED:
            return None
        seen = await self._reader.alerts()
        if await self._reader.started_at() != started_at:
            return None
        silences = None
        if any(one.silence for one in candidates):
            silences = {
                one.id: HeldSilence(ends_at=one.ends_at, is_over=one.state == "expired")
                for one in await self._reader.silences()
            }
        return _Answer(alerts={one.fingerprint: _held(one) for one in seen}, silences=silences)

    def _is_news(self, incident: Incident, answer: _Answer, now: datetime) -> bool:
        """Whether there is anything to keep, so that a quiet minute writes nothing."""
        reason, _ = self._compare(incident, answer, now)
        return reason not in {ReconcileReason.UNCHANGED, ReconcileReason.OTHER_SOURCE} or (
            _silence_turn(incident, answer, now)[0] is not SilenceTurn.UNCHANGED
        )

    async def _keep(self, incident_id: int, answer: _Answer) -> bool:
        """Decide again on the latest state and keep it; whether something shows."""
        again = False
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(incident_id)
            if incident is None:
                return False
            reason, after = self._compare(incident, answer, tx.now)
            if reason is ReconcileReason.FIRES_AGAIN:
                newest = await tx.incidents.newest(incident.key)
                if newest is None or newest.id != incident.id:
                    return False  # a later incident of the same group has taken its place
                again = True
            turn, mark = _silence_turn(after, answer, tx.now)
            if turn is not SilenceTurn.UNCHANGED:
                after = replace(after, silence=mark, updated_at=tx.now, revision=after.revision + 1)
            if after == incident:
                return False
            after = await tx.incidents.save(after)
            await self._tell(tx, incident, after, reason, turn)
            now = tx.now
        if reason is ReconcileReason.GONE:
            lasted = (now - after.opened_at).total_seconds()
            if not after.drill:
                telemetry.TIME_TO_RESOLVE.labels(severity=after.severity.value).observe(lasted)
        if again:
            self._on_opened((incident_id,))
        return after.revision != incident.revision

    async def _tell(
        self, tx: Transaction, before: Incident, after: Incident, reason: ReconcileReason, turn: SilenceTurn
    ) -> None:
        if after.revision == before.revision:
            return
        await show(tx, self._ids, after)
        if reason is ReconcileReason.GONE:
            detail = {"resolution": after.resolution and after.resolution.value}
            await note(tx, self._ids, after, EventKind.RESOLVED, actor=LIGHTSHIP, detail=detail)
        elif reason is ReconcileReason.FIRES_AGAIN:
            why = {"why": "Alertmanager still holds it"}
            await note(tx, self._ids, after, EventKind.REOPENED, actor=LIGHTSHIP, detail=why)
        elif before.severity is not after.severity:
            change = {"before": before.severity.value, "after": after.severity.value}
            await note(tx, self._ids, after, EventKind.SEVERITY_CHANGED, actor=LIGHTSHIP, detail=change)
        if turn in {SilenceTurn.ENDED, SilenceTurn.LIFTED}:
            how = {"how": turn.value}
            await note(tx, self._ids, after, EventKind.SILENCE_LIFTED, actor=LIGHTSHIP, detail=how)
        if (before.state is IncidentState.RESOLVED) is not (after.state is IncidentState.RESOLVED):
            await show_neighbours(tx, after)

    def _compare(
        self, incident: Incident, answer: _Answer, now: datetime
    ) -> tuple[ReconcileReason, Incident]:
        def is_own(alert: HeldAlert) -> bool:
            destination = self._routing(alert.labels)
            return (destination.service if destination else "") == incident.key.service

        outcome = reconcile(
            incident,
            answer.alerts,
            now=now,
            rules=self._rules,
            classify=self._classify,
            is_own=is_own,
        )
        return outcome.reason, outcome.incident


def _silence_turn(
    incident: Incident, answer: _Answer, now: datetime
) -> tuple[SilenceTurn, SilenceMark | None]:
    if incident.silence is None or answer.silences is None:
        return SilenceTurn.UNCHANGED, incident.silence
    review = review_silence(incident.silence, answer.silences.get(incident.silence.id), now=now)
    return review.turn, review.mark


def _held(seen: SeenAlert) -> HeldAlert:
    suppression = None
    if seen.silenced_by:
        suppression = Suppression.SILENCED
    elif seen.inhibited_by:
        suppression = Suppression.INHIBITED
    return HeldAlert(
        labels=seen.labels, starts_at=seen.starts_at, receivers=seen.receivers, suppression=suppression
    )
