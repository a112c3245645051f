"""Calls into one channel are apart as the chat sees them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.messages import Pace
from bot.engines.spacing import Spacing
from bot.testing import FrozenClock

if TYPE_CHECKING:
    from tests.publishing.conftest import Stage

SECOND = timedelta(seconds=1)
NO_PACE = Pace(channel_interval=timedelta(0), edit_interval=timedelta(0), edit_burst=9)


class Caller:
    """Calls that are noted with their time, in seconds after the first."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.spacing = Spacing(clock=self.clock, interval=SECOND)
        self.began = self.clock.now()
        self.calls: list[float] = []

    async def call(self, channel: str = "C-a", *, takes: float = 0) -> None:
        """One that is answered after so many seconds."""
        async with self.spacing.call(channel):
            self.calls.append((self.clock.now() - self.began).total_seconds())
            if takes:
                await self.clock.sleep(takes)

    async def pass_by(self, *calls: asyncio.Task[None]) -> None:
        """Let time pass until all are answered."""
        await asyncio.sleep(0)
        while not all(call.done() for call in calls):
            await self.clock.advance(seconds=0.05)
        await asyncio.gather(*calls)


@pytest.fixture
def caller() -> Caller:
    """A fresh one."""
    return Caller()


async def test_calls_that_wait_at_once_have_a_turn_each(caller: Caller) -> None:
    """Three that come in one moment begin a second apart."""
    await caller.pass_by(*(asyncio.create_task(caller.call()) for _ in range(3)))
    assert caller.calls == pytest.approx([0, 1, 2])


async def test_another_channel_has_turns_of_its_own(caller: Caller) -> None:
    """Nothing waits for a call elsewhere."""
    await caller.pass_by(asyncio.create_task(caller.call()), asyncio.create_task(caller.call("C-b")))
    assert caller.calls == [0, 0]


@pytest.mark.parametrize(("takes", "after"), [(0.2, 1.0), (0.6, 1.35), (3.0, 3.75)])
async def test_a_call_that_took_long_may_have_arrived_late(
    caller: Caller, takes: float, after: float
) -> None:
    """The next one begins a second after the latest moment at which the chat can have had it."""
    await caller.pass_by(asyncio.create_task(caller.call(takes=takes)))
    await caller.pass_by(asyncio.create_task(caller.call()))
    assert caller.calls[1] == pytest.approx(after, abs=0.1)


async def test_a_clock_that_is_set_back_holds_nobody(caller: Caller) -> None:
    """An hour back is no hour of silence."""
    await caller.pass_by(asyncio.create_task(caller.call()))
    caller.clock.set(caller.began - timedelta(hours=1))
    await caller.pass_by(asyncio.create_task(caller.call()))
    assert caller.calls == pytest.approx([0, -3_600])


@pytest.mark.parametrize("method", ["post", "update"])
async def test_a_message_whose_slot_came_too_soon_waits(stage: Stage, method: str) -> None:
    """As where the message before it was drawn slowly: shown a second after that one, and not before."""
    for subject in ("1", "2"):
        stage.words[subject] = "new" if method == "post" else "old"
        await stage.put(subject)
    if method == "update":
        await stage.steps(seconds=4)
        for subject in ("1", "2"):
            await stage.change(subject, "new")
    await deliver_next(stage)
    second = asyncio.create_task(deliver_next(stage))
    while not stage.clock._sleepers and not second.done():  # noqa: ASYNC110 - the store works in a thread
        await asyncio.sleep(0)
    assert stage.texts().count("new") == 1
    await stage.clock.advance(seconds=1)
    await second
    assert stage.texts() == ["new", "new"]


async def deliver_next(stage: Stage) -> None:
    """Show what is due next, whatever the store's slots say."""
    async with stage.store.transaction() as tx:
        (claimed,) = await tx.messages.claim(stage.publisher._lease, NO_PACE, limit=1)
    await stage.publisher._delivering.deliver(claimed)
