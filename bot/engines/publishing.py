"""The loop that brings the chat to the state: claims what is due, shows it, waits for the next slot.

Run by `bot.bootstrap`, woken by every commit that made a message due. Several replicas run it side by side;
the store's slots keep them from speaking faster together than one may alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import telemetry
from bot.domain.errors import LightshipError
from bot.domain.messages import Lease, Pace
from bot.engines.delivering import Delivering, Outcome, Waits
from bot.engines.waking import Waker
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.messages import Message
    from bot.ports.clock import Clock
    from bot.ports.message_stores import Claimed
    from bot.ports.notifier import Notifier, RenderedMessage
    from bot.ports.stores import Store, Transaction

_LOG = Log("publishing")
_SHORTEST_WAIT = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishLimits:
    """How fast, how many at once, how long a claim holds, and how long a stop waits for what is under way.

    The lease is longer than a look-up, a post and its time-outs together; after a crash nobody shows the
    message before it ends. Slack allows 50 edits a minute in a workspace: 45 and a burst of 5 stay within.
    """

    pace: Pace = field(
        default_factory=lambda: Pace(
            channel_interval=timedelta(seconds=1),
            edit_interval=timedelta(seconds=60 / 45),
            edit_burst=5,
        )
    )
    at_once: int = 8
    lease: timedelta = timedelta(seconds=45)
    poll: float = 1.0
    grace: timedelta = timedelta(seconds=4)
    waits: Waits = field(default_factory=Waits)


class Publishing:
    """Shows every message in its latest state, and never gives one up.

    `compose` draws a message from the state that the transaction sees. `owner` is unique to this start of the
    process.
    """

    def __init__(
        self,
        *,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        compose: Callable[[Transaction, Message], Awaitable[RenderedMessage]],
        owner: str,
        limits: PublishLimits = PublishLimits(),
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._lease = Lease(owner=owner, duration=limits.lease)
        self._delivering = Delivering(
            store=store,
            notifier=notifier,
            clock=clock,
            compose=compose,
            owner=owner,
            lease=limits.lease,
            channel_interval=limits.pace.channel_interval,
            waits=limits.waits,
        )
        self._waker = Waker(clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._strays: dict[str, str] = {}
        self._stopping = False

    def wake(self) -> None:
        """Something may be due."""
        self._waker.ring()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is under way is done or its grace is over."""
        self._stopping = True
        self._waker.ring()

    async def run(self) -> None:
        """Publish until `stop` is called, errors or not; claims are given back at the end."""
        try:
            while not self._stopping:
                try:
                    wait = await self._start_due()
                except Exception as error:  # noqa: BLE001 - the loop must survive whatever the store does
                    telemetry.LOOP_ERRORS.labels(loop="publishing").inc()
                    _LOG.warning(LogAction.LOOP_FAILED, loop="publishing", error=_words(error))
                    wait = self._limits.poll
                await self._waker.wait(at_most=wait)
        finally:
            await self._wind_up()

    async def step(self) -> tuple[Outcome, ...]:
        """Claim once, and show what was claimed; how each ended."""
        claimed, _ = await self._claim(self._limits.at_once)
        return tuple(await asyncio.gather(*(self._delivering.deliver(one) for one in claimed)))

    async def _start_due(self) -> float:
        """Start what may be started; the seconds until there may be more."""
        room = self._limits.at_once - len(self._tasks)
        if room <= 0:
            return self._limits.poll
        claimed, wait = await self._claim(room)
        for one in claimed:
            task = asyncio.create_task(self._deliver(one))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        return wait

    async def _claim(self, room: int) -> tuple[tuple[Claimed, ...], float]:
        for message_id, why in tuple(self._strays.items()):
            async with self._store.transaction() as tx:
                await tx.messages.postpone(message_id, owner=self._lease.owner, error=why, retry_at=tx.now)
            del self._strays[message_id]
        async with self._store.transaction() as tx:
            claimed = await tx.messages.claim(self._lease, self._limits.pace, limit=room)
            due = await tx.messages.next_due()
            wait = self._limits.poll if due is None else (due - tx.now).total_seconds()
        return claimed, min(max(wait, _SHORTEST_WAIT), self._limits.poll)

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            await self._delivering.deliver(claimed)
        except Exception as error:  # noqa: BLE001 - given back once the store can be had, or when its lease ends
            self._strays[claimed.message.id] = _words(error)
            telemetry.LOOP_ERRORS.labels(loop="publishing").inc()
            _LOG.warning(LogAction.LOOP_FAILED, loop="publishing", error=_words(error))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._waker.ring()

    async def _wind_up(self) -> None:
        """Let what is under way end, then give every claim back; a first post's intent stays for the next."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.grace.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            async with asyncio.timeout(self._limits.grace.total_seconds()):
                async with self._store.transaction() as tx:
                    await tx.messages.release(self._lease.owner)
        except (LightshipError, TimeoutError) as error:
            _LOG.warning(LogAction.LOOP_FAILED, loop="publishing", error=_words(error))


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, LightshipError) else type(error).__name__
