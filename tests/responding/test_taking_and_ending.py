"""Acknowledge and resolve by hand: who is first, what is noted, and what is said of what still fires."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.actors import user
from bot.domain.commands import AcknowledgeIncident, OutcomeReason, ResolveIncident
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState, Resolution
from bot.domain.messages import MessageKind
from bot.engines.noting import show
from bot.engines.responding import Responding
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_incident, make_key
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.incidents import Incident

ALICE, BOB = user("U0ALICE"), user("U0BOB")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A store in a file."""
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=FrozenClock()) as opened:
        yield opened


@pytest.fixture
def responding(store: SqlStore) -> Responding:
    """The engine."""
    return Responding(store=store, ids=SequentialIds(), settle=timedelta(seconds=60))


async def opened(store: SqlStore, key: str = "one") -> Incident:
    """An incident with its message."""
    async with store.transaction() as tx:
        incident = await tx.incidents.save(make_incident(key=make_key(key)))
        await show(tx, SequentialIds(key), incident)
    return incident


async def test_the_first_takes_it_and_the_others_are_told_who_has_it(
    store: SqlStore, responding: Responding
) -> None:
    """Pressed by two at the same moment: one event, one name."""
    incident = await opened(store)
    outcomes = await asyncio.gather(
        *(
            responding.acknowledge(AcknowledgeIncident(incident_id=incident.id, actor=one))
            for one in (ALICE, BOB)
        )
    )
    assert sorted(one.reason for one in outcomes) == [OutcomeReason.ALREADY, OutcomeReason.DONE]
    async with store.transaction() as tx:
        now = await tx.incidents.get(incident.id)
        events = await tx.events.of_incident(incident.id)
    assert now is not None
    assert now.state is IncidentState.ACKNOWLEDGED
    assert [(one.kind, one.actor) for one in events] == [(EventKind.ACKNOWLEDGED, now.acknowledged_by)]
    (late,) = [one for one in outcomes if one.reason is OutcomeReason.ALREADY]
    assert now.acknowledged_by is not None
    assert f"already by <@{now.acknowledged_by.id}>" in late.sentence


async def test_resolving_by_hand_says_what_still_fires(store: SqlStore, responding: Responding) -> None:
    """It ends once; the event counts what burns on, and the neighbours' messages are due."""
    incident, neighbour = await opened(store), await opened(store, "two")
    async with store.transaction() as tx:
        before = await tx.messages.find(MessageKind.INCIDENT, str(neighbour.id))
    outcome = await responding.resolve(ResolveIncident(incident_id=incident.id, actor=BOB))
    assert outcome.reason is OutcomeReason.DONE
    assert "still fire" in outcome.sentence
    again = await responding.resolve(ResolveIncident(incident_id=incident.id, actor=ALICE))
    late = await responding.acknowledge(AcknowledgeIncident(incident_id=incident.id, actor=ALICE))
    assert (again.reason, late.reason) == (OutcomeReason.ALREADY, OutcomeReason.ALREADY)
    async with store.transaction() as tx:
        now = await tx.incidents.get(incident.id)
        events = await tx.events.of_incident(incident.id)
        after = await tx.messages.find(MessageKind.INCIDENT, str(neighbour.id))
    assert now is not None
    assert (now.state, now.resolution, now.resolved_by) == (IncidentState.RESOLVED, Resolution.BY_HAND, BOB)
    resolved, *pressed = events
    assert (resolved.kind, resolved.detail["still_firing"]) == (EventKind.RESOLVED, 1)
    assert [(one.kind, one.detail["what"]) for one in pressed] == [
        (EventKind.PRESS_REFUSED, "resolve"),
        (EventKind.PRESS_REFUSED, "acknowledge"),
    ]
    assert before is not None
    assert after is not None
    assert after.desired_revision == before.desired_revision + 1


async def test_a_number_that_no_incident_has(responding: Responding) -> None:
    """Is said to be none."""
    for outcome in (
        await responding.acknowledge(AcknowledgeIncident(incident_id=9, actor=BOB)),
        await responding.resolve(ResolveIncident(incident_id=9, actor=BOB)),
    ):
        assert (outcome.reason, outcome.sentence) == (OutcomeReason.NOT_FOUND, "There is no incident #9.")
