"""While Slack takes nothing, somebody is told elsewhere: once an opening, and once a reopening."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bot.adapters.fallback import HttpFallback
from bot.domain.actors import LIGHTSHIP
from bot.domain.errors import LightshipError, Permanent, Temporary
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState, Resolution, end, reopen
from bot.domain.messages import Lease, MessageKind, Pace
from bot.domain.severity import Severity
from bot.engines.falling_back import FallingBack
from bot.engines.listening import BEAT, Listening
from bot.engines.noting import note, show
from bot.rendering.fallback import fallback_document
from bot.testing import START, FrozenClock, SequentialIds
from tests.adapters.standin import drop, hang, standing_in, status
from tests.making import make_alert, make_incident, make_message
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.incidents import Incident
    from tests.adapters.standin import StandIn

AFTER = timedelta(minutes=10)
PACE = Pace(channel_interval=timedelta(seconds=1), edit_interval=timedelta(seconds=2), edit_burst=5)


@dataclass(kw_only=True)
class Outage:
    """A store with an incident, a clock, and the other side."""

    store: SqlStore
    clock: FrozenClock
    side: StandIn
    fallback: HttpFallback
    ids: SequentialIds

    async def step(self, *, minutes: float = 0) -> int:
        """Let time pass and look once, in a process that has just been started."""
        await self.clock.advance(seconds=minutes * 60)
        job = FallingBack(store=self.store, fallback=self.fallback, after=AFTER, settle=timedelta(seconds=60))
        return await job.step()

    async def open(self) -> Incident:
        """An incident that is to be shown."""
        async with self.store.transaction() as tx:
            kept = await tx.incidents.save(make_incident())
            await show(tx, self.ids, kept)
        return kept

    async def slack_shows_all(self) -> None:
        """Slack takes everything that waits."""
        lease = Lease(owner="test", duration=timedelta(minutes=1))
        for _ in range(20):
            async with self.store.transaction() as tx:
                for claimed in await tx.messages.claim(lease, PACE, limit=5):
                    message = claimed.message
                    await tx.messages.finish(
                        message.id, owner="test", revision=message.desired_revision, ts=f"1.{message.id}"
                    )
            await self.clock.advance(seconds=2)

    async def change(self, incident: Incident, *, kind: EventKind) -> None:
        """Keep a change with its thread entry."""
        async with self.store.transaction() as tx:
            await tx.incidents.save(incident)
            await show(tx, self.ids, incident)
            await note(tx, self.ids, incident, kind, actor=LIGHTSHIP)

    def told(self) -> list[dict[str, object]]:
        """What the other side got."""
        return [json.loads(body) for body in self.side.bodies]


@asynccontextmanager
async def an_outage() -> AsyncIterator[Outage]:
    """With a side that takes everything."""
    clock = FrozenClock()
    async with (
        open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store,
        standing_in(status(202)) as side,
    ):
        fallback = HttpFallback(f"{side.url}/call?key=hunter2", timeout=0.5)
        yield Outage(store=store, clock=clock, side=side, fallback=fallback, ids=SequentialIds())
        await fallback.close()


@pytest.fixture
async def outage() -> AsyncIterator[Outage]:
    """A fresh one."""
    async with an_outage() as made:
        yield made


async def test_an_incident_that_is_not_shown_in_time_is_told_once(outage: Outage) -> None:
    """Not before the limit, and never a second time, by whichever replica."""
    incident = await outage.open()
    assert await outage.step(minutes=9) == 0
    assert await outage.step(minutes=2) == 1
    assert await outage.step(minutes=60) == 0
    (document,) = outage.told()
    assert document["incident"] == incident.id
    assert (document["reason"], document["severity"], document["state"]) == ("opened", "P3", "triggered")
    assert document["undelivered_since"] == START.isoformat()


async def test_nothing_is_told_where_slack_delivers(outage: Outage) -> None:
    """Neither of the first post nor of later edits, however long those wait."""
    incident = await outage.open()
    await outage.slack_shows_all()
    await outage.change(replace(incident, title="Worse"), kind=EventKind.SEVERITY_CHANGED)
    assert await outage.step(minutes=60) == 0


async def test_a_reopening_is_told_as_well(outage: Outage) -> None:
    """Its thread entry calls people, so its absence does not."""
    incident = await outage.open()
    await outage.slack_shows_all()
    ended = end(incident, Resolution.ALERTS_RESOLVED, now=outage.clock.now())
    assert ended is not None
    await outage.change(reopen(ended, now=outage.clock.now()), kind=EventKind.REOPENED)
    assert await outage.step(minutes=11) == 1
    assert await outage.step(minutes=11) == 0
    (document,) = outage.told()
    assert document["reason"] == "reopened"


async def test_an_escalation_is_told_as_well(outage: Outage) -> None:
    """Slack shows the incident and fails afterwards: whoever is to be called now would hear of nothing."""
    incident = await outage.open()
    await outage.slack_shows_all()
    await outage.change(replace(incident, severity=Severity.P1), kind=EventKind.ESCALATED)
    assert await outage.step(minutes=9) == 0
    assert await outage.step(minutes=2) == 1
    assert await outage.step(minutes=11) == 0
    (document,) = outage.told()
    assert (document["reason"], document["severity"]) == ("escalated", "P1")


async def listen(outage: Outage, *, minutes: int, beating: bool = False) -> None:
    """Listen for the heartbeat every half minute."""
    for _ in range(minutes * 2):
        await outage.clock.advance(seconds=30)
        if beating:
            async with outage.store.transaction() as tx:
                await tx.heartbeats.beat(BEAT, tx.now)
        await Listening(
            store=outage.store,
            ids=outage.ids,
            channel="C0OPS",
            within=timedelta(minutes=10),
            every=timedelta(seconds=30),
        ).step()


async def test_the_silence_of_alertmanager_is_told_as_well(outage: Outage) -> None:
    """With Slack away nobody else would say that no alert can come."""
    await listen(outage, minutes=11)
    assert await outage.step(minutes=9) == 0
    assert await outage.step(minutes=2) == 1
    assert await outage.step(minutes=60) == 0
    (document,) = outage.told()
    assert (document["reason"], document["severity"], document["incident"]) == ("silent", "P1", None)
    assert "Alertmanager has been silent since" in str(document["title"])
    assert document["channel"] == "C0OPS"
    async with outage.store.transaction() as tx:
        await tx.incidents.save(make_incident())
        (notice,) = await tx.messages.undelivered()
        opened = fallback_document(make_incident(), notice, reason="opened", firing=(), now=tx.now)
    assert document.keys() == opened.keys()


async def test_a_silence_that_is_over_calls_nobody(outage: Outage) -> None:
    """Its notice says so by now."""
    await listen(outage, minutes=11)
    await listen(outage, minutes=1, beating=True)
    assert await outage.step(minutes=60) == 0
    assert outage.told() == []


async def test_the_end_of_a_silence_calls_nobody_where_its_notice_is_gone_either(outage: Outage) -> None:
    """It is told by a notice of its own then, and that is no call."""
    await listen(outage, minutes=11)
    await outage.slack_shows_all()
    async with outage.store.transaction() as tx:
        assert await tx.pruning_apart.notices(before=tx.now, limit=10) == 1
    await listen(outage, minutes=1, beating=True)
    async with outage.store.transaction() as tx:
        assert len(await tx.messages.undelivered()) == 1
    assert await outage.step(minutes=60) == 0
    assert outage.told() == []


async def test_a_store_that_fails_after_the_call_does_not_make_it_come_twice(tmp_path: Path) -> None:
    """What was told and could not be noted is noted before anything is told again."""
    file, clock, ids = tmp_path / "lightship.db", FrozenClock(), SequentialIds()
    told: list[Mapping[str, object]] = []

    class Breaking:
        """Takes everything, and then the store is gone."""

        async def send(self, document: Mapping[str, object]) -> None:
            told.append(document)
            file.rename(tmp_path / "away")

    async with open_store(f"sqlite+aiosqlite:///{file}", clock=clock) as store:
        job = FallingBack(store=store, fallback=Breaking(), after=AFTER, settle=timedelta(seconds=60))
        async with store.transaction() as tx:
            await show(tx, ids, await tx.incidents.save(make_incident()))
        await clock.advance(seconds=660)
        for _ in range(2):
            with pytest.raises(Temporary):
                await job.step()
            await clock.advance(seconds=3_600)
        (tmp_path / "away").rename(file)
        assert await job.step() == 0
    assert len(told) == 1


async def test_what_ended_meanwhile_calls_nobody(outage: Outage) -> None:
    """It stays visible as undelivered, which is enough."""
    incident = await outage.open()
    ended = end(incident, Resolution.ALERTS_RESOLVED, now=outage.clock.now())
    assert ended is not None
    assert ended.state is IncidentState.RESOLVED
    await outage.change(ended, kind=EventKind.RESOLVED)
    assert await outage.step(minutes=60) == 0


async def test_it_is_tried_again_until_it_is_taken(outage: Outage) -> None:
    """Later and later, after refusals as well: somebody may mend the other side."""
    await outage.open()
    outage.side.answer = status(503)
    assert await outage.step(minutes=11) == 0
    assert await outage.step() == 0
    assert len(outage.told()) == 1
    outage.side.answer = status(403)
    assert await outage.step(minutes=1) == 0
    outage.side.answer = status(200)
    assert await outage.step(minutes=5) == 1
    documents = outage.told()
    assert len(documents) == 3
    assert len({document["id"] for document in documents}) == 1


async def test_a_storm_is_told_in_one_go(outage: Outage) -> None:
    """More incidents than one batch holds: all are told at the first look."""
    for _ in range(25):
        await outage.open()
    assert await outage.step(minutes=11) == 25


async def test_another_side_that_is_away_is_asked_for_one_batch(outage: Outage) -> None:
    """Each look costs one time-out at most, however much is overdue; the next ones take their turn."""
    for _ in range(25):
        await outage.open()
    outage.side.answer = status(503)
    assert await outage.step(minutes=11) == 0
    assert len(outage.told()) == 10
    outage.side.answer = status(200)
    assert await outage.step() == 15
    assert await outage.step(minutes=1) == 10
    assert len({document["id"] for document in outage.told()}) == 25


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(500), Temporary),
        (status(429), Temporary),
        (status(404), Permanent),
        (status(302, None, Location="/elsewhere"), Permanent),
        (drop, Temporary),
        (hang, Temporary),
    ],
)
async def test_the_other_sides_faults_never_tell_the_address(
    outage: Outage, answer: object, error: type[LightshipError]
) -> None:
    """It counts as a secret, so no error carries it, not even as its cause."""
    outage.side.answer = answer  # type: ignore[assignment]  # one of the stand-in's answers
    with pytest.raises(error) as raised:
        await outage.fallback.send({})
    assert "hunter2" not in f"{raised.value}{raised.value.__cause__}"
    assert web.__name__ not in str(raised.value)


async def test_an_address_that_is_none_is_permanent() -> None:
    """What a person has to mend is said without repeating it."""
    fallback = HttpFallback("http://:hunter2")
    with pytest.raises(Permanent, match="no address") as raised:
        await fallback.send({})
    assert "hunter2" not in str(raised.value)
    await fallback.close()


def test_the_document_is_bounded() -> None:
    """A group of 500 alerts with endless labels stays a small document that says how much is missing."""
    many = tuple(
        make_alert(pod=str(number), labels={f"l{n}": "x" * 9_999 for n in range(99)}) for number in range(500)
    )
    message = make_message("1", kind=MessageKind.INCIDENT)
    document = fallback_document(make_incident(truncated=7), message, reason="opened", firing=many, now=START)
    assert document["alerts_left_out"] == 487
    assert len(json.dumps(document)) < 500_000
