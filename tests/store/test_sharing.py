"""What replicas share beside messages: incidents, executions, the ledger, ticks and checks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.errors import Permanent, Temporary
from bot.domain.heartbeats import Silence
from bot.domain.messages import Lease, MessageKind
from bot.domain.remedies import Execution, ExecutionState
from bot.engines.listening import BEAT, Listening
from bot.testing import START, SequentialIds
from tests.making import make_approval, make_delivery, make_incident, make_key, make_message
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.ports.stores import Transaction
    from tests.store.conftest import World

A = Lease(owner="a", duration=timedelta(seconds=2))
B = Lease(owner="b", duration=timedelta(seconds=60))


async def test_replicas_merge_one_incident_one_after_the_other(world: World) -> None:
    """Who holds a key's lock makes the incident; who waited for it finds the incident there."""

    async def open_or_find() -> int:
        async with open_store(world.url, clock=world.clock) as store, store.transaction() as tx:
            keys = [make_key("a"), make_key("b")]
            await tx.incidents.lock(keys)
            known = await tx.incidents.newest(keys[0])
            await asyncio.sleep(0.05)
            return (known or await tx.incidents.save(make_incident(key=keys[0]))).id

    assert len(set(await asyncio.gather(*(open_or_find() for _ in range(3))))) == 1


async def test_replicas_that_listen_at_the_same_moment_tell_one_silence_and_one_end(world: World) -> None:
    """Their clocks may differ, so that both look at once: whoever comes second finds it told."""
    async with open_store(world.url, clock=world.clock) as other:

        def ears(within: timedelta) -> list[Listening]:
            return [
                Listening(
                    store=store,
                    ids=SequentialIds(name),
                    channel="C0OPS",
                    within=within,
                    every=timedelta(hours=1),
                )
                for name, store in (("one", world.store), ("other", other))
            ]

        deaf, patient = ears(timedelta(milliseconds=1)), ears(timedelta(hours=1))
        assert await deaf[0].step() is Silence.WAITING
        await world.pass_time(0.01)
        found = await asyncio.gather(*(ear.step() for ear in deaf))
        assert sorted(found) == [Silence.SILENT, Silence.SILENT_STILL]
        await world.pass_time(0.01)
        async with world.store.transaction() as tx:
            await tx.heartbeats.beat(BEAT, tx.now)
        ended = await asyncio.gather(*(ear.step() for ear in patient))
        assert sorted(ended) == [Silence.BACK, Silence.HEARD]
    async with world.store.transaction() as tx:
        (notice,) = await tx.messages.undelivered()
    assert (notice.kind, notice.desired_revision) == (MessageKind.NOTICE, 2)


async def test_replicas_that_change_the_same_messages_do_not_wait_in_a_ring(world: World) -> None:
    """Each names them in another order; both commit, and what is touched twice has one revision more."""
    names = [f"m{number}" for number in range(4)]
    async with world.store.transaction() as tx:
        for name in names:
            await tx.messages.put(make_message(name))

    async def touch(order: Sequence[str]) -> None:
        async with open_store(world.url, clock=world.clock) as store, store.transaction() as tx:
            for name in (*order, order[0]):
                await tx.messages.touch(MessageKind.NOTICE, name)
                await asyncio.sleep(0.02)

    await asyncio.gather(touch(names), touch(names[::-1]), touch([*names[2:], *names[:2]]))
    async with world.store.transaction() as tx:
        found = [await tx.messages.find(MessageKind.NOTICE, name) for name in names]
    assert [one and one.desired_revision for one in found] == [4] * 4


async def test_executions_are_claimed_once_and_moved_under_the_claim(world: World) -> None:
    """One owner at a time; a state changes only from the expected one and only by its holder."""
    approval = make_approval()
    intent = Execution(
        approval_id=approval.id, state=ExecutionState.INTENDED, started_at=START, updated_at=START
    )
    async with world.store.transaction() as tx:
        await tx.approvals.add(approval)
        assert await tx.executions.add(intent)
        assert not await tx.executions.add(intent), "an approval acts once"
        assert await tx.executions.claim(A, limit=5) == (intent,)
    async with world.store.transaction() as tx:
        assert await tx.executions.claim(B, limit=5) == ()
        assert await tx.executions.extend(approval.id, A)
    await world.pass_time(2.2)
    async with world.store.transaction() as tx:
        assert await tx.executions.claim(A, limit=5) == (), (
            "what this process works on it does not start twice"
        )
        assert await tx.executions.claim(B, limit=5) == (intent,)
        assert not await tx.executions.extend(approval.id, A)
        applied = replace(intent, state=ExecutionState.APPLIED)
        assert not await tx.executions.move(applied, was=ExecutionState.INTENDED, owner="a")
        assert await tx.executions.move(applied, was=ExecutionState.INTENDED, owner="b")
        assert not await tx.executions.move(applied, was=ExecutionState.INTENDED, owner="b")
        done = replace(applied, state=ExecutionState.SUCCEEDED)
        assert await tx.executions.move(done, was=ExecutionState.APPLIED, owner="b")
        await tx.executions.release("b")
        assert await tx.executions.claim(A, limit=5) == (), "finished ones are not claimed"


async def test_webhooks_are_kept_whatever_became_of_the_connection(world: World) -> None:
    """Also where the connection of the transaction before was lost, or all of them are closed."""
    kept = [make_delivery() for _ in range(3)]
    await world.store.keep(kept[:1])
    with pytest.raises(Temporary, match="lost"):
        async with world.store._database.connection() as raw:
            await raw.invalidate()
    await world.store.keep(kept[1:2])
    await world.store._database.dispose()
    await world.store.keep(kept[2:])
    async with world.store.transaction() as tx:
        assert [one.id for one in await tx.deliveries.take(limit=5)] == [one.id for one in kept]


async def test_webhooks_are_kept_together_or_not_at_all(world: World) -> None:
    """One that cannot be kept undoes its commit, and the next commit is none the worse."""
    first, second = make_delivery(), make_delivery()
    await world.store.keep([first])
    with pytest.raises(Permanent):
        await world.store.keep([second, first])
    async with world.store.transaction() as tx:
        assert [one.id for one in await tx.deliveries.take(limit=5)] == [first.id]
    await world.store.keep([second])
    async with world.store.transaction() as tx:
        assert [one.id for one in await tx.deliveries.take(limit=5)] == [first.id, second.id]


async def test_a_failed_delivery_waits_and_lets_the_others_pass(world: World) -> None:
    """What cannot be merged is out of the way until its time, and counted."""
    async with world.store.transaction() as tx:
        first, second = make_delivery(), make_delivery()
        await tx.deliveries.add([first, second])
        await tx.deliveries.failed(first.id, error="broken", retry_at=tx.now + timedelta(seconds=2))
    async with world.store.transaction() as tx:
        assert [one.id for one in await tx.deliveries.take(limit=5)] == [second.id]
        backlog = await tx.deliveries.backlog()
        assert (backlog.waiting, backlog.failing, backlog.oldest) == (2, 1, START)
    await world.pass_time(2.2)
    async with world.store.transaction() as tx:
        taken = await tx.deliveries.take(limit=5)
    assert [(one.id, one.attempts) for one in taken] == [(first.id, 1), (second.id, 0)]


async def test_one_replica_alone_wins_a_tick(world: World) -> None:
    """The same tick of a job is won once; heartbeats never go back."""

    async def win(tx: Transaction, job: str) -> bool:
        return await tx.heartbeats.win(job, START)

    async with world.store.transaction() as tx:
        assert await win(tx, "job")
        assert not await win(tx, "job")
        assert await win(tx, "other")
        await tx.heartbeats.beat("job", START + timedelta(hours=1))
        await tx.heartbeats.beat("job", START)
        assert await tx.heartbeats.last("job") == START + timedelta(hours=1)
        assert await tx.heartbeats.last("nothing") is None


async def test_a_check_is_reserved_once_in_its_rest(world: World) -> None:
    """A check that just ran for an incident is not run again before its rest is over."""
    rest = timedelta(seconds=2)
    async with world.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        assert await tx.findings.reserve(incident.id, {"pods"}, not_before=rest)
        assert not await tx.findings.reserve(incident.id, {"pods"}, not_before=rest)
        assert await tx.findings.of_incident(incident.id) == ()
    await world.pass_time(2.2)
    async with world.store.transaction() as tx:
        assert await tx.findings.reserve(incident.id, {"pods"}, not_before=rest)
