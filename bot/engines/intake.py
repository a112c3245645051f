"""Accepting webhooks: everything that waits is committed in one transaction, then each is answered.

Called by the Alertmanager door. `submit` returns once a webhook is durable, or raises `Overloaded` within a
second. A webhook whose commit succeeds after that is stored all the same: Alertmanager sends it again, and
the merge of a repeat changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot import telemetry
from bot.domain.errors import LightshipError, Overloaded, Temporary
from bot.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.deliveries import Delivery
    from bot.ports.stores import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeLimits:
    """How much may wait, in webhooks and in alerts; how much one commit takes; how long a webhook waits."""

    webhooks: int = 1_000
    alerts: int = 50_000
    batch: int = 200
    patience: timedelta = timedelta(milliseconds=800)
    drain: timedelta = timedelta(seconds=5)


@dataclass(slots=True, eq=False)
class _Waiting:
    delivery: Delivery
    weight: int
    until: float
    """When patience ends, in the event loop's time."""
    stored: asyncio.Future[None]

    def settle(self, error: Exception | None) -> None:
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error)


class Intake:
    """The bounded queue and its one writer. `on_stored` is called after each commit, to start the merging."""

    def __init__(
        self,
        *,
        store: Store,
        on_stored: Callable[[], None],
        limits: IntakeLimits = IntakeLimits(),
    ) -> None:
        self._store = store
        self._on_stored = on_stored
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._under_way: Sequence[_Waiting] = ()
        self._alerts = 0
        self._patience = limits.patience.total_seconds()
        self._alarm: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self._closed = False
        self._ended = asyncio.Event()
        self._writer: asyncio.Task[Any] | None = None
        telemetry.INTAKE_QUEUE.set_function(lambda: len(self._queue))

    async def submit(self, delivery: Delivery) -> None:
        """Return when the webhook is durable. Raises Overloaded when that cannot be said within the limit."""
        waiting = self._enqueue(delivery)
        try:
            await waiting.stored
        except asyncio.CancelledError:
            self._withdraw(waiting)
            raise

    async def run(self) -> None:
        """Commit what waits until `stop` is called; then commit the rest and return.

        Cancelled by `stop` where the store does not answer in time.
        """
        self._writer = asyncio.current_task()
        try:
            while not (self._closed and not self._queue):
                await self._work.wait()
                self._work.clear()
                while self._queue:
                    self._under_way = self._take()
                    await self._commit(self._under_way)
                    self._under_way = ()
        finally:
            self._closed = True
            for waiting in (*self._under_way, *self._take(everything=True)):
                waiting.settle(Overloaded("the bot is stopping"))
            self._ended.set()

    async def stop(self) -> None:
        """Refuse from now on, and return when what was accepted is committed, or its time is up."""
        self._closed = True
        self._work.set()
        try:
            async with asyncio.timeout(self._limits.drain.total_seconds()):
                await self._ended.wait()
        except TimeoutError:
            if self._writer is not None:
                self._writer.cancel()

    def _enqueue(self, delivery: Delivery) -> _Waiting:
        if self._closed:
            raise Overloaded("the bot is stopping")
        if len(self._queue) >= self._limits.webhooks or self._alerts >= self._limits.alerts:
            raise Overloaded("too many webhooks wait to be stored")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(
            delivery=delivery,
            weight=max(len(delivery.group.alerts), 1),
            until=loop.time() + self._patience,
            stored=loop.create_future(),
        )
        self._queue.append(waiting)
        self._alerts += waiting.weight
        if self._alarm is None:
            self._alarm = loop.call_at(waiting.until, self._give_up)
        self._work.set()
        return waiting

    def _give_up(self) -> None:
        """Push back whoever's patience is over; one alarm for all, as one each would cost every answer."""
        self._alarm = None
        loop = asyncio.get_running_loop()
        oldest = None
        for waiting in (*self._under_way, *self._queue):
            if waiting.until <= loop.time():
                self._withdraw(waiting)
                waiting.settle(Overloaded("the store did not take the webhook in time"))
            elif not waiting.stored.done() and (oldest is None or waiting.until < oldest):
                oldest = waiting.until
        if oldest is not None:
            self._alarm = loop.call_at(oldest, self._give_up)

    def _withdraw(self, waiting: _Waiting) -> None:
        """Nobody waits for it any more: Alertmanager will send it again, so it need not be stored."""
        if waiting in self._queue:
            self._queue.remove(waiting)
            self._alerts -= waiting.weight

    def _take(self, *, everything: bool = False) -> list[_Waiting]:
        taken: list[_Waiting] = []
        while self._queue and (everything or len(taken) < self._limits.batch):
            waiting = self._queue.popleft()
            self._alerts -= waiting.weight
            taken.append(waiting)
        return taken

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._write(batch)
        except Temporary as error:
            _refuse(batch, error)
        except Exception as error:  # noqa: BLE001 - the writer must survive whatever one webhook does to it
            telemetry.LOOP_ERRORS.labels(loop="intake").inc()
            if len(batch) == 1:
                _refuse(batch, error)
                return
            for waiting in batch:
                await self._commit([waiting])
        else:
            for waiting in batch:
                waiting.settle(None)
            self._on_stored()

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        fault("before-intake-commit")
        await self._store.keep([waiting.delivery for waiting in batch])
        fault("after-intake-commit")
        telemetry.ALERTS_STORED.inc(sum(len(w.delivery.group.alerts) for w in batch))


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    words = str(error) if isinstance(error, LightshipError) else type(error).__name__
    for waiting in batch:
        waiting.settle(Overloaded(f"the webhook was not stored: {words}"))
