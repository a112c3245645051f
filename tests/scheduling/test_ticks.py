"""Which tick a replica means when it fires, and that each is run once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.adapters.database import open_store
from bot.engines.scheduling import ANCHOR, Scheduling, nearest_tick
from bot.testing import FrozenClock

EVERY = timedelta(seconds=15)


@pytest.mark.parametrize("off", [-7, -1, 0, 1, 7])
def test_a_tick_is_the_nearest_by_the_stores_clock(off: int) -> None:
    """Who fires a little early or late, or whose clock is off, means the same tick as the others."""
    assert nearest_tick(ANCHOR + 1000 * EVERY + timedelta(seconds=off), EVERY) == ANCHOR + 1000 * EVERY


async def test_what_one_replica_ran_the_other_does_not() -> None:
    """Two fire at the same moment again and again: one run for each tick of the store's clock."""
    clock = FrozenClock()

    async def run() -> None:
        """Nothing is run: the test asks who may."""

    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        replicas = [Scheduling(store=store) for _ in range(2)]
        for one in replicas:
            one.every("job", EVERY, run)
        for _ in range(3):
            won = await asyncio.gather(*(one._win("job") for one in replicas))
            assert sorted(won) == [False, True]
            await clock.advance(seconds=15)
