from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.workers import Worker, WorkerFailed
from bot.domain.errors import Permanent, Temporary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Starting an interpreter takes a while on a busy machine.
pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def echoing(**settings: Any) -> AsyncIterator[Worker]:
    """A worker of the module below `tests/adapters`, ended with the block."""
    worker = Worker("tests.adapters.echo_worker", what="the echo", **{"timeout": 60.0, **settings})
    try:
        yield worker
    finally:
        await worker.aclose()


async def test_one_process_serves_several() -> None:
    """Questions are answered in turn by the same process; each gets its own answer."""
    async with echoing() as worker:
        answers = await asyncio.gather(*(worker.ask(f"pid {number}".encode()) for number in range(4)))
        assert [answer.split()[1] for answer in answers] == [b"0", b"1", b"2", b"3"]
        assert len({answer.split()[0] for answer in answers}) == 1


async def test_after_enough_questions_there_is_another() -> None:
    """What a library leaks goes with its process: after `questions` of them a new one comes up."""
    async with echoing(questions=1) as worker:
        first, second = (await worker.ask(b"pid x")).split()[0], (await worker.ask(b"pid x")).split()[0]
        assert first != second


async def test_it_goes_when_idle() -> None:
    """A worker that nobody asks ends, and the next question starts another."""
    async with echoing(idle=0.05) as worker:
        first = int((await worker.ask(b"pid x")).split()[0])
        assert worker._ending is not None
        await worker._ending
        assert worker.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert (await worker.ask(b"pid y")).split()[1] == b"y"


async def test_what_it_cannot_do_costs_the_question_alone() -> None:
    """An expected error is an answer, and the process goes on; so does it after too much memory."""
    async with echoing(memory=400_000_000) as worker:
        first = await worker.ask(b"pid x")
        with pytest.raises(WorkerFailed, match="no such word"):
            await worker.ask(b"raise")
        with pytest.raises(WorkerFailed, match="more memory"):
            await worker.ask(b"eat")
        assert await worker.ask(b"pid x") == first


@pytest.mark.parametrize("word", [b"hang", b"die"])
async def test_a_process_that_hangs_or_dies_is_replaced(word: bytes) -> None:
    """No answer in time, or none at all, is temporary; the next question is answered by another process."""
    async with echoing() as worker:
        first = (await worker.ask(b"pid x")).split()[0]
        worker._timeout = 0.2 if word == b"hang" else 60.0
        with pytest.raises(Temporary):
            await worker.ask(word)
        worker._timeout = 60.0
        assert (await worker.ask(b"pid x")).split()[0] != first


async def test_a_question_that_is_given_up_leaves_no_answer_behind() -> None:
    """Who stops waiting takes the process along: the next one does not get the answer meant for him."""
    async with echoing() as worker:
        await worker.ask(b"pid x")
        asked = asyncio.create_task(worker.ask(b"hang"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await worker.ask(b"pid mine")).split()[1] == b"mine"


async def test_a_long_question_is_answered_and_one_that_is_too_long_refused() -> None:
    """A report of a wide table, with its artifacts, is many megabytes; what is more costs no process."""
    async with echoing() as worker:
        assert await worker.ask(b"count " + bytes(20_000_000)) == b"20000000"
        before = worker.pid
        with pytest.raises(Permanent, match="larger than 64,000,000 bytes"):
            await worker.ask(bytes(64_000_001))
        assert worker.pid == before


async def test_printing_libraries_do_not_spoil_answers() -> None:
    """What a library prints on stdout is not part of an answer."""
    async with echoing() as worker:
        assert (await worker.ask(b"print")) == b"printed"
