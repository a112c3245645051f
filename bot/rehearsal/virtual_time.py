"""An event loop whose time is virtual: when every task waits, the clock jumps to the next moment that is due.

`lightship rehearse` runs the whole bot on one, so that hours pass in milliseconds and always in the same
order. Nothing in the bot knows: time-outs, sleeps and ticks are the loop's. What runs in threads is waited
for in real time, and meanwhile the virtual clock stands.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Executor
    from selectors import SelectorKey

Result = TypeVar("Result")

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""When rehearsals begin unless told otherwise: a Tuesday morning."""


class NothingLeftError(RuntimeError):
    """Every task waits for something that cannot come any more."""


class _JumpingSelector(selectors.BaseSelector):
    """Hands real events on; where there is none and nothing runs elsewhere, it lets time pass instead."""

    def __init__(self, jump: Callable[[float], None], busy: Callable[[], bool]) -> None:
        self._real = selectors.DefaultSelector()
        self._jump = jump
        self._busy = busy

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        return self._real.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if self._busy() and (timeout is None or timeout > 0):
            return self._real.select(None)
        events = self._real.select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise NothingLeftError("every task waits for something that cannot come")
        self._jump(timeout)
        return []

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time` begins at 0 and counts virtual seconds."""

    def __init__(self) -> None:
        self._virtual = 0.0
        self._elsewhere = 0
        super().__init__(_JumpingSelector(self._jump, lambda: self._elsewhere > 0))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual

    def run_in_executor(  # type: ignore[override]  # typeshed's signature is narrower than what is passed on
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As asyncio does; the clock stands until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._elsewhere += 1
        future.add_done_callback(self._back)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        """As asyncio does, in real time; newer Pythons give a time-out."""
        self._elsewhere += 1
        try:
            await super().shutdown_default_executor(*args)
        finally:
            self._elsewhere -= 1

    def _back(self, _: object) -> None:
        self._elsewhere -= 1

    def _jump(self, seconds: float) -> None:
        self._virtual += seconds


class VirtualClock:
    """`bot.ports.clock.Clock` over the running loop's time."""

    def __init__(self, start: datetime = START) -> None:
        self.start = start

    def now(self) -> datetime:
        """The virtual time; before a loop runs, the start."""
        try:
            seconds = asyncio.get_running_loop().time()
        except RuntimeError:
            seconds = 0.0
        return self.start + timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        """Let that much virtual time pass."""
        await asyncio.sleep(max(seconds, 0.0))


def run_virtually(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on a loop of its own. Raises NothingLeftError where it would wait for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
