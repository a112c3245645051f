"""A process beside the bot for what is too heavy for it: comes up on demand, serves several, goes when idle.

The bot's side is `Worker`, used by the adapters whose libraries take seconds to load (`models`, `drawing`);
the other side is `bot.adapters.worker_side.serve`, called by their `*_worker` modules. Between them go frames
over stdin and stdout: one question, one answer, in turn. A question that takes too long, or a process that
dies, costs that process and that question only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Permanent, Temporary

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD: Final = 4
"""Bytes of a frame's length, the most significant first; an answer begins with one byte of `ANSWERS`."""

LONGEST_QUESTION: Final = 64_000_000
"""Bytes. A drift report of thousands of columns, with its page and profile, is one question to MLflow."""

SERVED: Final = b"+"
FAILED: Final = b"-"
MEMORY: Final = "LIGHTSHIP_WORKER_MEMORY"
"""The variable that tells a worker how many bytes of memory it may have."""

_PASSED: Final = re.compile(
    r"(?:PYTHON|LC_)|(?:PATH|HOME|LANG|TZ|TMPDIR|VIRTUAL_ENV|XDG_CACHE_HOME|MPLCONFIGDIR)\Z", re.IGNORECASE
)


class WorkerFailed(Exception):  # noqa: N818 - an answer of the other side, which the adapter translates
    """The worker answered, and its answer is that it could not; the text is its own, cut."""


class WorkerEnded(Temporary):
    """The process was gone before it answered: it crashed, or somebody ended it."""


class Worker:
    """One process of a module, at most one at a time, questions in turn.

    `idle` seconds without a question end it, so do `questions` of them (what a library leaks goes with it),
    `memory` bounds its data in bytes. `passes` names more variables of the environment that it may see: the
    chat's tokens are never among them. Nothing survives `aclose`, but a later question starts anew.
    """

    def __init__(
        self,
        module: str,
        *,
        what: str,
        timeout: float,
        idle: float = 60.0,
        questions: int = 200,
        memory: int = 1_500_000_000,
        most_bytes: int = 8_000_000,
        passes: str = r"(?!)",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._module = module
        self._what = what
        self._timeout = timeout
        self._idle = idle
        self._questions = questions
        self._memory = memory
        self._most_bytes = most_bytes
        self._passes = re.compile(passes, re.IGNORECASE)
        self._environment = dict(environment or {})
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._served = 0
        self._ending: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def ask(self, question: bytes) -> bytes:
        """The answer, after the questions before it; the time limit counts from here.

        Raises WorkerFailed where the worker says so, Temporary where there is no answer in time, WorkerEnded
        where there is none at all, and Permanent for a question that is longer than a worker takes.
        """
        if len(question) > LONGEST_QUESTION:
            raise Permanent(f"what {self._what} is asked is larger than {LONGEST_QUESTION:,} bytes")
        try:
            async with asyncio.timeout(self._timeout), self._turn:
                self._stop_ending()
                try:
                    return await self._ask(question)
                finally:
                    self._end_later()
        except TimeoutError as error:
            raise Temporary(f"{self._what} gave no answer in time") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise WorkerEnded(f"{self._what} ended without an answer") from error

    async def aclose(self) -> None:
        """End the process."""
        self._stop_ending()
        await self._end()

    async def _ask(self, question: bytes) -> bytes:
        process = await self._started()
        whole = False
        try:
            kind, answer = await self._exchange(process, question)
            whole = True
        finally:
            if not whole:  # late, dead or cancelled: whatever it still says belongs to no question any more
                await self._end()
        self._served += 1
        if self._served >= self._questions:
            await self._end()
        if kind != SERVED:
            raise WorkerFailed(answer.decode("utf-8", "replace")[:2_000])
        return answer

    async def _exchange(self, process: asyncio.subprocess.Process, question: bytes) -> tuple[bytes, bytes]:
        if process.stdin is None or process.stdout is None:
            raise OSError("the process has no pipes")
        process.stdin.write(len(question).to_bytes(HEAD, "big") + question)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(HEAD), "big")
        if not 0 < length <= self._most_bytes:
            raise OSError("an answer of that length is none")
        answer = await process.stdout.readexactly(length)
        return answer[:1], answer[1:]

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._served = 0
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self.environment(),
        )
        return self._process

    def environment(self) -> dict[str, str]:
        """What the process sees: no more than its library needs, and nobody's secrets."""
        passed = {
            name: value
            for name, value in os.environ.items()
            if _PASSED.match(name) or self._passes.match(name)
        }
        return {**passed, **self._environment, MEMORY: str(self._memory)}

    def _end_later(self) -> None:
        if self._process is not None:
            self._ending = asyncio.create_task(self._end_when_idle())

    def _stop_ending(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.cancel()

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._idle)
        async with self._turn:
            self._ending = None
            await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
