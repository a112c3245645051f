"""The alert that always fires, and what its absence says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.alerts import AlertStatus
from bot.domain.heartbeats import Silence, take_heartbeats
from bot.domain.messages import Lease, MessageKind, Pace
from bot.engines.composing import Composing
from bot.engines.listening import BEAT, Listening
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_alert, make_group
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.adapters.database import SqlStore
    from bot.domain.messages import Message

WATCHDOG = make_alert("Watchdog")
LEASE = Lease(owner="one", duration=timedelta(seconds=45))
PACE = Pace(channel_interval=timedelta(0), edit_interval=timedelta(0), edit_burst=1)


def is_watchdog(labels: Mapping[str, str]) -> bool:
    """The heartbeat of these tests."""
    return labels["alertname"] == "Watchdog"


def test_heartbeats_are_cut_out_of_mixed_groups() -> None:
    """What is left is the rest of the group, and a heartbeat that ended does not beat."""
    mixed = take_heartbeats(make_group(WATCHDOG, make_alert()), is_watchdog)
    assert mixed.beats
    assert [one.name for one in mixed.group.alerts] == ["HighLatency"]
    ended = take_heartbeats(make_group(replace(WATCHDOG, status=AlertStatus.RESOLVED)), is_watchdog)
    assert (ended.beats, ended.group.alerts) == (False, ())
    other = make_group(make_alert())
    assert take_heartbeats(other, is_watchdog).group is other


@dataclass(kw_only=True)
class Ear:
    """Two replicas that listen, their store and clock."""

    store: SqlStore
    clock: FrozenClock
    ids: SequentialIds

    async def minutes(self, count: int, *, beating: bool = False) -> list[Silence]:
        """Listen every half minute, by turns on either replica."""
        found = []
        for number in range(count * 2):
            await self.clock.advance(seconds=30)
            if beating and number % 2:
                await self.beat()
            found.append(await self.replica().step())
        return found

    def replica(self) -> Listening:
        """One that has just been started."""
        return Listening(
            store=self.store,
            ids=self.ids,
            channel="C0OPS",
            within=timedelta(minutes=10),
            every=timedelta(seconds=30),
        )

    async def beat(self) -> None:
        """The heartbeat comes in."""
        async with self.store.transaction() as tx:
            await tx.heartbeats.beat(BEAT, tx.now)

    async def notices(self) -> list[Message]:
        """What is to be shown."""
        async with self.store.transaction() as tx:
            found = await tx.messages.undelivered()
        assert {one.kind for one in found} <= {MessageKind.NOTICE}
        return list(found)

    async def text(self, notice: Message) -> str:
        """What a notice says now."""
        composing = Composing(
            services={},
            runbook=lambda _: None,
            classify=lambda _: pytest.fail("no alert here"),
            settle=timedelta(0),
            checks=(),
            enabled=lambda: True,
        )
        async with self.store.transaction() as tx:
            return (await composing.compose(tx, notice)).text


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    """Fresh ones."""
    clock = FrozenClock()
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        yield Ear(store=store, clock=clock, ids=SequentialIds())


async def test_silence_is_told_once_and_its_end_ends_it(ear: Ear) -> None:
    """One notice for one absence, however long; the next beat edits it, the next absence is a new one."""
    assert Silence.SILENT not in await ear.minutes(15, beating=True)
    found = await ear.minutes(60)
    assert found.count(Silence.SILENT) == 1
    (notice,) = await ear.notices()
    assert notice.channel == "C0OPS"
    assert "Alertmanager has been silent since 2026-11-24 09:15 UTC" in await ear.text(notice)
    assert (await ear.minutes(5, beating=True)).count(Silence.BACK) == 1
    (notice,) = await ear.notices()
    assert notice.desired_revision == 2
    assert "Alertmanager is heard again" in await ear.text(notice)
    assert (await ear.minutes(30)).count(Silence.SILENT) == 1
    assert len(await ear.notices()) == 2


async def test_a_heartbeat_that_never_came_is_silence_too(ear: Ear) -> None:
    """After a fresh installation the limit counts from the first listening, and not from nowhere."""
    found = await ear.minutes(10)
    assert set(found) == {Silence.WAITING}
    assert (await ear.minutes(5)).count(Silence.SILENT) == 1
    (notice,) = await ear.notices()
    assert "silent since 2026-11-24 09:00 UTC" in await ear.text(notice)


async def test_the_bots_own_absence_is_not_told_as_alertmanagers(ear: Ear) -> None:
    """After two hours down the last beat is old, but nobody listened; listening begins anew."""
    await ear.minutes(15, beating=True)
    await ear.clock.advance(seconds=7_200)
    assert Silence.SILENT not in await ear.minutes(9)
    assert Silence.SILENT in await ear.minutes(5)


async def test_a_notice_that_stands_is_not_repeated_after_the_bots_absence(ear: Ear) -> None:
    """The absence goes on while the bot is away: it is the same one."""
    await ear.minutes(15)
    await ear.clock.advance(seconds=7_200)
    assert set(await ear.minutes(30)) == {Silence.SILENT_STILL}
    assert len(await ear.notices()) == 1
    assert ear.clock.now() > START


async def test_a_silence_longer_than_its_notice_is_ended_by_a_notice_of_its_own(ear: Ear) -> None:
    """Old notices go; whoever was told of the silence is told of its end all the same, once."""
    await ear.minutes(15)
    (notice,) = await ear.notices()
    async with ear.store.transaction() as tx:
        (claimed,) = await tx.messages.claim(LEASE, PACE, limit=1)
        assert await tx.messages.finish(notice.id, owner="one", revision=notice.desired_revision, ts="1.1")
        assert claimed.message.id == notice.id
    await ear.clock.advance(seconds=60)
    async with ear.store.transaction() as tx:
        assert await tx.pruning_apart.notices(before=tx.now, limit=10) == 1
    assert (await ear.minutes(5, beating=True)).count(Silence.BACK) == 1
    (ending,) = await ear.notices()
    assert "Alertmanager is heard again" in await ear.text(ending)
