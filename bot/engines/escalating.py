"""Making incidents more urgent as their runbooks say, and reminding people of those that nobody has.

Run by the scheduler on one replica a tick. Prometheus is asked first, outside of any transaction, each
expression once however many incidents wait for it; an expression comes from a runbook as it is written,
nothing of an alert goes into it. What follows is decided in the domain and kept incident by incident, on its
latest state, with the thread entry that tells it: a replica that comes second finds that it was told.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot import telemetry
from bot.domain.actors import LIGHTSHIP
from bot.domain.durations import rough_duration
from bot.domain.errors import LightshipError
from bot.domain.escalation import (
    REMINDER,
    Answer,
    EscalationReason,
    Holder,
    Reading,
    ReminderReason,
    Watch,
    escalate,
    is_silent,
    judge,
    reading_of,
    remind,
    rule_key,
)
from bot.domain.events import EventKind
from bot.engines.noting import note, show, show_neighbours
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from bot.domain.escalation import Judgement, ReminderRules, Reminding
    from bot.domain.events import Detail
    from bot.domain.incidents import Incident
    from bot.domain.runbooks import EscalationRule, Runbook
    from bot.domain.services import WatchedService
    from bot.engines.noticing import Noticing
    from bot.ports.clock import Ids
    from bot.ports.readers import MetricsReader
    from bot.ports.stores import Store, Transaction

MOST_INCIDENTS: Final = 1_000
MOST_EXPRESSIONS: Final = 200
AT_ONCE: Final = 4
ANSWER_WITHIN: Final = timedelta(seconds=10)
ROUND_WITHIN: Final = timedelta(seconds=30)
BLIND_AFTER: Final = timedelta(minutes=5)
ANSWERED: Final = "escalation/answered"
ROLES: Final = frozenset({"oncall", "approvers", "responders"})
_UNKNOWN: Final = Reading(answer=Answer.UNKNOWN)

_LOG = Log("escalating")


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalationLimits:
    """What holds an escalation back, when reminders are due, and how alerts settle."""

    held_by: frozenset[Holder]
    reminders: ReminderRules
    settle: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decided:
    """What follows for one incident from one look at it."""

    judgements: tuple[tuple[EscalationRule, Reading, Judgement], ...]
    reminding: Reminding

    def news(self, known: Mapping[str, Watch]) -> tuple[Watch, ...]:
        """What is to be remembered and is not yet."""
        watches = [judgement.watch for _, _, judgement in self.judgements]
        if self.reminding.watch is not None:
            watches.append(self.reminding.watch)
        return tuple(watch for watch in watches if known.get(watch.rule, _blank(watch)) != watch)


class Escalating:
    """The job. `runbook` is asked anew each time; an incident whose runbook is gone has no rules."""

    def __init__(
        self,
        *,
        store: Store,
        ids: Ids,
        metrics: MetricsReader,
        services: Mapping[str, WatchedService],
        runbook: Callable[[str], Runbook | None],
        limits: EscalationLimits,
        noticing: Noticing,
    ) -> None:
        self._store = store
        self._ids = ids
        self._metrics = metrics
        self._services = services
        self._runbook = runbook
        self._limits = limits
        self._noticing = noticing

    async def step(self) -> int:
        """Look once; how many incidents were escalated or reminded of. Raises what the store raises."""
        async with self._store.transaction() as tx:
            incidents = await tx.incidents.unresolved(limit=MOST_INCIDENTS)
        answers = await self._ask(rule.expression for one in incidents for rule in self._rules(one))
        async with self._store.transaction() as tx:
            remembered = await tx.escalations.of([one.id for one in incidents])
            now = tx.now
        told = 0
        for incident in incidents:
            known = remembered.get(incident.id, {})
            decided = self._decide(incident, known, answers, now=now)
            for _, _, judgement in decided.judgements:
                telemetry.ESCALATIONS.labels(outcome=judgement.reason.value).inc()
            if decided.news(known):
                told += await self._keep(incident.id, answers)
        await self._say_whether_blind(answers)
        return told

    def _rules(self, incident: Incident) -> tuple[EscalationRule, ...]:
        runbook = self._runbook(incident.runbook or "")
        return runbook.escalation if runbook else ()

    async def _ask(self, expressions: Iterable[str]) -> Mapping[str, Reading]:
        wanted = list(dict.fromkeys(expressions))
        if len(wanted) > MOST_EXPRESSIONS:
            _LOG.warning(LogAction.ESCALATION_UNASKED, skipped=len(wanted) - MOST_EXPRESSIONS)
        gate = asyncio.Semaphore(AT_ONCE)
        answers: dict[str, Reading] = dict.fromkeys(wanted, _UNKNOWN)

        async def ask(expression: str) -> None:
            async with gate:
                answers[expression] = await self._ask_one(expression)

        asking = [asyncio.ensure_future(ask(one)) for one in wanted[:MOST_EXPRESSIONS]]
        if asking:
            _, late = await asyncio.wait(asking, timeout=ROUND_WITHIN.total_seconds())
            for task in late:
                task.cancel()
        return answers

    async def _ask_one(self, expression: str) -> Reading:
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                samples = await self._metrics.query(expression)
        except (LightshipError, TimeoutError) as error:
            _LOG.warning(LogAction.ESCALATION_UNASKED, expression=expression[:200], error=str(error)[:300])
            return _UNKNOWN
        return reading_of([sample.value for sample in samples])

    def _decide(
        self,
        incident: Incident,
        known: Mapping[str, Watch],
        answers: Mapping[str, Reading],
        *,
        now: datetime,
    ) -> _Decided:
        silent = is_silent(incident, now=now, settle=self._limits.settle)
        judged = []
        for rule in self._rules(incident):
            reading = answers.get(rule.expression, _UNKNOWN)
            judgement = judge(
                rule,
                known.get(rule_key(rule)),
                reading,
                incident,
                now=now,
                silent=silent,
                held_by=self._limits.held_by,
            )
            judged.append((rule, reading, judgement))
        reminder = known.get(f"{REMINDER}/{incident.severity.value}")
        reminding = remind(reminder, incident, self._limits.reminders, now=now, silent=silent)
        return _Decided(judgements=tuple(judged), reminding=reminding)

    async def _keep(self, number: int, answers: Mapping[str, Reading]) -> bool:
        """Decide again on the latest state, keep and tell it; whether people were told something."""
        async with self._store.transaction() as tx:
            incident = await tx.incidents.get(number)
            if incident is None:
                return False
            known = (await tx.escalations.of([number])).get(number, {})
            decided = self._decide(incident, known, answers, now=tx.now)
            raised = [one for one in decided.judgements if one[2].reason is EscalationReason.ESCALATES]
            # The most urgent rule alone speaks; the others find it as urgent already.
            chosen = min(raised, key=lambda one: one[0].severity.rank, default=None)
            for one in decided.judgements:
                watch = one[2].watch
                if one in raised and one is not chosen:
                    before = known.get(watch.rule, _blank(watch))
                    watch = replace(watch, told=before.told, told_at=before.told_at)
                if known.get(watch.rule, _blank(watch)) != watch:
                    await tx.escalations.save(watch)
            if chosen is not None:
                await self._raise(tx, incident, chosen[0], chosen[1])
                return True
            watch_of = decided.reminding.watch
            if watch_of is not None and known.get(watch_of.rule) != watch_of:
                await tx.escalations.save(watch_of)
            if decided.reminding.reason is not ReminderReason.REMIND or watch_of is None:
                return False
            await self._remind(tx, incident, watch_of)
        return True

    async def _raise(
        self, tx: Transaction, incident: Incident, rule: EscalationRule, reading: Reading
    ) -> None:
        raised = await tx.incidents.save(escalate(incident, rule, now=tx.now))
        detail: dict[str, Detail] = {
            "before": incident.severity.value,
            "after": raised.severity.value,
            "reason": rule.reason or f"{' '.join(rule.expression.split())} for {_words(rule.held_for)}",
            "tell": " ".join(whom(rule.tell, self._services.get(incident.key.service))),
        }
        if reading.value is not None and math.isfinite(reading.value):
            detail["value"] = reading.value
        await note(tx, self._ids, raised, EventKind.ESCALATED, actor=LIGHTSHIP, detail=detail)
        await show(tx, self._ids, raised)
        await show_neighbours(tx, raised)

    async def _remind(self, tx: Transaction, incident: Incident, watch: Watch) -> None:
        detail: dict[str, Detail] = {
            "number": watch.told,
            "of": self._limits.reminders.at_most,
            "span": _words(tx.now - (watch.since or tx.now)),
            "tell": " ".join(whom(("oncall",), self._services.get(incident.key.service))),
        }
        await note(tx, self._ids, incident, EventKind.REMINDED, actor=LIGHTSHIP, detail=detail)
        telemetry.REMINDERS.labels(severity=incident.severity.value).inc()

    async def _say_whether_blind(self, answers: Mapping[str, Reading]) -> None:
        """Where no expression has had an answer for a while, people have to know that nothing escalates."""
        async with self._store.transaction() as tx:
            last = await tx.heartbeats.last(ANSWERED)
            if (
                last is None
                or not answers
                or any(one.answer is not Answer.UNKNOWN for one in answers.values())
            ):
                await tx.heartbeats.beat(ANSWERED, tx.now)
                return
            blind_for = tx.now - last
        if blind_for >= BLIND_AFTER:
            await self._noticing.tell(
                ANSWERED,
                title="Escalation rules cannot be asked",
                text=f"Prometheus has answered none of them for {_words(blind_for)}; nothing is escalated by "
                "itself until it answers, and what was known of the rules is kept",
            )


def whom(tell: Sequence[str], service: WatchedService | None) -> tuple[str, ...]:
    """The chat ids behind `oncall`, `approvers`, `responders` or ids; on-call where a word names nobody."""
    if service is None:
        return tuple(one for one in tell if one not in ROLES)
    oncall = (service.oncall,) if service.oncall else ()
    meant = {
        "oncall": oncall,
        "approvers": service.policy.approvers or oncall,
        "responders": service.policy.responders or oncall,
    }
    return tuple(dict.fromkeys(chat_id for one in tell for chat_id in meant.get(one, (one,))))


def _blank(watch: Watch) -> Watch:
    """What a rule that was never remembered amounts to."""
    return Watch(incident_id=watch.incident_id, rule=watch.rule, episode=watch.episode)


def _words(length: timedelta) -> str:
    return rough_duration(length)
