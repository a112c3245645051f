"""Accepting webhooks: answered after the commit, together, and pushed back in time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.errors import Overloaded, Permanent, Temporary
from bot.engines.intake import Intake, IntakeLimits
from bot.testing import START, FrozenClock
from tests.making import make_alert, make_delivery, make_group
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from bot.adapters.database import SqlStore
    from bot.domain.deliveries import Delivery
    from bot.ports.stores import Transaction

LIMITS = IntakeLimits(
    webhooks=10,
    alerts=1_000,
    batch=5,
    patience=timedelta(milliseconds=100),
    drain=timedelta(milliseconds=300),
)


class Gate:
    """A store whose transactions wait at a gate, fail as told, and are counted."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.open = asyncio.Event()
        self.open.set()
        self.transactions = 0
        self.failures: list[Exception] = []

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Pass it on."""
        return self.store.transaction()

    async def keep(self, new: Sequence[Delivery]) -> None:
        """One transaction of the store behind."""
        self.transactions += 1
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        await self.store.keep(new)

    async def ping(self, *, writing: bool = False) -> None:
        """Pass it on."""
        await self.store.ping(writing=writing)

    async def stored(self) -> int:
        """How many webhooks are in the ledger."""
        async with self.store.transaction() as tx:
            return (await tx.deliveries.backlog()).waiting


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """A store in memory."""
    async with open_store("sqlite+aiosqlite:///:memory:", clock=FrozenClock()) as store:
        yield Gate(store)


@asynccontextmanager
async def running(gate: Gate, rung: list[str] | None = None) -> AsyncIterator[Intake]:
    """An intake whose writer runs."""
    heard = [] if rung is None else rung
    intake = Intake(store=gate, on_stored=lambda: heard.append("stored"), limits=LIMITS)
    writer = asyncio.create_task(intake.run())
    yield intake
    gate.open.set()
    await intake.stop()
    await writer


async def test_what_waits_is_committed_together(gate: Gate) -> None:
    """While one commit is under way others gather; all of them go into the next one."""
    rung: list[str] = []
    async with running(gate, rung) as intake:
        gate.open.clear()
        first = asyncio.create_task(intake.submit(make_delivery()))
        await asyncio.sleep(0)
        others = [asyncio.create_task(intake.submit(make_delivery())) for _ in range(5)]
        await asyncio.sleep(0)
        assert not first.done()
        gate.open.set()
        await asyncio.gather(first, *others)
    assert gate.transactions == 2
    assert await gate.stored() == 6
    assert rung == ["stored", "stored"]


async def test_webhooks_are_stamped_by_the_stores_clock(gate: Gate) -> None:
    """Replicas' clocks may differ; the merge compares the times of one clock."""
    async with running(gate) as intake:
        await intake.submit(make_delivery(received_at=START + timedelta(hours=1)))
    async with gate.store.transaction() as tx:
        assert [one.received_at for one in await tx.deliveries.take(limit=1)] == [START]


async def test_a_full_queue_pushes_back_at_once(gate: Gate) -> None:
    """More than the bound is refused without waiting, and what was accepted is stored."""
    async with running(gate) as intake:
        gate.open.clear()
        under_way = asyncio.create_task(intake.submit(make_delivery()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(intake.submit(make_delivery())) for _ in range(10)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="too many"):
            await intake.submit(make_delivery())
        gate.open.set()
        await asyncio.gather(under_way, *waiting)
    assert await gate.stored() == 11


async def test_many_alerts_fill_the_queue_as_well(gate: Gate) -> None:
    """The bound counts alerts too: a few huge webhooks must not fill the memory."""
    huge = make_delivery(make_group(*(make_alert(pod=str(n)) for n in range(1_000))))
    async with running(gate) as intake:
        gate.open.clear()
        under_way = [asyncio.create_task(intake.submit(make_delivery())) for _ in range(1)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way.append(asyncio.create_task(intake.submit(huge)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="too many"):
            await intake.submit(make_delivery())
        gate.open.set()
        await asyncio.gather(*under_way)


async def test_a_store_that_hangs_pushes_back_in_time(gate: Gate) -> None:
    """Nobody waits longer than the patience; what still waits in the queue is not stored later."""
    async with running(gate) as intake:
        gate.open.clear()
        began = asyncio.get_running_loop().time()
        results = await asyncio.gather(
            *(intake.submit(make_delivery()) for _ in range(3)), return_exceptions=True
        )
        assert asyncio.get_running_loop().time() - began < 1
        assert all(isinstance(one, Overloaded) for one in results)
        gate.open.set()
        await intake.submit(make_delivery())
    assert await gate.stored() in {2, 4}, "the last, and those whose commit was under way already"


@pytest.mark.parametrize("error", [Temporary("gone"), Permanent("the disk is full"), OSError("broken")])
async def test_a_store_that_fails_is_never_a_success(gate: Gate, error: Exception) -> None:
    """Whatever the store says, the webhook is pushed back, and the writer goes on."""
    async with running(gate) as intake:
        gate.failures = [error, error]
        with pytest.raises(Overloaded):
            await intake.submit(make_delivery())
        gate.failures = []
        await intake.submit(make_delivery())
    assert await gate.stored() == 1


async def test_one_webhook_that_the_store_refuses_spares_the_others(gate: Gate) -> None:
    """A batch that fails for good is tried one by one."""
    twin = make_delivery()
    async with running(gate) as intake:
        gate.open.clear()
        first = asyncio.create_task(intake.submit(twin))
        await asyncio.sleep(0)
        rest = [asyncio.create_task(intake.submit(one)) for one in (twin, make_delivery(), make_delivery())]
        await asyncio.sleep(0)
        gate.open.set()
        done = await asyncio.gather(first, *rest, return_exceptions=True)
    assert [type(one).__name__ for one in done] == ["NoneType", "Overloaded", "NoneType", "NoneType"]
    assert await gate.stored() == 3


async def test_stopping_commits_what_was_accepted_and_refuses_the_rest(gate: Gate) -> None:
    """On shutdown what waits is stored and answered; what comes then is pushed back."""
    intake = Intake(store=gate, on_stored=lambda: None, limits=LIMITS)
    writer = asyncio.create_task(intake.run())
    gate.open.clear()
    accepted = [asyncio.create_task(intake.submit(make_delivery())) for _ in range(8)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(intake.stop())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="stopping"):
        await intake.submit(make_delivery())
    gate.open.set()
    await asyncio.gather(stopping, writer, *accepted)
    assert await gate.stored() == 8


async def test_stopping_ends_although_the_store_hangs(gate: Gate) -> None:
    """A store that never answers does not keep the process alive."""
    intake = Intake(store=gate, on_stored=lambda: None, limits=LIMITS)
    writer = asyncio.create_task(intake.run())
    gate.open.clear()
    waiting = asyncio.create_task(intake.submit(make_delivery()))
    await asyncio.sleep(0)
    await intake.stop()
    done = await asyncio.gather(writer, waiting, return_exceptions=True)
    assert isinstance(done[1], Overloaded)
    assert await gate.stored() == 0
