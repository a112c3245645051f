"""Whose turn it is at SQLite's one writer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from bot.adapters.database.turns import REST, Turns
from bot.rehearsal.virtual_time import run_virtually


async def _ask(turns: Turns, name: str, got: list[str], *, first: bool) -> None:
    await turns.acquire(first=first)
    got.append(name)
    await asyncio.sleep(0)
    turns.release()


async def test_a_webhook_overtakes_what_waits() -> None:
    """Who asks first of all gets the next turn, whoever waited before; the others keep their order."""
    turns, got = Turns(), list[str]()
    await turns.acquire(first=False)
    tasks = [
        asyncio.create_task(_ask(turns, name, got, first=name == "webhook")) for name in ("a", "b", "webhook")
    ]
    await asyncio.sleep(0)
    turns.release()
    await asyncio.gather(*tasks)
    assert got == ["webhook", "a", "b"]


async def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next() -> None:
    """Who is cancelled while it waits, or in the moment in which it gets its turn, holds up nobody."""
    turns, got = Turns(), list[str]()
    await turns.acquire(first=True)
    gone = [asyncio.create_task(_ask(turns, name, got, first=True)) for name in ("waiting", "given")]
    await asyncio.sleep(0)
    gone[0].cancel()
    await asyncio.sleep(0)
    turns.release()  # to the second, which is cancelled before it can know
    gone[1].cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    async with asyncio.timeout(1):
        await _ask(turns, "next", got, first=False)
    assert got == ["next"]


async def test_other_work_goes_on_while_webhooks_never_end() -> None:
    """Webhooks one after another slow other work down and do not stop it."""
    turns, got, ended = Turns(), list[str](), asyncio.Event()

    async def webhooks() -> None:
        while not ended.is_set():
            await _ask(turns, "webhook", got, first=True)

    storm = [asyncio.create_task(webhooks()) for _ in range(2)]
    async with asyncio.timeout(10):
        for number in range(5):
            await _ask(turns, str(number), got, first=False)
    ended.set()
    await asyncio.gather(*storm)
    assert [name for name in got if name != "webhook"] == ["0", "1", "2", "3", "4"]
    assert got.count("webhook") > 5


async def test_one_webhook_makes_nothing_rest() -> None:
    """What follows from a single webhook has its turns at once: resting is for storms."""
    turns, got = Turns(), list[str]()
    await _ask(turns, "webhook", got, first=True)
    await _ask(turns, "merge", got, first=False)
    following = asyncio.create_task(_ask(turns, "publish", got, first=False))
    for _ in range(3):  # steps of the event loop, and no time
        await asyncio.sleep(0)
    assert following.done()


SECONDS = 20.0


@dataclass(kw_only=True)
class Shared:
    """How long who had the writer, and how long a webhook waited for it at most; in seconds."""

    webhooks: float = 0.0
    others: float = 0.0
    longest: float = 0.0


async def _share(*, webhook: float, pause: float, other: float) -> Shared:
    """Webhooks come so many seconds after the one before is stored; other work always waits."""
    turns, shared, loop = Turns(), Shared(), asyncio.get_running_loop()

    async def webhooks() -> None:
        while loop.time() < SECONDS:
            asked = loop.time()
            await turns.acquire(first=True)
            shared.longest = max(shared.longest, loop.time() - asked)
            await asyncio.sleep(webhook)
            turns.release()
            shared.webhooks += webhook
            await asyncio.sleep(pause)

    async def others() -> None:
        while loop.time() < SECONDS:
            await turns.acquire(first=False)
            await asyncio.sleep(other)
            turns.release()
            shared.others += other

    await asyncio.gather(webhooks(), others(), others())
    return shared


@pytest.mark.parametrize(("webhook", "other"), [(0.002, 0.02), (0.016, 0.045)])
def test_other_work_has_its_part_of_a_busy_writer_and_no_more(webhook: float, other: float) -> None:
    """An eleventh of the time, on a fast disk and on a slow one; a webhook waits for one turn at most."""
    shared = run_virtually(_share(webhook=webhook, pause=webhook, other=other))
    part = SECONDS / (1 + REST)
    assert 0.9 * part < shared.others < 1.25 * part
    assert shared.longest <= other + 1e-6


def test_nothing_rests_where_webhooks_leave_the_writer_idle() -> None:
    """A hundred a second need a fifth of its time: other work has of the rest what it can use."""
    shared = run_virtually(_share(webhook=0.002, pause=0.008, other=0.006))
    assert shared.others > 0.35 * SECONDS
