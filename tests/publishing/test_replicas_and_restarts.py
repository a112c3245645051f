"""Claims that are lost, processes that die, freeze or stop: one message, and the latest state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.adapters.database.incidents import IncidentTable
from bot.adapters.database.messages import MessageTable
from bot.domain.errors import Ambiguous
from bot.domain.files import Attachment
from bot.domain.messages import MessageKind
from bot.engines.attaching import attach
from bot.engines.delivering import Outcome
from bot.engines.noting import show
from bot.testing import SequentialIds
from tests.making import make_incident

if TYPE_CHECKING:
    import pytest

    from bot.domain.incidents import Incident
    from tests.publishing.conftest import Stage

LEASE = 46


async def begin_and_hang(stage: Stage, method: str) -> tuple[asyncio.Task[object], asyncio.Event]:
    """A publisher that hangs in a call, as a frozen process does."""
    gate = stage.chat.hold(method)
    task = asyncio.create_task(stage.publisher.step())
    await stage.chat.until_called(method, "C0CHURN")
    stage.chat.release(method)
    return task, gate


async def test_after_a_crash_the_post_that_happened_is_found(stage: Stage) -> None:
    """Died between the post and its outcome: the next owner looks it up and posts nothing."""
    await stage.put("1")
    async with stage.store.transaction() as tx:
        (claimed,) = await tx.messages.claim(stage.publisher._lease, stage.publisher._limits.pace, limit=1)
    rendered = await stage.compose(tx, claimed.message)
    await stage.chat.post(
        channel="C0CHURN", thread=None, message=rendered, metadata={"message_id": claimed.message.id}
    )
    await stage.change("1", "latest")
    await stage.clock.advance(seconds=LEASE)
    assert (await stage.steps(seconds=3, publisher=stage.another("two")))[0] is Outcome.FOUND
    assert stage.texts() == ["latest"]


async def test_a_frozen_post_that_thaws_is_removed_again(stage: Stage) -> None:
    """Another replica posted meanwhile: the late duplicate goes, the row is shown once more."""
    await stage.put("1")
    task, gate = await begin_and_hang(stage, "post")
    await stage.clock.advance(seconds=LEASE)
    assert await stage.steps(seconds=1, publisher=stage.another("two")) == [Outcome.SHOWN]
    gate.set()
    assert await task == (Outcome.LEASE_LOST,)
    assert len(stage.chat.shown) == 1
    await stage.clock.advance(seconds=1)
    await stage.change("1", "latest")
    await stage.steps(seconds=4)
    assert stage.texts() == ["latest"]
    assert await stage.undelivered() == []


async def test_a_frozen_edit_that_thaws_is_overwritten(stage: Stage) -> None:
    """An old state that arrives late does not stay."""
    await stage.put("1")
    await stage.steps(seconds=1)
    await stage.change("1", "old")
    task, gate = await begin_and_hang(stage, "update")
    await stage.clock.advance(seconds=LEASE)
    await stage.change("1", "new")
    await stage.steps(seconds=1, publisher=stage.another("two"))
    assert stage.texts() == ["new"]
    gate.set()
    assert await task == (Outcome.LEASE_LOST,)
    assert stage.texts() == ["old"]
    await stage.clock.advance(seconds=1)
    await stage.steps(seconds=3)
    assert stage.texts() == ["new"]


async def test_a_process_that_was_frozen_before_the_call_does_not_make_it(stage: Stage) -> None:
    """Its claim may belong to another one by now."""
    message = await stage.put("1")
    assert await thawed(stage) is Outcome.POSTPONED
    assert stage.chat.shown == {}
    assert [one.id for one in await stage.undelivered()] == [message.id]


async def test_a_process_that_was_frozen_before_an_edit_does_not_make_it(stage: Stage) -> None:
    """What it has rendered may be an old state by now."""
    await stage.put("1")
    await stage.steps(seconds=3)
    await stage.change("1", "old")
    before = len(stage.chat.calls)
    assert await thawed(stage) is Outcome.POSTPONED
    assert stage.chat.calls[before:] == []


async def test_a_process_that_was_frozen_before_it_shared_a_file_does_not_share_it(stage: Stage) -> None:
    """The upload shows nothing; another one may have shared it by now."""
    ids = SequentialIds("file")
    async with stage.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
        await show(tx, ids, incident)
    await stage.steps(seconds=3)
    async with stage.store.transaction() as tx:
        await attach(tx, ids, incident, Attachment(name="logs.txt", title="Logs", text="all of it"))
    assert await thawed(stage) is Outcome.POSTPONED
    assert stage.chat.shared == []


async def thawed(stage: Stage) -> Outcome:
    """What comes of the one message that is due where the process is frozen right before its call."""
    async with stage.store.transaction() as tx:
        (claimed,) = await tx.messages.claim(stage.publisher._lease, stage.publisher._limits.pace, limit=1)
    deadline = stage.clock.now()
    await stage.clock.advance(seconds=LEASE)
    delivering, message = stage.publisher._delivering, claimed.message
    if message.kind is MessageKind.FILE:
        calling = delivering._share(claimed, deadline)
    elif message.ts:
        calling = delivering._edit(message, deadline)
    else:
        calling = delivering._post(claimed, deadline)
    return await delivering._failed(claimed, await _error_of(calling))


async def _error_of(coroutine: object) -> Exception:
    try:
        await coroutine  # type: ignore[misc]  # any awaitable
    except Exception as error:  # noqa: BLE001 - it is what the test is about
        return error
    raise AssertionError("it should have failed")


async def test_two_publishers_show_everything_once(stage: Stage) -> None:
    """Replicas side by side: each message once, one call a second a channel."""
    for number in range(10):
        await stage.put(str(number))
        await stage.put(f"b{number}", channel="C-b")
    other = stage.another("two")
    for _ in range(10):
        await asyncio.gather(stage.publisher.step(), other.step())
        assert len(stage.chat.calls) % 2 == 0
        await stage.clock.advance(seconds=1)
    assert sorted(stage.texts()) == sorted(str(number) for number in range(10))
    assert len(stage.chat.calls) == 20


async def test_the_loop_wakes_publishes_and_gives_back_its_claims(stage: Stage) -> None:
    """Running: a commit wakes it; stopping: what hangs is cut off, and the next start looks it up."""
    stage.store.on_due(stage.publisher.wake)
    running = asyncio.create_task(stage.publisher.run())
    await stage.put("1")
    async with asyncio.timeout(5):
        await stage.chat.until_called("post", "C0CHURN")
    gate = stage.chat.hold("post")
    await stage.put("2", channel="C-b")
    async with asyncio.timeout(5):
        await stage.chat.until_called("post", "C-b")
    stage.publisher.stop()
    async with asyncio.timeout(10):
        await running
    gate.set()
    stage.chat.release("post")
    await stage.clock.advance(seconds=1)
    assert await stage.steps(seconds=1, publisher=stage.another("two")) == [Outcome.SHOWN]
    assert stage.texts("C-b") == ["2"]
    assert ("find", "C-b") in stage.chat.calls


async def test_a_frozen_post_whose_answer_is_lost_is_removed_again(stage: Stage) -> None:
    """It arrives behind the other replica's look-up, and nobody but the frozen one can know of it."""
    await stage.put("1")
    task, gate = await begin_and_hang(stage, "post")
    await stage.clock.advance(seconds=LEASE)
    assert await stage.steps(seconds=1, publisher=stage.another("two")) == [Outcome.SHOWN]
    (kept,) = stage.chat.shown
    stage.chat.fail("post", Ambiguous("no answer"), after=True)
    gate.set()
    async with asyncio.timeout(5):
        while not task.done():  # it waits a little before it looks
            await stage.clock.advance(seconds=1)
            await asyncio.sleep(0)
    assert await task == (Outcome.UNSURE,)
    assert list(stage.chat.shown) == [kept]
    assert await stage.undelivered() == []


async def test_a_request_that_was_just_posted_locks_its_incident_before_its_message(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the press on another replica does that comes in the same moment: else both wait in a ring."""
    async with stage.store.transaction() as tx:
        incident = await tx.incidents.save(make_incident())
    await stage.put("request", kind=MessageKind.APPROVAL, incident_id=incident.id)
    locked: list[str] = []
    get, finish = IncidentTable.get, MessageTable.finish

    async def getting(self: IncidentTable, incident_id: int) -> Incident | None:
        locked.append(f"incident {incident_id}")
        return await get(self, incident_id)

    async def finishing(self: MessageTable, message_id: str, *, owner: str, revision: int, ts: str) -> bool:
        locked.append("message")
        return await finish(self, message_id, owner=owner, revision=revision, ts=ts)

    monkeypatch.setattr(IncidentTable, "get", getting)
    monkeypatch.setattr(MessageTable, "finish", finishing)
    await stage.steps(seconds=2)
    assert stage.texts() == ["request"]
    assert locked == [f"incident {incident.id}", "message"]
