"""Claims and slots: one holder at a time, and no faster than the pace, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.messages import Lease, MessageKind, Pace
from bot.testing import START, FrozenClock
from tests.making import make_message
from tests.opening import open_store

if TYPE_CHECKING:
    from bot.ports.message_stores import Claimed
    from tests.e2e.servers.postgres import Postgres
    from tests.store.conftest import World

A = Lease(owner="a", duration=timedelta(seconds=2))
B = Lease(owner="b", duration=timedelta(seconds=60))
LONG = Lease(owner="a", duration=timedelta(seconds=60))
PACE = Pace(channel_interval=timedelta(seconds=1.5), edit_interval=timedelta(seconds=2.5), edit_burst=2)
NO_PACE = Pace(channel_interval=timedelta(0), edit_interval=timedelta(0), edit_burst=1)


async def claim(world: World, lease: Lease, pace: Pace = NO_PACE, limit: int = 10) -> tuple[Claimed, ...]:
    """Claim in a transaction of its own."""
    async with world.store.transaction() as tx:
        return await tx.messages.claim(lease, pace, limit=limit)


async def finish(world: World, claimed: Claimed, ts: str, owner: str = "a") -> bool:
    """Finish in a transaction of its own."""
    async with world.store.transaction() as tx:
        return await tx.messages.finish(
            claimed.message.id, owner=owner, revision=claimed.message.desired_revision, ts=ts
        )


async def put(world: World, *subjects: str, channel: str = "C1", urgency: int = 3) -> None:
    """Messages that are due."""
    async with world.store.transaction() as tx:
        for subject in subjects:
            await tx.messages.put(make_message(subject, channel=channel, urgency=urgency))


async def test_one_call_a_channel_is_under_way(world: World) -> None:
    """A claim gives one message a channel, and nothing more of that channel until it is finished."""
    await put(world, "1", "2", channel="C1")
    await put(world, "3", channel="C2")
    first = await claim(world, LONG)
    assert sorted(one.message.subject for one in first) == ["1", "3"]
    assert await claim(world, B) == ()
    assert await finish(world, next(one for one in first if one.message.channel == "C1"), "1.1")
    (second,) = await claim(world, B)
    assert second.message.subject == "2"


async def test_the_channel_has_a_pace(world: World) -> None:
    """After one call the channel is closed for its interval; `next_due` says when it opens."""
    await put(world, "1", "2")
    (first,) = await claim(world, LONG, PACE)
    assert await finish(world, first, "1.1")
    assert await claim(world, B, PACE) == ()
    async with world.store.transaction() as tx:
        due = await tx.messages.next_due()
        assert due is not None
        assert timedelta(0) < due - tx.now <= PACE.channel_interval
    await world.pass_time(1.7)
    assert len(await claim(world, B, PACE)) == 1


async def test_edits_have_a_bucket_for_the_workspace(world: World) -> None:
    """A burst of edits goes at once, further ones at the interval; posts are not held back by them."""
    channels = ["C1", "C2", "C3"]
    for number, channel in enumerate(channels):
        await put(world, str(number), channel=channel, urgency=3 - number)
    for claimed in await claim(world, LONG):
        assert await finish(world, claimed, f"1.{claimed.message.subject}")
    async with world.store.transaction() as tx:
        for number in range(3):
            await tx.messages.touch(MessageKind.NOTICE, str(number))
        await tx.messages.put(make_message("post", channel="C1"))
    claims = await claim(world, LONG, replace(PACE, channel_interval=timedelta(0)))
    assert sorted(one.message.subject for one in claims) == ["1", "2", "post"], "worst first, then the post"
    await world.pass_time(2.8)
    for one in claims:
        await finish(world, one, one.message.ts or "1.9")
    (last,) = await claim(world, LONG, PACE)
    assert last.message.subject == "0"


async def test_edits_that_wait_for_the_bucket_hide_no_post(world: World) -> None:
    """Many urgent edits without a slot leave the next call to a mild post in another channel."""
    for number in range(4):
        await put(world, str(number), channel=f"C{number}", urgency=1)
    for claimed in await claim(world, LONG):
        assert await finish(world, claimed, f"1.{claimed.message.subject}")
    async with world.store.transaction() as tx:
        await tx.messages.hold(channel=None, until=tx.now + timedelta(seconds=30))
        for number in range(4):
            await tx.messages.touch(MessageKind.NOTICE, str(number))
        await tx.messages.put(make_message("post", channel="C-post", urgency=4))
    (only,) = await claim(world, LONG, limit=1)
    assert only.message.subject == "post"


async def test_the_worst_goes_first_and_then_who_waited_longest(world: World) -> None:
    """Order within a channel."""
    async with world.store.transaction() as tx:
        await tx.messages.put(make_message("mild", urgency=4))
        await tx.messages.put(make_message("newer", urgency=1, created_at=START + timedelta(seconds=1)))
        await tx.messages.put(make_message("older", urgency=1))
    order = []
    for number in range(3):
        (one,) = await claim(world, LONG)
        order.append(one.message.subject)
        assert await finish(world, one, f"1.{number}")
    assert order == ["older", "newer", "mild"]


async def test_threads_wait_for_their_parent_and_follow_it(world: World) -> None:
    """A reply goes out after its parent is posted, and after a parent was posted anew, below the new one."""
    async with world.store.transaction() as tx:
        parent = make_message("parent")
        await tx.messages.put(parent)
        for number in range(2):
            await tx.messages.put(make_message(f"reply-{number}", thread_of=parent.id, urgency=1))
    (first,) = await claim(world, LONG)
    assert first.message.subject == "parent"
    assert await claim(world, B) == ()
    await finish(world, first, "1.1")
    (reply,) = await claim(world, LONG)
    assert reply.thread_ts == "1.1"
    await finish(world, reply, "1.2")
    async with world.store.transaction() as tx:
        await tx.messages.forget(parent.id)
    (again,) = await claim(world, LONG)
    assert (again.message.subject, again.message.ts, again.recovering) == ("parent", None, None)
    await finish(world, again, "1.3")
    (other,) = await claim(world, LONG)
    assert other.thread_ts == "1.3"


async def test_a_lease_that_ends_is_taken_over_with_the_intent(world: World) -> None:
    """After a crash the message is due again, with the time at which a post may have happened."""
    await put(world, "1")
    (lost,) = await claim(world, A)
    assert lost.recovering is None
    assert await claim(world, B) == ()
    await world.pass_time(2.2)
    (found,) = await claim(world, B)
    assert found.recovering is not None
    assert found.message.intent_at == found.recovering
    assert not await finish(world, lost, "1.1", owner="a"), "the late one is told"
    assert await finish(world, found, "1.2", owner="b")
    async with world.store.transaction() as tx:
        row = await tx.messages.get(found.message.id)
        assert row is not None
        assert (row.ts, row.posted_revision < row.desired_revision) == ("1.2", True), "and it is shown again"


async def test_a_touch_while_it_is_sent_makes_it_due_again(world: World) -> None:
    """What changes after the state was rendered is not taken for shown."""
    await put(world, "1")
    (sent,) = await claim(world, LONG)
    async with world.store.transaction() as tx:
        await tx.messages.touch(MessageKind.NOTICE, "1", urgency=1)
    assert await finish(world, sent, "1.1")
    (again,) = await claim(world, LONG)
    assert (again.message.ts, again.message.urgency) == ("1.1", 1)
    assert await finish(world, again, "1.1")
    async with world.store.transaction() as tx:
        assert await tx.messages.next_due() is None
        assert await tx.messages.undelivered() == ()
        assert (await tx.messages.backlog()).waiting == 0


async def test_what_fails_waits_stays_visible_and_keeps_its_back_off(world: World) -> None:
    """A failure is counted and shown; new content does not shorten its wait."""
    await put(world, "1")
    (failed,) = await claim(world, LONG)
    async with world.store.transaction() as tx:
        retry_at = tx.now + timedelta(seconds=2)
        await tx.messages.clear_intent(failed.message.id, owner="a")
        await tx.messages.postpone(failed.message.id, owner="a", error="no\x00pe", retry_at=retry_at)
        await tx.messages.touch(MessageKind.NOTICE, "1")
        (row,) = await tx.messages.undelivered()
        assert (row.last_error, row.attempts, row.next_attempt_at) == ("nope", 1, retry_at)
        backlog = await tx.messages.backlog()
        assert (backlog.waiting, backlog.failing) == (1, 1)
    assert await claim(world, B) == ()
    await world.pass_time(2.2)
    (again,) = await claim(world, B)
    assert again.recovering is None


async def test_holds_close_a_channel_or_all_edits(world: World) -> None:
    """A channel that the chat holds is closed while others are open; a hold of edits closes no post."""
    await put(world, "1", channel="C1")
    await put(world, "2", channel="C2")
    async with world.store.transaction() as tx:
        await tx.messages.hold(channel="C1", until=tx.now + timedelta(seconds=30))
        await tx.messages.hold(channel=None, until=tx.now + timedelta(seconds=30))
    (open_one,) = await claim(world, LONG)
    assert open_one.message.subject == "2"
    await finish(world, open_one, "2.1")
    async with world.store.transaction() as tx:
        await tx.messages.touch(MessageKind.NOTICE, "2")
    assert await claim(world, LONG) == ()


async def test_release_gives_everything_back(world: World) -> None:
    """On shutdown claims are free at once; first posts that may have gone out are still looked up."""
    await put(world, "1")
    assert len(await claim(world, LONG)) == 1
    async with world.store.transaction() as tx:
        await tx.messages.release("a")
    (taken,) = await claim(world, B)
    assert taken.recovering is not None


async def test_putting_the_same_message_twice_keeps_the_first(world: World) -> None:
    """One message for each kind and subject."""
    await put(world, "1")
    await put(world, "1", channel="C2")
    async with world.store.transaction() as tx:
        kept = await tx.messages.find(MessageKind.NOTICE, "1")
        assert kept is not None
        assert kept.channel == "C1"
        assert await tx.messages.by_ts(channel="C1", ts="9.9") is None


async def test_two_stores_never_claim_the_same(world: World) -> None:
    """Replicas that claim at the same moment get different messages, each message once."""
    for number in range(12):
        await put(world, str(number), channel=f"C{number}")

    async def claim_some(owner: str) -> list[str]:
        got: list[str] = []
        async with open_store(world.url, clock=world.clock) as store:
            for _ in range(6):
                async with store.transaction() as tx:
                    some = await tx.messages.claim(replace(B, owner=owner), NO_PACE, limit=2)
                got += [one.message.subject for one in some]
        return got

    halves = await asyncio.gather(*(claim_some(owner) for owner in "abc"))
    everything = [subject for half in halves for subject in half]
    assert sorted(everything) == sorted(str(number) for number in range(12))


@pytest.mark.e2e
async def test_a_claim_waits_for_nobody(postgres_server: Postgres) -> None:
    """A message or a bucket that another replica is just changing is left to the next claim."""
    clock, url = FrozenClock(), postgres_server.create_database()
    async with open_store(url, clock=clock) as store, open_store(url, clock=clock) as other:
        worse = make_message("worse", channel="C1", urgency=1)
        mild = make_message("mild", channel="C1")
        edit = make_message("edit", channel="C2", ts="2.1", posted_revision=1, desired_revision=2)
        async with store.transaction() as tx:
            for message in (worse, mild, edit):
                await tx.messages.put(message)
            await tx.messages.hold(channel=None, until=tx.now)
        async with asyncio.timeout(30), other.transaction() as theirs:
            await theirs.messages.forget(worse.id)
            await theirs.messages.hold(channel=None, until=theirs.now)
            async with store.transaction() as tx:
                found = await tx.messages.claim(LONG, NO_PACE, limit=10)
        assert [one.message.subject for one in found] == ["mild"]
