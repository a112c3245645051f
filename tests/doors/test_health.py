"""What the probes and Prometheus are told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.domain.auditing import Head
from bot.domain.errors import Permanent, Temporary
from bot.domain.messages import Backlog, Lease, Pace
from bot.domain.severity import Severity
from bot.testing import START, FrozenClock
from handlers.health import HealthDoor, Probe, StoreReading, ask_undelivered
from tests.making import make_message
from tests.opening import open_store

READING = StoreReading(
    now=START,
    open_by_severity={Severity.P1: 2, Severity.P2: 0, Severity.P3: 0, Severity.P4: 1},
    undelivered=Backlog(waiting=3, failing=1, oldest=START - timedelta(seconds=90)),
    unmerged=Backlog(waiting=4, failing=0, oldest=START),
    audit=Head(number=57, hash="ab" * 32),
)


async def fine() -> None:
    """Answers."""


async def away() -> None:
    """Does not."""
    raise Temporary("connection refused by slack with xoxb-1")


async def reading() -> StoreReading:
    """The numbers of a store that answers."""
    return READING


def client(door: HealthDoor) -> TestClient[web.Request, web.Application]:
    """A client of the three routes."""
    application = web.Application()
    application.router.add_get("/healthz", door.healthz)
    application.router.add_get("/readyz", door.readyz)
    application.router.add_get("/metrics", door.metrics)
    return TestClient(TestServer(application))


async def test_a_slack_outage_does_not_make_the_bot_unready() -> None:
    """Its line says what is wrong, the status stays 200; JSON says the same."""
    probes = [Probe(name="store", ask=fine, required=True), Probe(name="slack", ask=away, required=False)]
    door = HealthDoor(probes=probes, collect=reading)
    async with client(door) as asked:
        answer = await asked.get("/readyz")
        lines = (await answer.text()).splitlines()
        told = await (await asked.get("/readyz", headers={"Accept": "application/json"})).json()
    assert answer.status == 200
    assert lines[:2] == ["ready", "store: ok"]
    assert lines[2].startswith("slack: connection refused")
    assert told["ready"] is True
    assert [line["ok"] for line in told["dependencies"]] == [True, False]


async def test_without_its_store_the_bot_is_not_ready_but_alive() -> None:
    """A required dependency that is away or hangs makes 503; a restart would not help, so alive it is."""

    async def hanging() -> None:
        await asyncio.Event().wait()

    for ask in (away, hanging):
        door = HealthDoor(
            probes=[Probe(name="store", ask=ask, required=True)],
            collect=reading,
            ask_within=0.05,
        )
        async with client(door) as asked:
            assert (await asked.get("/readyz")).status == 503
            assert (await asked.get("/healthz")).status == 200


async def test_a_stopping_bot_is_not_ready() -> None:
    """So that nothing new is sent to it."""
    door = HealthDoor(probes=(), collect=reading)
    async with client(door) as asked:
        assert (await asked.get("/readyz")).status == 200
        door.stopping()
        assert (await asked.get("/readyz")).status == 503


async def test_probes_are_not_asked_for_every_request() -> None:
    """The routes are open to everybody, so what they cost is bounded by time and not by requests."""
    asked_times = 0
    now = 0.0

    async def counted() -> None:
        nonlocal asked_times
        asked_times += 1

    door = HealthDoor(
        probes=[Probe(name="store", ask=counted, required=True)],
        collect=reading,
        monotonic=lambda: now,
    )
    async with client(door) as asked:
        await asyncio.gather(*(asked.get("/readyz") for _ in range(10)))
        now = 10.0
        await asked.get("/readyz")
    assert asked_times == 2


async def test_metrics_come_from_the_store_and_their_own_registry() -> None:
    """Gauges are read anew, and the default registry of the library is not shown."""
    door = HealthDoor(probes=(), collect=reading)
    async with client(door) as asked:
        answer = await asked.get("/metrics")
        lines = (await answer.text()).splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'lightship_incidents_open{severity="P1"} 2.0' in lines
    assert "lightship_undelivered_messages 3.0" in lines
    assert "lightship_undelivered_oldest_age_seconds 90.0" in lines
    assert "lightship_store_up 1.0" in lines
    assert not any(line.startswith("python_info") for line in lines)


@pytest.mark.parametrize("error", [Temporary("away"), Permanent("broken")])
async def test_without_the_store_there_are_metrics_but_no_old_numbers(error: Exception) -> None:
    """What cannot be read is not a number; the scrape itself succeeds."""

    async def failing() -> StoreReading:
        raise error

    async with client(HealthDoor(probes=(), collect=reading)) as asked:
        await asked.get("/metrics")
    async with client(HealthDoor(probes=(), collect=failing)) as asked:
        answer = await asked.get("/metrics")
        lines = (await answer.text()).splitlines()
    assert answer.status == 200
    assert "lightship_store_up 0.0" in lines
    assert "lightship_undelivered_messages NaN" in lines
    assert not any(line.startswith("lightship_incidents_open{") for line in lines)


async def test_what_cannot_be_shown_has_a_line_with_its_reason() -> None:
    """A channel that is archived is seen in `/readyz`, although Slack itself answers."""
    clock = FrozenClock()
    lease = Lease(owner="one", duration=timedelta(seconds=45))
    pace = Pace(channel_interval=timedelta(0), edit_interval=timedelta(0), edit_burst=1)
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        async with store.transaction() as tx:
            await tx.messages.put(make_message("1"))
        await ask_undelivered(store)
        async with store.transaction() as tx:
            (claimed,) = await tx.messages.claim(lease, pace, limit=1)
            await tx.messages.postpone(
                claimed.message.id, owner="one", error="the channel is archived", retry_at=tx.now
            )
        with pytest.raises(Temporary, match=r"1 cannot be shown, .* C0CHURN: the channel is archived"):
            await ask_undelivered(store)
