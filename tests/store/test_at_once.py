"""Two replicas in the same moment: what is pressed, told or stopped at both happens once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.actors import user
from bot.domain.approvals import ApprovalState, DecisionWord
from bot.domain.commands import AcknowledgeIncident, OutcomeReason, ResolveIncident, SwitchActions
from bot.domain.events import EventKind
from bot.engines.freezing import Freezing
from bot.engines.listening import Listening
from bot.engines.noticing import Noticing
from bot.engines.responding import Responding
from bot.testing import FrozenClock, SequentialIds
from tests.acting import ALICE, BOB, CAROL, make_bench
from tests.making import make_incident, make_key
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from typing import Any

    from bot.adapters.database import SqlStore
    from bot.domain.events import Event
    from bot.domain.messages import Message
    from tests.acting import Bench
    from tests.store.conftest import World

ROUNDS = 5
"""How two transactions lie to each other is chance: one round may be orderly by itself."""

DONE_ONCE = [OutcomeReason.ALREADY, OutcomeReason.DONE]


@asynccontextmanager
async def both(world: World) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    """The stores of two replicas."""
    async with open_store(world.url, clock=world.clock) as other:
        yield world.store, other


async def at_once(*works: Coroutine[Any, Any, Any]) -> list[Any]:
    """What came of them, started together."""
    return list(await asyncio.gather(*works))


async def events(world: World, number: int, kind: EventKind) -> list[Event]:
    """Those of an incident, of that kind."""
    async with world.store.transaction() as tx:
        return [one for one in await tx.events.of_incident(number) if one.kind is kind]


async def notices(world: World) -> list[Message]:
    """What waits to be told in the channel."""
    async with world.store.transaction() as tx:
        return [one for one in await tx.messages.undelivered() if one.kind.value == "notice"]


def replicas_of(one: SqlStore, other: SqlStore) -> list[Bench]:
    """Two of the bot in one world."""
    first, second = (make_bench(store, FrozenClock(auto=True)) for store in (one, other))
    second.world, second.writer, second.ids = first.world, first.writer, SequentialIds("second")
    return [first, second]


async def test_a_yes_and_a_no_at_once(world: World) -> None:
    """Of a request with no incident, whose lock would sort them: one counts, the other one hears which."""
    async with both(world) as (one, other):
        benches = replicas_of(one, other)
        starts = [bench.start(f"start-{number}") for number, bench in enumerate(benches)]
        for _ in range(ROUNDS):
            approval = await benches[0].asked(starts[0])
            outcomes = await at_once(
                benches[0].press(starts[0], approval, DecisionWord.APPROVE, by=BOB),
                benches[1].press(starts[1], approval, DecisionWord.DENY, by=CAROL),
            )
            assert sorted(each.reason for each in outcomes) == DONE_ONCE
            kept = await benches[0].approval(approval.id)
            granted = kept.state is ApprovalState.GRANTED
            assert granted or kept.state is ApprovalState.DENIED
            assert (outcomes[0].reason is OutcomeReason.DONE) is granted
            assert (await benches[0].execution(approval.id) is not None) is granted


async def test_a_yes_of_two_at_once_is_one_intent(world: World) -> None:
    """Two people, each at a replica of their own."""
    async with both(world) as (one, other):
        benches = replicas_of(one, other)
        starts = [bench.start(f"start-{number}") for number, bench in enumerate(benches)]
        for _ in range(ROUNDS):
            approval = await benches[0].asked(starts[0])
            outcomes = await at_once(
                benches[0].press(starts[0], approval, by=BOB), benches[1].press(starts[1], approval, by=CAROL)
            )
            assert sorted(each.reason for each in outcomes) == DONE_ONCE
            assert await benches[0].execution(approval.id) is not None


async def test_an_incident_is_taken_and_ended_once(world: World) -> None:
    """One has it, the other hears who; one event each."""
    async with both(world) as stores:
        engines = [
            Responding(store=store, ids=SequentialIds(f"r{number}"), settle=timedelta(minutes=1))
            for number, store in enumerate(stores)
        ]
        for turn in range(ROUNDS):
            async with world.store.transaction() as tx:
                incident = await tx.incidents.save(make_incident(key=make_key(str(turn))))
            taken = await at_once(
                *(
                    engine.acknowledge(AcknowledgeIncident(incident_id=incident.id, actor=who))
                    for engine, who in zip(engines, (ALICE, BOB), strict=True)
                )
            )
            ended = await at_once(
                *(
                    engine.resolve(ResolveIncident(incident_id=incident.id, actor=who))
                    for engine, who in zip(engines, (ALICE, BOB), strict=True)
                )
            )
            assert [sorted(each.reason for each in found) for found in (taken, ended)] == [DONE_ONCE] * 2
            assert len(await events(world, incident.id, EventKind.ACKNOWLEDGED)) == 1
            assert len(await events(world, incident.id, EventKind.RESOLVED)) == 1


async def test_the_switch_is_thrown_once(world: World) -> None:
    """Frozen by one, let go by one: each told once in each channel."""
    async with both(world) as stores:
        engines = [
            Freezing(store=store, ids=SequentialIds(f"f{number}"), channels=["C0CHURN"], enabled=lambda: True)
            for number, store in enumerate(stores)
        ]
        command = SwitchActions(service="churn", actor=user("U0ALICE"), reason="")
        for turn in range(ROUNDS):
            for throw in ("freeze", "unfreeze"):
                outcomes = await at_once(*(getattr(engine, throw)(command) for engine in engines))
                assert sorted(each.reason for each in outcomes) == DONE_ONCE
            assert len(await notices(world)) == 2 * (turn + 1)


async def test_a_notice_is_told_by_one(world: World) -> None:
    """Both saw the cause in the same moment."""
    async with both(world) as stores:
        engines = [
            Noticing(
                store=store, ids=SequentialIds(f"n{number}"), channel="C0OPS", rest=timedelta(days=36_500)
            )
            for number, store in enumerate(stores)
        ]
        for turn in range(ROUNDS):
            told = await at_once(
                *(engine.tell(f"cause-{turn}", title="It fails", text="look") for engine in engines)
            )
            assert sorted(told) == [False, True]
        assert len(await notices(world)) == ROUNDS


async def test_the_silence_of_alertmanager_is_told_by_one(world: World) -> None:
    """Two ticks that overlap: one notice, and its end ends it."""
    async with both(world) as stores:
        engines = [
            Listening(
                store=store,
                ids=SequentialIds(f"l{number}"),
                channel="C0OPS",
                within=timedelta(milliseconds=1),
                every=timedelta(minutes=1),
            )
            for number, store in enumerate(stores)
        ]
        await engines[0].step()
        await world.pass_time(0.01)
        await at_once(*(engine.step() for engine in engines))
        assert len(await notices(world)) == 1
