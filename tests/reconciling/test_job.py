"""The job over a store: what it keeps, whom it tells, and that it never closes what it could not look up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.actors import user
from bot.domain.errors import Temporary
from bot.domain.events import EventKind
from bot.domain.incidents import (
    Classification,
    Incident,
    IncidentState,
    IntakeRules,
    Resolution,
    SilenceMark,
    Suppression,
)
from bot.domain.messages import MessageKind
from bot.domain.reconciling import ReconcileRules
from bot.domain.routing import Destination
from bot.domain.severity import Severity
from bot.engines.noting import show
from bot.engines.reconciling import Reconciling
from bot.ports.readers import SeenAlert, Silence
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_alert, make_incident, make_key
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.adapters.database import SqlStore
    from bot.domain.events import Event

RULES = ReconcileRules(
    resolve_timeout=timedelta(minutes=5),
    intake=IntakeRules(resolve_settle=timedelta(seconds=60), reopen_within=timedelta(minutes=15)),
)
SEEN = SeenAlert(fingerprint=make_alert().fingerprint, labels=make_alert().labels, starts_at=START)


@dataclass(kw_only=True)
class ListedAlertmanager:
    """An Alertmanager that holds what it is told to hold, or cannot be asked."""

    held: tuple[SeenAlert, ...] = ()
    kept_silences: tuple[Silence, ...] = ()
    started: datetime = START - timedelta(days=1)
    is_away: bool = False
    restarts_while_asked: bool = False
    asked: int = 0

    async def alerts(self) -> tuple[SeenAlert, ...]:
        """What it holds."""
        self._meet()
        if self.restarts_while_asked:
            self.started += timedelta(days=1)
        return self.held

    async def silences(self) -> tuple[Silence, ...]:
        """Its silences."""
        self._meet()
        return self.kept_silences

    async def started_at(self) -> datetime:
        """When it started."""
        self._meet()
        return self.started

    def _meet(self) -> None:
        self.asked += 1
        if self.is_away:
            raise Temporary("Alertmanager cannot be reached")


@dataclass(kw_only=True)
class Bench:
    """The job, its store and clock, and the Alertmanager."""

    store: SqlStore
    clock: FrozenClock
    alertmanager: ListedAlertmanager
    ids: SequentialIds = field(default_factory=SequentialIds)
    opened: list[int] = field(default_factory=list)

    def job(self) -> Reconciling:
        """A replica's job."""
        return Reconciling(
            store=self.store,
            ids=self.ids,
            reader=self.alertmanager,
            routing=lambda labels: Destination(service=labels["service"], channel="C"),
            classify=lambda _: Classification(severity=Severity.P3, runbook=None),
            rules=RULES,
            on_opened=self.opened.extend,
        )

    async def minutes(self, count: int) -> None:
        """Let the job run once a minute, each time in a process that has just been started."""
        for _ in range(count):
            await self.clock.advance(seconds=60)
            await self.job().step()

    async def keep(self, **changes: object) -> Incident:
        """An incident that is shown."""
        key = replace(make_key(), source="default")
        async with self.store.transaction() as tx:
            kept = await tx.incidents.save(make_incident(**{"key": key, **changes}))
            await show(tx, self.ids, kept)
        return kept

    async def get(self, number: int = 1) -> Incident:
        """The incident as it is now."""
        async with self.store.transaction() as tx:
            found = await tx.incidents.get(number)
        assert found is not None
        return found

    async def events(self, number: int = 1) -> list[Event]:
        """What happened to it."""
        async with self.store.transaction() as tx:
            return list(await tx.events.of_incident(number))

    async def revision(self) -> int:
        """How often its message was to be shown."""
        async with self.store.transaction() as tx:
            message = await tx.messages.find(MessageKind.INCIDENT, "1")
        assert message is not None
        return message.desired_revision


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A fresh one."""
    clock = FrozenClock()
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        yield Bench(store=store, clock=clock, alertmanager=ListedAlertmanager())


async def test_the_absence_is_remembered_over_restarts(bench: Bench) -> None:
    """Every look is a new process; the incident closes after the time-out, once, with a thread entry."""
    await bench.keep()
    await bench.minutes(6)
    assert (await bench.get()).state is IncidentState.TRIGGERED
    assert await bench.revision() == 1
    await bench.minutes(3)
    closed = await bench.get()
    assert (closed.state, closed.resolution) == (IncidentState.RESOLVED, Resolution.GONE)
    (event,) = await bench.events()
    assert (event.kind, event.detail) == (EventKind.RESOLVED, {"resolution": "gone_from_alertmanager"})
    assert await bench.revision() == 2


async def test_what_is_held_stays_open(bench: Bench) -> None:
    """An hour of looking changes nothing and shows nothing."""
    bench.alertmanager.held = (SEEN,)
    await bench.keep()
    await bench.minutes(60)
    assert (await bench.get()).revision == 1
    assert await bench.revision() == 1


async def test_an_alertmanager_that_cannot_be_asked_closes_nothing(bench: Bench) -> None:
    """The job fails, which is counted, and the absence from before does not grow into a close by itself."""
    await bench.keep()
    await bench.minutes(1)
    bench.alertmanager.is_away = True
    for _ in range(60):
        await bench.clock.advance(seconds=60)
        with pytest.raises(Temporary):
            await bench.job().step()
    assert (await bench.get()).state is IncidentState.TRIGGERED


async def test_an_alertmanager_that_was_restarted_closes_nothing(bench: Bench) -> None:
    """Its memory may be empty; Prometheus tells it again within the time."""
    await bench.keep()
    bench.alertmanager.started = bench.clock.now()
    await bench.minutes(7)
    bench.alertmanager.held = (SEEN,)
    await bench.minutes(60)
    assert (await bench.get()).revision == 1


async def test_an_alertmanager_that_restarts_while_it_is_asked_closes_nothing(bench: Bench) -> None:
    """Its list may be the empty one of after, or of another replica behind the same address."""
    await bench.keep()
    await bench.minutes(5)
    bench.alertmanager.restarts_while_asked = True
    await bench.minutes(3)
    assert (await bench.get()).state is IncidentState.TRIGGERED


async def test_nothing_is_asked_while_there_is_nothing_to_compare(bench: Bench) -> None:
    """Without incidents of this Alertmanager it is left in peace."""
    await bench.keep(key=replace(make_key(), source="east"))
    await bench.minutes(30)
    assert bench.alertmanager.asked == 0
    assert (await bench.get()).state is IncidentState.TRIGGERED


async def test_a_silenced_alert_shows_and_its_end_closes(bench: Bench) -> None:
    """Silenced in Alertmanager, then gone: nobody sends a resolve for it."""
    bench.alertmanager.held = (replace(SEEN, silenced_by=("s",)),)
    await bench.keep()
    await bench.minutes(2)
    assert list((await bench.get()).suppressed.values()) == [Suppression.SILENCED]
    assert await bench.revision() == 2
    bench.alertmanager.held = ()
    await bench.minutes(8)
    assert (await bench.get()).resolution is Resolution.GONE


async def test_what_is_there_again_reopens_and_is_looked_at(bench: Bench) -> None:
    """The checks hear of it as of any opening, and people in the thread."""
    await bench.keep()
    await bench.minutes(8)
    bench.alertmanager.held = (SEEN,)
    await bench.minutes(1)
    again = await bench.get()
    assert (again.state, again.reopened, bench.opened) == (IncidentState.TRIGGERED, 1, [1])
    assert [one.kind for one in await bench.events()] == [EventKind.RESOLVED, EventKind.REOPENED]


async def test_an_incident_that_has_a_successor_is_not_reopened(bench: Bench) -> None:
    """The later incident of the same group shows the alert already."""
    await bench.keep()
    await bench.minutes(8)
    bench.alertmanager.held = (SEEN,)
    await bench.keep()
    await bench.minutes(5)
    assert (await bench.get(1)).state is IncidentState.RESOLVED
    assert (await bench.get(2)).state is IncidentState.TRIGGERED


async def test_a_silence_that_was_ended_in_alertmanager_is_told(bench: Bench) -> None:
    """The mark goes and the thread says so; an incident of another source is not forgotten."""
    silence = Silence(
        id="s",
        state="active",
        comment="",
        created_by="",
        starts_at=START,
        ends_at=START + timedelta(hours=1),
    )
    bench.alertmanager.held = (SEEN,)
    bench.alertmanager.kept_silences = (silence,)
    mark = SilenceMark(
        id="s", by=user("U0ALICE"), reason="", starts_at=START, ends_at=START + timedelta(hours=1)
    )
    await bench.keep(key=replace(make_key(), source="east"), silence=mark)
    await bench.minutes(3)
    assert (await bench.get()).silence == mark
    bench.alertmanager.kept_silences = (replace(silence, state="expired"),)
    await bench.minutes(3)
    assert (await bench.get()).silence is None
    (event,) = await bench.events()
    assert (event.kind, event.detail) == (EventKind.SILENCE_LIFTED, {"how": "lifted"})
