"""What the fallback is told of, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState
from bot.engines.noting import note, show
from bot.testing import SequentialIds
from tests.making import make_incident

if TYPE_CHECKING:
    from bot.ports.message_stores import Unseen
    from tests.store.conftest import World

IDS = SequentialIds("fallback")


async def keep(world: World, **changes: object) -> None:
    """An incident with its message and the entries of a reopening, an escalation and an acknowledgement."""
    async with world.store.transaction() as tx:
        kept = await tx.incidents.save(make_incident(**changes))
        await show(tx, IDS, kept)
        for kind in (EventKind.REOPENED, EventKind.ESCALATED, EventKind.ACKNOWLEDGED):
            await note(tx, IDS, kept, kind, actor=LIGHTSHIP)


async def claim(world: World) -> tuple[Unseen, ...]:
    """What is given now; it is given again a minute later."""
    async with world.store.transaction() as tx:
        return await tx.fallbacks.claim(due_before=tx.now, until=tx.now + timedelta(minutes=1), limit=50)


async def test_openings_reopenings_and_escalations_of_open_incidents_are_given(world: World) -> None:
    """Not other entries of the thread, and nothing of what is resolved."""
    await keep(world)
    await keep(world, state=IncidentState.RESOLVED)
    given = await claim(world)
    assert sorted(one.message.kind.value for one in given) == ["event", "event", "incident"]
    assert {(one.message.incident_id, one.attempts) for one in given} == {(1, 1)}
    assert await claim(world) == ()


async def test_two_replicas_at_once_share_them(world: World) -> None:
    """Each is given to one of them."""
    for _ in range(5):
        await keep(world)
    given = [one.message.id for each in await asyncio.gather(claim(world), claim(world)) for one in each]
    assert len(given) == len(set(given)) == 15


async def test_what_was_sent_is_never_given_again_and_what_failed_is(world: World) -> None:
    """The row remembers which."""
    await keep(world)
    first, second, third = await claim(world)
    async with world.store.transaction() as tx:
        await tx.fallbacks.sent(first.message.id)
        await tx.fallbacks.sent(third.message.id)
        await tx.fallbacks.failed(second.message.id, retry_at=tx.now)
    (again,) = await claim(world)
    assert (again.message.id, again.attempts) == (second.message.id, 2)
