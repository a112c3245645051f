"""The job that keeps the store small: on schedule, in batches, and never silently."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP
from bot.domain.events import Event, EventKind
from bot.domain.messages import MessageKind
from bot.engines.noticing import Noticing
from bot.engines.pruning import BATCH, Periods, Pruning
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_delivery, make_group, make_message
from tests.opening import open_store

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

PERIODS = Periods(
    payloads=timedelta(days=30),
    findings=timedelta(days=30),
    logs=timedelta(days=30),
    notices=timedelta(days=30),
    drift_reports=timedelta(days=90),
    incidents=timedelta(days=400),
)


async def test_webhooks_that_are_given_up_are_told_of(tmp_path: Path) -> None:
    """More than a batch of webhooks that failed for a month go, and one notice says how many."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        told = [make_delivery(make_group(key=f"g{number}")) for number in range(BATCH + 5)]
        async with store.transaction() as tx:
            await tx.deliveries.add(told)
            for one in told:
                await tx.deliveries.failed(one.id, error="no", retry_at=tx.now)
        noticing = Noticing(store=store, ids=SequentialIds(), channel="C0OPS", rest=timedelta(minutes=15))
        pruning = Pruning(store=store, periods=PERIODS, noticing=noticing)
        assert await pruning.step() == 0
        await clock.advance(seconds=timedelta(days=31).total_seconds())
        assert await pruning.step() == BATCH + 5
        async with store.transaction() as tx:
            assert (await tx.deliveries.backlog()).waiting == 0
            notices = [one for one in await tx.messages.undelivered() if one.kind is MessageKind.NOTICE]
        assert len(notices) == 1


async def test_what_belongs_to_no_incident_is_kept_as_configured(tmp_path: Path) -> None:
    """A notice goes after its own time with its event, other events as incidents do."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        ids = SequentialIds()
        noticing = Noticing(store=store, ids=ids, channel="C0OPS", rest=timedelta(minutes=15))
        async with store.transaction() as tx:
            await tx.events.add(event := make_notice(tx.now))
            await tx.messages.put(make_message(event.id, created_at=tx.now, posted_revision=1))
        untold = Noticing(store=store, ids=ids, channel=None, rest=timedelta(minutes=15))
        await untold.tell("untold", title="Nobody is told", text="There is no channel.")
        pruning = Pruning(store=store, periods=PERIODS, noticing=noticing)
        await clock.advance(seconds=timedelta(days=29).total_seconds())
        assert await pruning.step() == 0
        await clock.advance(seconds=timedelta(days=2).total_seconds())
        assert await pruning.step() == 1
        await clock.advance(seconds=timedelta(days=370).total_seconds())
        assert await pruning.step() == 1


def make_notice(at: datetime) -> Event:
    """Something that was told."""
    return Event(id="told", at=at, kind=EventKind.NOTICE, actor=LIGHTSHIP, service="", incident_id=None)
