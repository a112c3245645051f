"""The digest of a storm over a store: nothing is lost between it and messages, and calm brings no noise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.actors import LIGHTSHIP
from bot.domain.events import EventKind
from bot.domain.incidents import Incident, IncidentState, Resolution, end
from bot.domain.messages import Lease, MessageKind, Pace
from bot.domain.severity import Severity
from bot.domain.storms import StormRules
from bot.engines.digest_views import digest_view
from bot.engines.gathering import Gathering
from bot.engines.noting import note, show
from bot.rendering.digests import digest_message
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_incident, make_key
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.adapters.database import SqlStore
    from bot.domain.messages import Message
    from bot.ports.message_stores import Claimed
    from bot.ports.notifier import RenderedMessage

RULES = StormRules(begins_above=10, ends_at=3, calm=timedelta(minutes=3), own_critical=2)
PACE = Pace(channel_interval=timedelta(seconds=1), edit_interval=timedelta(seconds=1), edit_burst=50)


@dataclass(kw_only=True)
class Weathered:
    """The job, its store, and a publisher by hand."""

    store: SqlStore
    clock: FrozenClock
    ids: SequentialIds = field(default_factory=SequentialIds)
    opened: list[int] = field(default_factory=list)

    def job(self) -> Gathering:
        """A replica's job."""
        return Gathering(store=self.store, ids=self.ids, rules=RULES, on_opened=self.opened.extend)

    async def begin(self, count: int, **changes: object) -> list[int]:
        """So many incidents at once."""
        numbers = []
        async with self.store.transaction() as tx:
            for _ in range(count):
                key = make_key(group_key=self.ids.new())
                made = make_incident(**{"key": key, "opened_at": tx.now, "updated_at": tx.now, **changes})
                kept = await tx.incidents.save(made)
                await show(tx, self.ids, kept)
                numbers.append(kept.id)
        return numbers

    async def look(self, *, seconds: float = 2) -> int:
        """A tick."""
        await self.clock.advance(seconds=seconds)
        return await self.job().step()

    async def claim(self) -> list[Claimed]:
        """What a publisher may send now."""
        async with self.store.transaction() as tx:
            return list(
                await tx.messages.claim(Lease(owner="p", duration=timedelta(minutes=1)), PACE, limit=9)
            )

    async def publish(self, *, times: int = 50) -> list[Message]:
        """Let the publisher show all that is due, a second apart; what it showed, in order."""
        shown = []
        for _ in range(times):
            await self.clock.advance(seconds=1.5)
            for claimed in await self.claim():
                message = claimed.message
                async with self.store.transaction() as tx:
                    ts = message.ts or f"ts-{message.id}"
                    done = tx.messages.finish(message.id, owner="p", revision=message.desired_revision, ts=ts)
                    assert await done
                shown.append(message)
        return shown

    async def undelivered(self) -> int:
        """What the metric says."""
        async with self.store.transaction() as tx:
            return (await tx.messages.backlog()).waiting

    async def digest(self) -> RenderedMessage:
        """What the newest digest says now."""
        async with self.store.transaction() as tx:
            storm = (await tx.storms.unclosed())[-1]
            message = await tx.messages.find(MessageKind.DIGEST, storm.id)
            assert message is not None
            return digest_message(await digest_view(tx, message, {}))

    async def change(self, number: int, **changes: object) -> None:
        """Keep an incident changed and due."""
        async with self.store.transaction() as tx:
            found = await tx.incidents.get(number)
            assert found is not None
            await show(tx, self.ids, await tx.incidents.save(replace(found, **changes)))  # type: ignore[arg-type]

    async def resolve(self, numbers: list[int]) -> None:
        """End them."""
        async with self.store.transaction() as tx:
            for number in numbers:
                found = await tx.incidents.get(number)
                assert found is not None
                ended = end(found, Resolution.ALERTS_RESOLVED, now=tx.now)
                assert isinstance(ended, Incident)
                await show(tx, self.ids, await tx.incidents.save(ended))


@pytest.fixture
async def sky() -> AsyncIterator[Weathered]:
    """An empty store and a clock that stands."""
    clock = FrozenClock(START)
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        yield Weathered(store=store, clock=clock)


async def test_few_incidents_have_their_own_messages(sky: Weathered) -> None:
    """Ten within a minute are no storm."""
    await sky.begin(10)
    assert await sky.look() == 0
    shown = await sky.publish(times=12)
    assert [one.kind for one in shown] == [MessageKind.INCIDENT] * 10


async def test_a_storm_is_one_digest_and_nothing_counts_as_shown_before_it_is(sky: Weathered) -> None:
    """Gathered ones are undelivered until the chat shows the digest, and delivered from then on."""
    await sky.begin(300)
    assert await sky.look() == 300
    assert await sky.undelivered() == 301
    shown = await sky.publish(times=3)
    assert [one.kind for one in shown] == [MessageKind.DIGEST]
    assert await sky.undelivered() == 0
    await sky.begin(100)
    assert await sky.undelivered() == 100
    await sky.look()
    assert await sky.undelivered() == 101  # those, and the digest that does not name them yet
    await sky.publish(times=3)
    assert await sky.undelivered() == 0


async def test_what_the_digest_shows_is_told_nowhere_else(sky: Weathered) -> None:
    """Until the chat shows the digest each of its incidents is due at the fallback, and none from then on."""

    async def overdue() -> int:
        async with sky.store.transaction() as tx:
            return len(await tx.fallbacks.claim(due_before=tx.now, until=tx.now, limit=50))

    await sky.begin(20)
    await sky.look()
    assert await overdue() == 20
    await sky.publish(times=3)
    assert await overdue() == 0


async def test_a_digest_that_somebody_deleted_makes_its_incidents_undelivered(sky: Weathered) -> None:
    """What stands for them is gone, so they count again until it is posted anew."""
    await sky.begin(20)
    await sky.look()
    (digest,) = await sky.publish(times=3)
    async with sky.store.transaction() as tx:
        await tx.messages.forget(digest.id)
    assert await sky.undelivered() == 21
    await sky.publish(times=3)
    assert await sky.undelivered() == 0


async def test_the_first_critical_ones_keep_their_own_messages(sky: Weathered) -> None:
    """Two P1 of five post by themselves, three are in the digest, worst first."""
    await sky.begin(20)
    await sky.begin(5, severity=Severity.P1, title="APIDown")
    assert await sky.look() == 23
    shown = await sky.publish(times=6)
    assert [one.kind for one in shown] == [MessageKind.DIGEST, MessageKind.INCIDENT, MessageKind.INCIDENT]
    text = str((await sky.digest()).blocks)
    assert text.index("APIDown* · #") < text.index("HighLatency* · #")
    assert "🔴 3 P1 · 🟡 20 P3" in text


async def test_calm_gives_way_and_posts_nothing_late(sky: Weathered) -> None:
    """After the calm a new incident has its own message; the gathered ones stay in the digest."""
    numbers = await sky.begin(20)
    await sky.look()
    await sky.publish(times=3)
    for _ in range(5):
        await sky.look(seconds=60)
    assert "Storm over" in (await sky.digest()).text
    await sky.publish(times=3)
    (new,) = await sky.begin(1)
    await sky.look()
    shown = await sky.publish(times=5)
    assert [(one.kind, one.incident_id) for one in shown] == [(MessageKind.INCIDENT, new)]
    await sky.resolve(numbers)
    await sky.look()
    shown = await sky.publish(times=5)
    assert [one.kind for one in shown] == [MessageKind.DIGEST]
    async with sky.store.transaction() as tx:
        assert await tx.storms.unclosed() == ()
    assert await sky.undelivered() == 0


async def test_opening_one_gives_it_its_message_for_good(sky: Weathered) -> None:
    """A press on Open posts that incident, and the storm does not take it back; its checks run."""
    numbers = await sky.begin(20)
    await sky.look()
    await sky.publish(times=3)
    assert (await sky.job().open(numbers[0])).sentence.endswith("its checks run.")
    assert "has its own message" in (await sky.job().open(numbers[0])).sentence
    await sky.look()
    shown = await sky.publish(times=4)
    assert {(one.kind, one.incident_id) for one in shown} == {
        (MessageKind.INCIDENT, numbers[0]),
        (MessageKind.DIGEST, None),
    }
    assert sky.opened == [numbers[0]]
    assert (await sky.job().open(999)).sentence == "There is no incident #999."


async def test_what_opens_again_after_the_storm_has_its_own_message(sky: Weathered) -> None:
    """A reopening is news: a digest that is closed would not tell of it."""
    numbers = await sky.begin(20)
    await sky.look()
    await sky.resolve(numbers)
    for _ in range(5):
        await sky.look(seconds=60)
    await sky.publish(times=5)
    async with sky.store.transaction() as tx:
        found = await tx.incidents.get(numbers[3])
        assert found is not None
        again = await tx.incidents.save(replace(found, state=IncidentState.TRIGGERED, reopened=1))
        await show(tx, sky.ids, again)
        await note(tx, sky.ids, again, EventKind.REOPENED, actor=LIGHTSHIP)
    shown = await sky.publish(times=5)
    assert [one.kind for one in shown] == [MessageKind.INCIDENT, MessageKind.EVENT]


async def test_a_quiet_look_writes_nothing(sky: Weathered) -> None:
    """A storm that nothing changes in leaves its digest as it is."""
    await sky.begin(20)
    await sky.look()
    await sky.publish(times=3)
    await sky.look()
    await sky.look()
    assert await sky.publish(times=3) == []
