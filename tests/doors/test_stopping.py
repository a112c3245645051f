"""The order in which a bot ends, and that one failure does not spoil the rest."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.bootstrap import assembly
from bot.bootstrap.assembly import CLOSE_WITHIN, COMMIT_WITHIN
from bot.cli.running import LEAVE_WITHIN
from bot.domain.errors import Temporary
from handlers.health import HealthDoor, StoreReading
from handlers.server import _HOOKS_SHARE, STOP_WITHIN, Doors, Server
from handlers.working import Work
from tests.doors.alert_bench import AUTHORIZED, AlertBench, one_group

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def no_reading() -> StoreReading:
    """There is no store here."""
    raise Temporary("no store")


def make_server(
    bench: AlertBench, work: Work, *hooks: Callable[[], Awaitable[None]], grace: float = 2.0
) -> Server:
    """A server with the webhook door alone."""
    doors = Doors(
        alertmanager=bench.door,
        health=HealthDoor(probes=(), collect=no_reading),
        slack=None,
        socket=None,
        work=work,
    )
    return Server(doors, host="127.0.0.1", port=0, on_stop=hooks, grace=grace)


async def test_what_was_begun_is_ended_before_the_hooks_run() -> None:
    """A webhook under way is answered, a press under way is worked off, then the intake is drained."""
    order: list[str] = []
    bench, work = AlertBench(), Work()
    bench.intake.hanging = asyncio.Event()
    release = asyncio.Event()

    async def press() -> None:
        await release.wait()
        order.append("press")

    async def complain(words: str) -> None:
        order.append(words)

    async def drain() -> None:
        order.append("drained")

    server = make_server(bench, work, drain)
    await server.start()
    url = f"http://127.0.0.1:{server.port}/alerts"
    async with aiohttp.ClientSession() as session:

        async def alert() -> int:
            async with session.post(url, json=one_group(), headers=AUTHORIZED) as answer:
                return answer.status

        asking = asyncio.create_task(alert())
        async with asyncio.timeout(5.0):
            while not bench.door.bytes_in_flight:  # noqa: ASYNC110 - bounded, and the door has no event
                await asyncio.sleep(0.001)
        assert work.start("action", press, complain)
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        bench.intake.hanging.set()
        assert await asking == 200
        release.set()
        await stopping
        with pytest.raises(aiohttp.ClientConnectionError):
            await alert()
    assert order == ["press", "drained"]
    assert not work.start("action", press, complain)


async def test_a_hook_that_fails_does_not_keep_the_next_from_running() -> None:
    """Leases are given back even where the intake's last commit failed."""
    ran: list[str] = []

    async def failing() -> None:
        raise Temporary("the store is away")

    async def release() -> None:
        ran.append("released")

    server = make_server(AlertBench(), Work(), failing, release)
    await server.start()
    await server.stop()
    assert ran == ["released"]


async def test_what_does_not_let_go_does_not_keep_the_bot() -> None:
    """As a transaction whose roll-back hangs: neither a press nor a hook is waited for beyond the time."""
    let_go, ran = asyncio.Event(), False

    async def clinging() -> None:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()

    async def complain(words: str) -> None:
        pytest.fail(words)

    async def release() -> None:
        nonlocal ran
        ran = True

    work = Work()
    server = make_server(AlertBench(), work, clinging, release, grace=0.4)
    await server.start()
    assert work.start("action", clinging, complain)
    stopping = asyncio.create_task(server.stop())
    stopped, _ = await asyncio.wait({stopping}, timeout=20.0)
    let_go.set()
    await asyncio.gather(stopping, *(asyncio.all_tasks() - {asyncio.current_task()}))
    assert (bool(stopped), ran) == (True, True)


def test_the_whole_way_out_takes_less_than_ten_seconds() -> None:
    """What a pod or a unit is given before it is killed; each part is bounded by itself."""
    assert STOP_WITHIN + LEAVE_WITHIN < 10
    assert COMMIT_WITHIN.total_seconds() + CLOSE_WITHIN < STOP_WITHIN * _HOOKS_SHARE
    assert assembly.STOP_WITHIN + CLOSE_WITHIN < STOP_WITHIN * _HOOKS_SHARE


async def test_work_that_does_not_end_is_given_up() -> None:
    """Draining is bounded, and a job that takes too long is told to its person."""
    told: list[str] = []

    async def forever() -> None:
        await asyncio.Event().wait()

    async def complain(words: str) -> None:
        told.append(words)

    work = Work(within=0.01)
    assert work.start("action", forever, complain)
    await work.settled()
    assert "took too long" in told[0]
    stubborn = Work(within=60.0)
    assert stubborn.start("action", forever, complain)
    async with asyncio.timeout(5.0):
        await stubborn.drain(within=0.01)
