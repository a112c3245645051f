"""Shipped stand-ins for time, ids and the chat, used by the tests and by rehearsals alike."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from bot.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.ports.notifier import RenderedMessage
from typing import TYPE_CHECKING

from bot.domain.actors import user
from bot.domain.approvals import Approval, DecisionWord, grant_of, plan_digest
from bot.domain.decisions import decide
from bot.domain.policies import ApprovalRule

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Plan

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""The moment at which frozen clocks start unless told otherwise."""

_TURNS_AFTER_WAKING = 20


class FrozenClock:
    """A clock that only moves when it is told to.

    `await clock.advance(seconds=90)` wakes sleepers in the order of their times, each at its own time. With
    `auto` a sleep moves the clock by itself, which lets a single task run through hours at once.
    """

    def __init__(self, now: datetime = START, *, auto: bool = False) -> None:
        self._now = now
        self._auto = auto
        self._order = count()
        self._sleepers: list[tuple[datetime, int, asyncio.Event]] = []

    def now(self) -> datetime:
        """The time that it stands at."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been moved that far."""
        due = self._now + timedelta(seconds=max(seconds, 0.0))
        if self._auto:
            self._now = due
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (due, next(self._order), woken))
        await woken.wait()

    async def advance(self, *, seconds: float) -> None:
        """Move the clock on, waking who sleeps until then; woken tasks get turns to run before the next."""
        until = self._now + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            woken.set()
            await _let_others_run()
        self._now = max(self._now, until)
        await _let_others_run()

    def set(self, now: datetime) -> None:
        """Put the clock to a time, without waking anybody."""
        self._now = now


class SequentialIds:
    """Ids that count: `id-000001`, `id-000002`."""

    def __init__(self, prefix: str = "id") -> None:
        self._prefix = prefix
        self._numbers = count(1)

    def new(self) -> str:
        """The next id."""
        return f"{self._prefix}-{next(self._numbers):06d}"


async def _let_others_run() -> None:
    for _ in range(_TURNS_AFTER_WAKING):
        await asyncio.sleep(0)


def make_grant(
    plan: Plan, *, approval_id: str = "id-000001", requester: str = "U0ALICE", approver: str = "U0BOB"
) -> Grant:
    """A grant for a plan, asked for by one person and approved by another, the way all grants are made."""
    asked_by = user(requester)
    digest = plan_digest(plan, approval_id=approval_id, requester=asked_by)
    approval = Approval(
        id=approval_id,
        incident_id=None,
        plan=plan,
        digest=digest,
        requester=asked_by,
        reason="rehearsed",
        requested_at=START,
        expires_at=START + timedelta(hours=1),
    )
    decision = decide(
        approval,
        DecisionWord.APPROVE,
        by=user(approver),
        digest=digest,
        now=START,
        rule=ApprovalRule(),
    )
    return grant_of(decision.approval)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A message in the `MemoryChat`."""

    ts: str
    channel: str
    thread: str | None
    message: RenderedMessage
    message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadedFile:
    """A file that the `MemoryChat` has."""

    name: str
    content: bytes
    alt_text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFile:
    """A file that a channel of the `MemoryChat` shows."""

    file_id: str
    channel: str
    thread: str | None
    title: str
    text: str


class MemoryChat:
    """`bot.ports.notifier.Notifier` without a chat behind it, which can fail in each way that the port names.

    `fail("post", Temporary("…"))` fails the next call before it has an effect, `after=True` makes the call
    and then fails, as when an answer is lost. `hold("post")` lets calls wait until the returned event is set.
    """

    def __init__(self) -> None:
        self.shown: dict[str, Shown] = {}
        self.files: dict[str, UploadedFile] = {}
        self.shared: list[SharedFile] = []
        self.calls: list[tuple[str, str]] = []
        self._failures: dict[str, deque[tuple[Exception, bool]]] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._hidden: set[str] = set()
        self._called = asyncio.Event()
        self._numbers = count(1)

    def fail(self, method: str, error: Exception, *, after: bool = False, times: int = 1) -> None:
        """Make the next calls of a method fail."""
        self._failures.setdefault(method, deque()).extend([(error, after)] * times)

    def hold(self, method: str) -> asyncio.Event:
        """Let calls of a method wait before they have an effect, until the event is set."""
        return self._gates.setdefault(method, asyncio.Event())

    def release(self, method: str) -> None:
        """Let further calls of a method pass; those that wait already still wait for their event."""
        self._gates.pop(method, None)

    def hide(self, ts: str) -> None:
        """Leave a message out of the next look-up alone, as a chat does whose history lags behind."""
        self._hidden.add(ts)

    async def until_called(self, method: str, channel: str, *, times: int = 1) -> None:
        """Return when a method was called for a channel so often since the start."""
        while self.calls.count((method, channel)) < times:
            self._called.clear()
            await self._called.wait()

    def mend(self) -> None:
        """End all failures."""
        self._failures.clear()

    def in_channel(self, channel: str, *, thread: str | None = None) -> list[Shown]:
        """What a channel, or one of its threads, shows; oldest first."""
        return [one for one in self.shown.values() if one.channel == channel and one.thread == thread]

    async def post(
        self, *, channel: str, thread: str | None, message: RenderedMessage, metadata: Mapping[str, str]
    ) -> str:
        """Show a new message; a thread whose first message is gone is not found."""
        async with self._call("post", channel):
            if thread is not None and thread not in self.shown:
                raise NotFound("thread not found")
            ts = f"1700000000.{next(self._numbers):06d}"
            message_id = metadata.get("message_id", "")
            self.shown[ts] = Shown(
                ts=ts, channel=channel, thread=thread, message=message, message_id=message_id
            )
        return ts

    async def update(self, *, channel: str, ts: str, message: RenderedMessage) -> None:
        """Replace a message's content."""
        async with self._call("update", channel):
            if ts not in self.shown:
                raise NotFound("message not found")
            self.shown[ts] = replace(self.shown[ts], message=message)

    async def find(
        self,
        *,
        channel: str,
        thread: str | None,
        message_id: str,
        since: datetime,  # noqa: ARG002 - the port's; nothing is forgotten here
    ) -> tuple[str, ...]:
        """The messages with that id."""
        async with self._call("find", channel):
            ours = [one for one in self.in_channel(channel, thread=thread) if one.message_id == message_id]
            seen = tuple(one.ts for one in ours if one.ts not in self._hidden)
            self._hidden.clear()
        return seen

    async def delete(self, *, channel: str, ts: str) -> None:
        """Remove a message."""
        async with self._call("delete", channel):
            self.shown.pop(ts, None)

    async def upload(self, *, name: str, content: bytes, alt_text: str) -> str:
        """Take a file that nobody sees yet."""
        async with self._call("upload", ""):
            file_id = f"F{next(self._numbers):06d}"
            self.files[file_id] = UploadedFile(name=name, content=content, alt_text=alt_text)
        return file_id

    async def share(self, *, file_id: str, channel: str, thread: str | None, title: str, text: str) -> None:
        """Show a file; sharing it again shows it again."""
        async with self._call("share", channel):
            if file_id not in self.files or (thread is not None and thread not in self.shown):
                raise NotFound("file not found")
            self.shared.append(
                SharedFile(file_id=file_id, channel=channel, thread=thread, title=title, text=text)
            )

    async def is_shared(self, *, file_id: str, channel: str) -> bool:
        """Whether a channel shows a file."""
        async with self._call("is_shared", channel):
            if file_id not in self.files:
                raise NotFound("file not found")
        return any(one.file_id == file_id and one.channel == channel for one in self.shared)

    @asynccontextmanager
    async def _call(self, method: str, channel: str) -> AsyncIterator[None]:
        self.calls.append((method, channel))
        self._called.set()
        if method in self._gates:
            await self._gates[method].wait()
        queue = self._failures.get(method)
        error, after = queue.popleft() if queue else (None, False)
        if error is not None and not after:
            raise error
        yield
        if error is not None:
            raise error
