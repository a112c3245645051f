"""What goes on after an acknowledgement: bounded in number and in time, and drained before the bot stops.

Slack gives three seconds for an answer, dependencies may take longer. So every door acknowledges first and
hands the rest to `Work`.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from bot.domain.errors import LightshipError
from bot.logs import Log, LogAction
from bot.telemetry import DOOR_COMMANDS, DOOR_TASKS, LOOP_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LET_GO_WITHIN: Final = 0.25
_log = Log("doors")


class Work:
    """Jobs under way: `at_most` at once, each for `within` seconds at most."""

    def __init__(self, *, at_most: int = 64, within: float = 120.0) -> None:
        self._at_most = at_most
        self._within = within
        self._jobs: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def has_room(self) -> bool:
        """Whether another job would be taken now."""
        return not self._closed and len(self._jobs) < self._at_most

    def start(
        self, surface: str, job: Callable[[], Awaitable[None]], complain: Callable[[str], Awaitable[None]]
    ) -> bool:
        """Begin a job; False where there is no room. `complain(words)` tells the person where it fails."""
        if not self.has_room:
            DOOR_COMMANDS.labels(surface=surface, outcome="no_room").inc()
            _log.warning(LogAction.COMMAND_REFUSED, surface=surface, why="no room")
            return False
        task = asyncio.create_task(self._run(surface, job, complain))
        self._jobs.add(task)
        DOOR_TASKS.set(len(self._jobs))
        task.add_done_callback(self._over)
        return True

    async def drain(self, *, within: float = 10.0) -> None:
        """Take nothing new and wait for what is under way; what takes longer is cancelled, and left soon.

        A job that is cancelled in a transaction rolls it back, and where the store hangs that hangs as well.
        """
        self._closed = True
        if not self._jobs:
            return
        _, late = await asyncio.wait(set(self._jobs), timeout=within)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_LET_GO_WITHIN)

    async def settled(self) -> None:
        """Return once nothing is under way; for tests and rehearsals."""
        while self._jobs:
            await asyncio.wait(set(self._jobs))

    def _over(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        DOOR_TASKS.set(len(self._jobs))

    async def _run(
        self, surface: str, job: Callable[[], Awaitable[None]], complain: Callable[[str], Awaitable[None]]
    ) -> None:
        outcome = "done"
        try:
            async with asyncio.timeout(self._within):
                await job()
        except TimeoutError:
            outcome = "timeout"
            await self._tell(complain, "That took too long and was given up. Look before you try again.")
        except LightshipError as error:
            outcome = "failed"
            _log.warning(LogAction.COMMAND_FAILED, surface=surface, why=str(error))
            await self._tell(complain, f"That did not work: {error}")
        except Exception as error:  # noqa: BLE001 - one press must not take the door down; counted and logged
            outcome = "error"
            mark = secrets.token_hex(4)
            LOOP_ERRORS.labels(loop="doors").inc()
            _log.error(LogAction.COMMAND_FAILED, cause=error, surface=surface, mark=mark)
            await self._tell(complain, f"Something is wrong inside Lightship; the log says what at {mark}.")
        finally:
            DOOR_COMMANDS.labels(surface=surface, outcome=outcome).inc()

    @staticmethod
    async def _tell(complain: Callable[[str], Awaitable[None]], words: str) -> None:
        try:
            await complain(words)
        except LightshipError as error:
            _log.warning(LogAction.COMMAND_FAILED, why=f"the person could not be told: {error}")
