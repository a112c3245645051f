"""When a storm begins and ends: hysteresis over any sequence of looks, and the budget of checks' calls."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Temporary
from bot.domain.storms import Storm, StormRules, Weather, weather
from bot.engines.budgeting import Budget
from bot.testing import START, FrozenClock

RULES = StormRules(begins_above=10, ends_at=3, calm=timedelta(minutes=3))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 120)), max_size=60))
def test_a_storm_begins_above_and_ends_after_calm(looks: list[tuple[int, int]]) -> None:
    """It begins only above its bound, and ends only after `calm` without a look above the lower one."""
    storm, now, last_wild = None, START, START
    for new, seconds in looks:
        now += timedelta(seconds=seconds)
        turn, after = weather(storm, new, now=now, rules=RULES)
        if new > RULES.ends_at:
            last_wild = now
        if storm is None or storm.ended_at:
            assert (turn is Weather.BEGINS) is (new > RULES.begins_above)
            storm = Storm(id="s", channel="C", began_at=now) if turn is Weather.BEGINS else storm
            continue
        assert turn in {Weather.RAGES, Weather.CALMS, Weather.ENDS}
        if turn is Weather.ENDS:
            assert now - last_wild >= RULES.calm
        storm = after


def test_a_channel_at_the_edge_does_not_flicker() -> None:
    """Between the bounds a quiet channel stays quiet and a storm goes on."""
    storm = Storm(id="s", channel="C", began_at=START)
    for minute in range(60):
        now = START + timedelta(minutes=minute)
        assert weather(None, 7, now=now, rules=RULES)[0] is Weather.QUIET
        assert weather(storm, 7, now=now, rules=RULES)[0] is Weather.RAGES


async def test_calls_of_checks_keep_to_their_budget() -> None:
    """Of two thousand calls at once, no second sees more than the budget; what waits too long is refused."""
    clock = FrozenClock()
    budget = Budget(clock=clock, per_second=20, patience=timedelta(seconds=5))
    went: list[float] = []
    refused = 0

    async def call() -> None:
        nonlocal refused
        try:
            await budget.take()
        except Temporary:
            refused += 1
        else:
            went.append((clock.now() - START).total_seconds())

    calls = [asyncio.create_task(call()) for _ in range(2_000)]
    await asyncio.sleep(0)
    await clock.advance(seconds=10)
    await asyncio.gather(*calls)
    assert len(went) + refused == 2_000
    assert len(went) == 101
    assert all(sum(begin <= one < begin + 1 for one in went) <= 20 for begin in went)
