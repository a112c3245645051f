"""However the chat fails, afterwards each message is there once with its latest state."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bot import telemetry
from bot.domain.errors import Ambiguous, ContentRefused, NotFound, Permanent, Temporary
from bot.engines.delivering import Outcome
from tests.publishing.conftest import make_publisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bot.adapters.database import SqlStore
    from bot.domain.deliveries import Delivery
    from bot.ports.stores import Transaction
    from tests.publishing.conftest import Stage


async def test_a_message_is_posted_and_then_edited(stage: Stage) -> None:
    """The first state is posted, later ones replace it in place."""
    await stage.put("1")
    assert await stage.steps(seconds=1) == [Outcome.SHOWN]
    await stage.change("1", "new")
    assert await stage.steps(seconds=2) == [Outcome.SHOWN]
    assert stage.texts() == ["new"]
    assert [method for method, _ in stage.chat.calls] == ["post", "update"]
    assert await stage.undelivered() == []


async def test_a_storm_of_changes_costs_one_call(stage: Stage) -> None:
    """Only the latest state is shown."""
    await stage.put("1")
    for number in range(50):
        await stage.change("1", str(number))
    await stage.steps(seconds=3)
    assert stage.texts() == ["49"]
    assert len(stage.chat.calls) == 1


@pytest.mark.parametrize("taken", [True, False])
async def test_a_lost_answer_leads_to_one_message(stage: Stage, *, taken: bool) -> None:
    """Whether or not the chat took the post whose answer was lost, there is one in the end."""
    await stage.put("1")
    stage.chat.fail("post", Ambiguous("connection lost"), after=taken)
    outcomes = await stage.steps(seconds=5)
    assert outcomes[0] is Outcome.UNSURE
    assert stage.texts() == ["1"]
    assert await stage.undelivered() == []


@pytest.mark.parametrize(
    "error", [Temporary("503"), Temporary("429", delay=2.0), Permanent("the bot is not in the channel")]
)
async def test_a_look_up_that_fails_answers_nothing(stage: Stage, error: Exception) -> None:
    """The chat may have the message all the same: it is looked up again, and never posted unasked."""
    await stage.put("1")
    stage.chat.fail("post", Ambiguous("connection lost"), after=True)
    stage.chat.fail("find", error, times=2)
    await stage.steps(seconds=60)
    assert await stage.undelivered() == []
    assert [call for call in stage.chat.calls if call[0] == "post"] == stage.chat.calls[:1]
    assert len(stage.chat.shown) == 1


async def test_a_post_that_arrives_behind_the_look_up_is_removed(stage: Stage) -> None:
    """Found twice after posting again: the older one stays, and gets the latest state."""
    message = await stage.put("1")
    stage.chat.fail("post", Ambiguous("connection lost"), after=True)
    await stage.steps(seconds=1)
    (hidden,) = stage.chat.shown
    stage.chat.hide(hidden)
    await stage.steps(seconds=2)
    assert len(stage.chat.shown) == 1
    async with stage.store.transaction() as tx:
        row = await tx.messages.get(message.id)
    assert row is not None
    assert row.ts == hidden
    assert list(stage.chat.shown) == [hidden]


async def test_an_outage_passes(stage: Stage) -> None:
    """A minute of failures; then everything is shown, within the longest wait."""
    for number in range(5):
        await stage.put(str(number))
    stage.chat.fail("post", Ambiguous("503"), times=100)
    stage.chat.fail("find", Temporary("503"), times=100)
    await stage.steps(seconds=60)
    failing = await stage.undelivered()
    assert len(failing) == 5
    assert all(one.last_error == "503" and one.attempts for one in failing)
    stage.chat.mend()
    await stage.steps(seconds=60)
    assert sorted(stage.texts()) == ["0", "1", "2", "3", "4"]
    assert await stage.undelivered() == []


async def test_a_rate_limit_holds_one_channel_for_as_long_as_it_says(stage: Stage) -> None:
    """Retry-After on a post: nothing more to that channel before, everything to others."""
    await stage.put("1", urgency=1)
    await stage.put("2")
    stage.chat.fail("post", Temporary("rate limit", delay=30.0))
    assert await stage.steps(seconds=1) == [Outcome.POSTPONED]
    await stage.put("3", channel="C-other")
    await stage.steps(seconds=28)
    assert stage.texts() == []
    assert stage.texts("C-other") == ["3"]
    await stage.steps(seconds=4)
    assert stage.texts() == ["1", "2"]


async def test_a_rate_limit_on_edits_holds_edits_alone(stage: Stage) -> None:
    """Retry-After on an edit: posts go on."""
    await stage.put("1")
    await stage.steps(seconds=1)
    await stage.change("1", "new")
    stage.chat.fail("update", Temporary("rate limit", delay=30.0))
    assert await stage.steps(seconds=1) == [Outcome.POSTPONED]
    await stage.put("2")
    await stage.steps(seconds=28)
    assert stage.texts() == ["1", "2"]
    await stage.steps(seconds=3)
    assert stage.texts() == ["new", "2"]


async def test_a_message_that_somebody_deleted_is_posted_anew(stage: Stage) -> None:
    """The next edit finds it gone; the thread follows the new message."""
    parent = await stage.put("parent")
    await stage.steps(seconds=1)
    stage.chat.shown.clear()
    await stage.change("parent", "again")
    outcomes = await stage.steps(seconds=3)
    assert outcomes == [Outcome.GONE, Outcome.SHOWN]
    assert stage.texts() == ["again"]
    await stage.put("reply", thread_of=parent.id)
    await stage.steps(seconds=2)
    (top,) = stage.chat.in_channel("C0CHURN")
    assert [one.message.text for one in stage.chat.in_channel("C0CHURN", thread=top.ts)] == ["reply"]


async def test_a_reply_whose_thread_was_deleted_brings_the_parent_back(stage: Stage) -> None:
    """The parent is looked for; when it is gone it is posted anew, and the reply below it."""
    parent = await stage.put("parent")
    await stage.steps(seconds=1)
    stage.chat.shown.clear()
    await stage.put("reply", thread_of=parent.id)
    await stage.steps(seconds=20)
    (top,) = stage.chat.in_channel("C0CHURN")
    assert top.message.text == "parent"
    assert len(stage.chat.in_channel("C0CHURN", thread=top.ts)) == 1


async def test_an_archived_channel_stays_visible_and_is_never_given_up(stage: Stage) -> None:
    """Slow retries of at most five minutes; the reason is kept; it goes out when somebody mends it."""
    await stage.put("1")
    stage.chat.fail("post", Permanent("the channel is archived"), times=1_000)
    outcomes = await stage.steps(seconds=1_500, every=10)
    assert set(outcomes) == {Outcome.REFUSED}
    assert 8 <= len(outcomes) <= 14
    (row,) = await stage.undelivered()
    assert row.last_error == "the channel is archived"
    stage.chat.mend()
    await stage.steps(seconds=310, every=10)
    assert stage.texts() == ["1"]


@pytest.mark.parametrize("method", ["post", "update"])
async def test_refused_blocks_go_out_as_plain_text_and_are_counted(stage: Stage, method: str) -> None:
    """Something is shown in their place at once."""
    stage.words["1"] = "y" * 5_000
    await stage.put("1")
    if method == "update":
        await stage.steps(seconds=1)
        await stage.change("1", "x" * 5_000)
    before = telemetry.MESSAGES_PLAIN._value.get()
    stage.chat.fail(method, ContentRefused("invalid_blocks"))
    assert await stage.steps(seconds=1) == [Outcome.SHOWN]
    (shown,) = stage.chat.in_channel("C0CHURN")
    assert shown.message.blocks == ()
    assert len(shown.message.text) == 3_000
    assert telemetry.MESSAGES_PLAIN._value.get() == before + 1


async def test_an_error_of_our_own_keeps_the_message_due(stage: Stage) -> None:
    """A renderer that raises is a failure like others: visible, and tried again."""
    await stage.put("1")
    stage.chat.fail("post", ZeroDivisionError())
    assert await stage.steps(seconds=1) == [Outcome.FAILED]
    assert (await stage.undelivered())[0].last_error == "ZeroDivisionError"
    await stage.steps(seconds=10)
    assert stage.texts() == ["1"]


async def test_a_failing_channel_does_not_delay_another(stage: Stage) -> None:
    """A post that hangs in one channel leaves the others their pace."""
    gate = stage.chat.hold("post")
    await stage.put("1")
    hanging = asyncio.create_task(stage.publisher.step())
    await stage.chat.until_called("post", "C0CHURN")
    stage.chat.release("post")
    await stage.put("2", channel="C-other")
    await stage.steps(seconds=1)
    assert stage.texts("C-other") == ["2"]
    assert stage.texts() == []
    gate.set()
    await hanging
    assert stage.texts() == ["1"]


async def test_gone_from_the_start_is_not_mistaken(stage: Stage) -> None:
    """NotFound for a post outside of threads is a failure of the channel, not of the message."""
    await stage.put("1")
    stage.chat.fail("post", NotFound("channel"))
    assert await stage.steps(seconds=1) == [Outcome.REFUSED]


class Faulty:
    """The stage's store, which refuses everything while `broken` is set."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.broken = False
        self.refuse_once = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One of the store behind."""
        if self.broken or self.refuse_once:
            self.refuse_once = False
            raise Permanent("the disk is full")
        async with self.store.transaction() as tx:
            yield tx

    async def keep(self, new: Sequence[Delivery]) -> None:
        """Pass it on."""
        await self.store.keep(new)

    async def ping(self, *, writing: bool = False) -> None:
        """Pass it on."""
        await self.store.ping(writing=writing)


@pytest.mark.parametrize("method", ["post", "update"])
async def test_a_store_that_fails_behind_the_chat_doubles_nothing(stage: Stage, method: str) -> None:
    """What the chat took and the store did not keep is looked up, as soon as the store is back."""
    store = Faulty(stage.store)
    publisher = make_publisher(stage, "one", store=store)
    await stage.put("1")
    if method == "update":
        await publisher.step()
        await stage.change("1", "new")
        await stage.clock.advance(seconds=2)
    gate = stage.chat.hold(method)
    await publisher._start_due()
    await stage.chat.until_called(method, "C0CHURN")
    store.broken = True
    stage.chat.release(method)
    gate.set()
    await asyncio.gather(*publisher._tasks)
    store.broken = False
    await stage.clock.advance(seconds=2)
    await publisher._start_due()
    await stage.clock.advance(seconds=2)
    await publisher._start_due()
    await asyncio.gather(*publisher._tasks)
    assert len(stage.chat.shown) == 1
    await stage.steps(seconds=3, publisher=publisher)
    assert await stage.undelivered() == []
    assert [name for name, _ in stage.chat.calls].count("post") == 1


async def test_an_error_of_the_store_behind_a_post_is_no_refusal(stage: Stage) -> None:
    """It says nothing of the chat, which has the message: the intent stays, and the message is found."""
    store = Faulty(stage.store)
    publisher = make_publisher(stage, "one", store=store)
    await stage.put("1")
    gate = stage.chat.hold("post")
    step = asyncio.create_task(publisher.step())
    await stage.chat.until_called("post", "C0CHURN")
    stage.chat.release("post")
    store.refuse_once = True
    gate.set()
    assert await step == (Outcome.UNSURE,)
    await stage.clock.advance(seconds=2)
    assert await stage.steps(seconds=1, publisher=publisher) == [Outcome.FOUND]
    assert stage.texts() == ["1"]
