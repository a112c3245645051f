"""The job over a store: what it keeps and tells, through restarts, replicas and a Prometheus that is away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.access import AccessPolicy
from bot.domain.actors import user
from bot.domain.errors import Temporary
from bot.domain.escalation import Holder, ReminderRules
from bot.domain.events import EventKind
from bot.domain.incidents import Incident, IncidentState, acknowledge
from bot.domain.messages import MessageKind
from bot.domain.runbooks import EscalationRule, Runbook
from bot.domain.services import WatchedService
from bot.domain.severity import Severity
from bot.engines.escalating import Escalating, EscalationLimits, whom
from bot.engines.noticing import Noticing
from bot.engines.noting import show
from bot.ports.readers import Sample
from bot.rendering.sentences import sentence
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_incident
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.adapters.database import SqlStore
    from bot.domain.events import Event

SHARE = "1 - sum(fast) / sum(all) > 0.05"
RULE = EscalationRule(
    expression=SHARE,
    held_for=timedelta(minutes=15),
    severity=Severity.P1,
    tell=("oncall", "U0CAROL"),
    reason="More than 5 % of predictions have taken longer than 5 s for 15 minutes",
)
RUNBOOK = Runbook(
    name="high-latency", title="", severity=None, match=(), summary_template="", escalation=(RULE,)
)
SERVICE = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    policy=AccessPolicy(channel="C0CHURN", approvers=("U0BOB",)),
    oncall="S0ONCALL",
)


@dataclass(kw_only=True)
class Answers:
    """A Prometheus that answers each expression with these numbers, or cannot be asked."""

    values: dict[str, list[float]] = field(default_factory=dict)
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    async def query(self, promql: str, **_: object) -> tuple[Sample, ...]:
        """The numbers."""
        self.asked.append(promql)
        if self.is_away:
            raise Temporary("Prometheus gave no answer in time")
        return tuple(Sample(labels={}, at=START, value=one) for one in self.values.get(promql, ()))

    async def query_range(self, promql: str, **_: object) -> tuple[()]:
        """Nothing asks for it here."""
        raise AssertionError(promql)

    async def alerting_rules(self, name: str) -> tuple[()]:
        """Nor for this."""
        raise AssertionError(name)


@dataclass(kw_only=True)
class Bench:
    """The job, its store and clock, and Prometheus."""

    store: SqlStore
    clock: FrozenClock
    metrics: Answers = field(default_factory=Answers)
    ids: SequentialIds = field(default_factory=SequentialIds)
    held_by: frozenset[Holder] = frozenset(Holder)

    def job(self) -> Escalating:
        """A replica's job."""
        return Escalating(
            store=self.store,
            ids=self.ids,
            metrics=self.metrics,
            services={"churn": SERVICE},
            runbook={"high-latency": RUNBOOK}.get,
            limits=EscalationLimits(
                held_by=self.held_by,
                reminders=ReminderRules(after={Severity.P1: timedelta(minutes=10)}),
                settle=timedelta(seconds=60),
            ),
            noticing=Noticing(store=self.store, ids=self.ids, channel="C0OPS", rest=timedelta(minutes=15)),
        )

    async def minutes(self, count: int) -> None:
        """Let two replicas look once a minute, each of them just started."""
        for _ in range(count):
            await self.clock.advance(seconds=60)
            await self.job().step()
            await self.job().step()

    async def keep(self, **changes: object) -> Incident:
        """An incident that is shown."""
        async with self.store.transaction() as tx:
            kept = await tx.incidents.save(make_incident(**changes))
            await show(tx, self.ids, kept)
        return kept

    async def change(self, incident: Incident | None) -> None:
        """Keep it changed."""
        assert incident is not None
        async with self.store.transaction() as tx:
            await tx.incidents.save(incident)

    async def get(self) -> Incident:
        """The incident as it is now."""
        async with self.store.transaction() as tx:
            found = await tx.incidents.get(1)
        assert found is not None
        return found

    async def events(self, kind: EventKind) -> list[Event]:
        """What was noted of a kind."""
        async with self.store.transaction() as tx:
            return [one for one in await tx.events.of_incident(1) if one.kind is kind]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """An empty store and a clock that stands."""
    clock = FrozenClock()
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        yield Bench(store=store, clock=clock)


async def test_it_escalates_once_after_its_time(bench: Bench) -> None:
    """P3 becomes P1 after 15 minutes, told once in the thread with whom, why and the number."""
    await bench.keep()
    bench.metrics.values[SHARE] = [0.34]
    await bench.minutes(15)
    assert (await bench.get()).severity is Severity.P3
    await bench.minutes(5)
    incident = await bench.get()
    assert (incident.severity, incident.escalated) == (Severity.P1, Severity.P1)
    (event,) = await bench.events(EventKind.ESCALATED)
    assert sentence(event) == (
        "⏫ <!subteam^S0ONCALL> <@U0CAROL> Escalated P3 → P1: More than 5 % of predictions have taken "
        "longer than 5 s for 15 minutes (now 0.34)."
    )
    async with bench.store.transaction() as tx:
        assert await tx.messages.find(MessageKind.EVENT, event.id) is not None
        shown = await tx.messages.find(MessageKind.INCIDENT, "1")
    assert shown is not None
    assert (shown.urgency, shown.desired_revision) == (1, 2)


async def test_each_expression_is_asked_once_a_look(bench: Bench) -> None:
    """However many incidents wait for the same expression, Prometheus is asked it once, as it is written."""
    for _ in range(5):
        await bench.keep()
    await bench.job().step()
    assert bench.metrics.asked == [SHARE]


async def test_prometheus_away_keeps_the_state_and_is_told(bench: Bench) -> None:
    """No answer for half an hour: the rule's beginning is kept, one notice says so, nothing escalates."""
    await bench.keep()
    bench.metrics.values[SHARE] = [0.34]
    await bench.minutes(10)
    bench.metrics.is_away = True
    await bench.minutes(12)
    assert (await bench.get()).severity is Severity.P3
    async with bench.store.transaction() as tx:
        notices = [one for one in await tx.messages.undelivered() if one.kind is MessageKind.NOTICE]
    assert [one.channel for one in notices] == ["C0OPS"]
    bench.metrics.is_away = False
    await bench.minutes(1)
    assert (await bench.get()).severity is Severity.P1


async def test_an_acknowledgement_holds_both(bench: Bench) -> None:
    """Somebody has it: neither the rule nor a reminder speaks, however long it lasts."""
    incident = await bench.keep(severity=Severity.P2)
    await bench.change(acknowledge(incident, by=user("U0ALICE"), now=START))
    bench.metrics.values[SHARE] = [0.34]
    await bench.minutes(60)
    assert not await bench.events(EventKind.ESCALATED)
    assert not await bench.events(EventKind.REMINDED)


async def test_reminders_survive_restarts_and_come_once(bench: Bench) -> None:
    """Two replicas, started anew each minute, remind after 10, 30 and 70 minutes, on-call mentioned."""
    await bench.keep(severity=Severity.P1)
    await bench.job().step()
    await bench.minutes(200)
    told = await bench.events(EventKind.REMINDED)
    assert [(one.at - START) // timedelta(minutes=1) for one in told] == [10, 30, 70]
    assert sentence(told[1]) == (
        "⏰ <!subteam^S0ONCALL> Nobody has acknowledged it for 30m (reminder 2 of 3)."
    )


async def test_a_reopened_incident_is_armed_anew(bench: Bench) -> None:
    """After a reopening with its alerts' severity the rule escalates once more, and not before its time."""
    await bench.keep()
    bench.metrics.values[SHARE] = [0.34]
    await bench.minutes(20)
    raised = await bench.get()
    await bench.change(
        replace(raised, severity=Severity.P3, escalated=None, reopened=1, state=IncidentState.TRIGGERED)
    )
    await bench.minutes(15)
    assert len(await bench.events(EventKind.ESCALATED)) == 1
    await bench.minutes(30)
    assert len(await bench.events(EventKind.ESCALATED)) == 2


async def test_an_incident_without_its_runbook_has_no_rules(bench: Bench) -> None:
    """A runbook that vanished asks nothing, and its incident is left as it is."""
    await bench.keep(runbook="gone")
    await bench.minutes(2)
    assert bench.metrics.asked == []


def test_words_that_name_nobody_call_on_call() -> None:
    """`responders` without any configured means on-call; ids mean themselves; nobody is called twice."""
    assert whom(("responders", "oncall", "approvers", "C0OPS"), SERVICE) == ("S0ONCALL", "U0BOB", "C0OPS")
    assert whom(("oncall", "U0X"), None) == ("U0X",)
