"""Findings that pass their age limit are shown as old without anybody asking."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.findings import Finding, Verdict
from bot.domain.messages import MessageKind
from bot.engines.ageing import Ageing
from bot.engines.noting import show
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_incident
from tests.opening import open_store

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_message_is_due_once_when_a_finding_grows_old(tmp_path: Path) -> None:
    """Not while the finding is fresh, once when it passes its limit, and not again after that."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        ageing = Ageing(store=store, services=["churn"])
        async with store.transaction() as tx:
            incident = await tx.incidents.save(make_incident())
            await show(tx, SequentialIds(), incident)
            await tx.findings.save(incident.id, found_at(clock))
        marked = []
        for _ in range(8):
            marked.append(await ageing.mark())
            await clock.advance(seconds=30)
        assert marked == [0, 0, 0, 0, 0, 1, 0, 0]
        async with store.transaction() as tx:
            message = await tx.messages.find(MessageKind.INCIDENT, str(incident.id))
            assert message is not None
            assert message.desired_revision == 2


async def test_what_grew_old_while_nobody_looked_is_shown_once(tmp_path: Path) -> None:
    """The bot was away for ten minutes; of the replicas that come, one marks it."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        assert await Ageing(store=store, services=["churn"]).mark() == 0
        async with store.transaction() as tx:
            incident = await tx.incidents.save(make_incident())
            await show(tx, SequentialIds(), incident)
            await tx.findings.save(incident.id, found_at(clock))
        await clock.advance(seconds=600)
        replicas = [Ageing(store=store, services=["churn"]) for _ in range(2)]
        assert [await one.mark() for one in replicas] == [1, 0]


def found_at(clock: FrozenClock) -> Finding:
    """What is fresh for two minutes from now."""
    return Finding(
        check="pods",
        target="churn",
        verdict=Verdict.OK,
        summary="fine",
        observed_at=clock.now(),
        fresh_for=timedelta(minutes=2),
    )
