"""The event loop of rehearsals: hours in milliseconds, in order, and real time where something real runs."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from bot.adapters.database import connect
from bot.adapters.database.engine import StoreLimits
from bot.engines.scheduling import Scheduling
from bot.rehearsal.virtual_time import START, NothingLeftError, VirtualClock, run_virtually


def test_hours_pass_at_once_and_sleepers_wake_in_order() -> None:
    """Sleepers of hours wake in the order of their times, and the clock says those times."""
    clock, woken = VirtualClock(), []

    async def sleeper(hours: float) -> None:
        await clock.sleep(hours * 3_600)
        woken.append((hours, clock.now() - START))

    async def main() -> None:
        await asyncio.gather(*(sleeper(hours) for hours in (3, 1, 2)))

    began = time.monotonic()
    run_virtually(main())
    assert woken == [(hours, timedelta(hours=hours)) for hours in (1, 2, 3)]
    assert time.monotonic() - began < 60


def test_a_time_out_is_virtual_too() -> None:
    """A call that hangs for ever meets its time-out of an hour."""

    async def main() -> None:
        async with asyncio.timeout(3_600):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_virtually(main())


def test_the_clock_stands_while_a_thread_works() -> None:
    """What runs in a thread takes no virtual time, however long it really takes."""
    clock = VirtualClock()

    async def main() -> timedelta:
        ticking = asyncio.create_task(clock.sleep(5))
        gate = threading.Event()
        asyncio.get_running_loop().call_soon(gate.set)
        await asyncio.to_thread(gate.wait)
        passed = clock.now() - START
        await ticking
        return passed

    assert run_virtually(main()) == timedelta(0)


def test_waiting_for_what_cannot_come_is_an_error() -> None:
    """A rehearsal that would hang ends with an error in place of hanging."""

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeftError):
        run_virtually(main())


def test_ticks_follow_the_virtual_clock() -> None:
    """A job of every twenty seconds rests for more than REHEARSED_REST, and comes at anchored times."""
    clock, ticks = VirtualClock(), []

    async def tick() -> None:
        ticks.append((clock.now() - START).total_seconds())

    async def main() -> None:
        store = connect("sqlite+aiosqlite:///:memory:", clock=clock, limits=StoreLimits(own_thread=False))
        await store.upgrade()
        scheduling = Scheduling(store=store)
        scheduling.every("job", timedelta(seconds=20), tick)
        scheduling.start_by(clock)
        await clock.sleep(600 - 1)
        scheduling.stop()
        await store.close()

    run_virtually(main())
    assert ticks == [60.0 * number for number in range(10)]
