"""Shipped stand-ins for time and ids, used by the tests and by rehearsals alike."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from bot.domain.actors import user
from bot.domain.approvals import Approval, DecisionWord, decide, grant_of, plan_digest

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
        requester_may_approve=False,
    )
    return grant_of(decision.approval)
