"""Silences of incidents in a rehearsed Alertmanager: made once, refused where they hide too much, lifted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.actors import user
from bot.domain.commands import LiftSilence, Outcome, OutcomeReason, SilenceIncident
from bot.domain.errors import Ambiguous
from bot.domain.events import EventKind
from bot.domain.incidents import IncidentState
from bot.domain.matchers import Matcher, Operator
from bot.engines import silencing
from bot.engines.silencing import Silencing, comment_mark
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.testing import START, FrozenClock, SequentialIds
from tests.making import make_incident, make_key
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.incidents import Incident
    from bot.ports.readers import Silence
    from bot.rehearsal.silences import RehearsalAlertmanager

ALICE = user("U0ALICE")
OWN = (Matcher(name="service", operator=Operator.EQUAL, value="churn"),)
HOUR, LONGEST = timedelta(hours=1), timedelta(hours=24)
FIRES = {"alertname": "HighLatency", "service": "churn", "pod": "api-1"}


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """The engine, its store and its Alertmanager."""

    store: SqlStore
    clock: FrozenClock
    world: World
    silencing: Silencing

    async def incident(self, **changes: object) -> Incident:
        """An incident with its number."""
        async with self.store.transaction() as tx:
            return await tx.incidents.save(make_incident(**changes))

    async def now(self, incident: Incident) -> Incident:
        """As the store has it."""
        async with self.store.transaction() as tx:
            found = await tx.incidents.get(incident.id)
        assert found is not None
        return found

    async def silence(
        self, incident: Incident, *, duration: timedelta = HOUR, reason: str = "deploying"
    ) -> Outcome:
        """Alice wants silence."""
        return await self.silencing.silence(
            SilenceIncident(incident_id=incident.id, duration=duration, reason=reason, actor=ALICE)
        )

    async def lift(self, incident: Incident) -> Outcome:
        """Alice wants to hear of it again."""
        return await self.silencing.lift(LiftSilence(incident_id=incident.id, actor=ALICE))

    async def active(self) -> list[Silence]:
        """Alertmanager's silences that last."""
        return [one for one in await self.world.alertmanager.silences() if one.state == "active"]

    async def kinds(self, incident: Incident) -> list[EventKind]:
        """What is noted."""
        async with self.store.transaction() as tx:
            return [event.kind for event in await tx.events.of_incident(incident.id)]


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[Quiet]:
    """A store in a file and a rehearsed Alertmanager."""
    clock, ids = FrozenClock(), SequentialIds()
    world = World(clock, ids)
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        engine = Silencing(
            store=store,
            ids=ids,
            silencer=world.alertmanager,
            reader=world.alertmanager,
            own_matchers=lambda service: OWN if service == "churn" else (),
            longest=LONGEST,
        )
        yield Quiet(store=store, clock=clock, world=world, silencing=engine)


async def test_a_silence_covers_the_group_within_the_service_and_nothing_else(quiet: Quiet) -> None:
    """The group's labels and the service's own matchers, for the wished time, noted and shown."""
    incident = await quiet.incident()
    outcome = await quiet.silence(incident)
    assert (outcome.reason, outcome.sentence) == (OutcomeReason.DONE, "Incident #1 is silenced for 1h.")
    (silence,) = await quiet.active()
    assert (silence.starts_at, silence.ends_at) == (START, START + HOUR)
    assert silence.created_by == "lightship for U0ALICE"
    assert quiet.world.alertmanager.silenced_by(FIRES)
    for other in ({"service": "billing"}, {"alertname": "Crash"}):
        assert not quiet.world.alertmanager.silenced_by({**FIRES, **other})
    mark = (await quiet.now(incident)).silence
    assert mark is not None
    assert (mark.id, mark.reason, mark.by) == (silence.id, "deploying", ALICE)
    assert await quiet.kinds(incident) == [EventKind.SILENCED]


async def test_a_lost_answer_leads_to_the_same_silence(quiet: Quiet) -> None:
    """The silence that Alertmanager made and could not tell of is adopted, at once."""
    incident = await quiet.incident()
    quiet.world.faults.switch_on("silencer.create", Fault.LOST_ANSWER, times=1)
    assert (await quiet.silence(incident)).reason is OutcomeReason.DONE
    (silence,) = await quiet.active()
    mark = (await quiet.now(incident)).silence
    assert mark is not None
    assert (mark.id, mark.reason) == (silence.id, "deploying")


async def test_a_crash_before_the_record_leads_to_the_same_silence(
    quiet: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who presses again after the crash gets the one that is there, as long as it really lasts."""
    incident = await quiet.incident()

    class Crash(BaseException):
        pass

    def crash(_: str) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(silencing, "fault", crash)
        with pytest.raises(Crash):
            await quiet.silence(incident)
    assert (await quiet.now(incident)).silence is None
    outcome = await quiet.silence(incident, duration=2 * HOUR)
    assert outcome.sentence == "Incident #1 is silenced for 1h."
    assert len(await quiet.active()) == 1


async def test_a_crash_before_the_record_does_not_keep_it_from_being_lifted(quiet: Quiet) -> None:
    """A silence of ours that the store knows nothing of is found by its mark and ended."""
    incident = await quiet.incident()
    await quiet.world.alertmanager.create(
        matchers=OWN,
        starts_at=START,
        ends_at=START + HOUR,
        created_by="lightship for U0BOB",
        comment=f"x {comment_mark(incident)}",
    )
    assert (await quiet.lift(incident)).reason is OutcomeReason.DONE
    assert await quiet.active() == []
    assert await quiet.kinds(incident) == [EventKind.SILENCE_LIFTED]


async def test_a_second_press_says_what_is_there(quiet: Quiet) -> None:
    """One silence an incident; to change it, lift it."""
    incident = await quiet.incident()
    await quiet.silence(incident)
    await quiet.clock.advance(seconds=600)
    outcome = await quiet.silence(incident, duration=4 * HOUR)
    assert outcome.reason is OutcomeReason.ALREADY
    assert "for 50m more" in outcome.sentence
    assert len(await quiet.active()) == 1


class Together:
    """An Alertmanager that two ask in the same moment: both have looked before either has made one."""

    def __init__(self, alertmanager: RehearsalAlertmanager, *, lost: bool) -> None:
        self._alertmanager = alertmanager
        self._both = asyncio.Barrier(2)
        self._lost = lost

    async def create(self, **wished: Any) -> str:
        """The id; or nothing but doubt, after which both find what is there."""
        await self._both.wait()
        silence_id = await self._alertmanager.create(**wished)
        await self._both.wait()
        if self._lost:
            raise Ambiguous("the answer was lost")
        return silence_id

    async def expire(self, silence_id: str) -> None:
        """Passed on."""
        await self._alertmanager.expire(silence_id)


@pytest.mark.parametrize("lost", [False, True])
async def test_of_two_presses_at_once_one_silence_stands(quiet: Quiet, *, lost: bool) -> None:
    """Two replicas, two people, both answers lost or none: one is recorded and told, and no more."""
    incident = await quiet.incident()
    alertmanager = quiet.world.alertmanager
    together = Together(alertmanager, lost=lost)
    replicas = [
        Silencing(
            store=quiet.store,
            ids=SequentialIds(f"replica-{number}"),
            silencer=together,
            reader=alertmanager,
            own_matchers=lambda _: OWN,
            longest=LONGEST,
        )
        for number in range(2)
    ]
    outcomes = await asyncio.gather(
        *(
            replica.silence(
                SilenceIncident(incident_id=incident.id, duration=hours * HOUR, reason="x", actor=ALICE)
            )
            for hours, replica in enumerate(replicas, start=1)
        )
    )
    assert sorted(one.reason for one in outcomes) == [OutcomeReason.ALREADY, OutcomeReason.DONE]
    assert await quiet.kinds(incident) == [EventKind.SILENCED]
    mark = (await quiet.now(incident)).silence
    assert mark is not None
    active = [one.id for one in await quiet.active()]
    if lost:  # neither knows which of the two is its own: both found the first, and lifting ends what is left
        assert mark.id in active
        await quiet.lift(incident)
        assert await quiet.active() == []
    else:
        assert active == [mark.id]


async def test_an_ended_silence_does_not_stand_in_the_way(quiet: Quiet) -> None:
    """When its time is up another one can be made."""
    incident = await quiet.incident()
    await quiet.silence(incident)
    await quiet.clock.advance(seconds=3600)
    assert (await quiet.silence(incident)).reason is OutcomeReason.DONE
    assert len(await quiet.active()) == 1


async def test_marks_are_not_mistaken(quiet: Quiet) -> None:
    """Neither a reason with another incident's mark nor a store begun anew leads to a foreign silence."""
    first, second = (
        await quiet.incident(),
        await quiet.incident(key=make_key("other"), group_labels={"alertname": "B"}),
    )
    await quiet.silence(first, reason=f"see {comment_mark(second)}")
    assert (await quiet.silence(second)).reason is OutcomeReason.DONE
    assert len(await quiet.active()) == 2
    reborn = make_incident(id=first.id, key=make_key("reborn"))
    assert comment_mark(reborn) != comment_mark(first)


@pytest.mark.parametrize(
    ("changes", "duration", "words"),
    [
        ({}, timedelta(seconds=30), "lasts 1m at least"),
        ({}, LONGEST + timedelta(seconds=1), "lasts 1d at most"),
        ({"state": IncidentState.RESOLVED}, HOUR, "resolved"),
        ({"group_labels": {}}, HOUR, "hide the whole service"),
        ({"group_labels": {"service": "churn"}}, HOUR, "hide the whole service"),
        ({"group_labels": {"pod": ""}}, HOUR, "hide the whole service"),
        ({"group_labels": {}, "key": make_key(service="gone")}, HOUR, "hide the whole service"),
    ],
)
async def test_refusals(quiet: Quiet, changes: dict[str, object], duration: timedelta, words: str) -> None:
    """Too short, too long, over already, or over the whole service: refused before Alertmanager is asked."""
    incident = await quiet.incident(**changes)
    outcome = await quiet.silence(incident, duration=duration)
    assert outcome.reason is OutcomeReason.REFUSED
    assert words in outcome.sentence
    over = incident.state is IncidentState.RESOLVED
    kept = [EventKind.PRESS_REFUSED] if over else []
    assert (await quiet.active(), await quiet.kinds(incident)) == ([], kept)


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.THROTTLED, Fault.SERVER_ERROR, Fault.REFUSED])
@pytest.mark.parametrize("call", ["silencer.create", "alertmanager.silences"])
async def test_an_alertmanager_that_refuses_is_told_and_nothing_is_recorded(
    quiet: Quiet, fault: Fault, call: str
) -> None:
    """The incident is not called silenced when it is not."""
    incident = await quiet.incident()
    quiet.world.faults.switch_on(call, fault)
    outcome = await quiet.silence(incident)
    assert outcome.reason is OutcomeReason.UNAVAILABLE
    assert outcome.sentence.startswith("Alertmanager did not take the silence: ")
    assert (await quiet.now(incident)).silence is None


async def test_a_silence_is_lifted_with_all_that_carry_its_mark(quiet: Quiet) -> None:
    """Two replicas may have made one each at the same moment: nothing of it is left."""
    incident = await quiet.incident()
    await quiet.silence(incident)
    await quiet.world.alertmanager.create(
        matchers=OWN,
        starts_at=START,
        ends_at=START + HOUR,
        created_by="lightship for U0BOB",
        comment=f"x {comment_mark(incident)}",
    )
    outcome = await quiet.lift(incident)
    assert (outcome.reason, outcome.sentence) == (OutcomeReason.DONE, "Incident #1 is heard again.")
    assert (await quiet.active(), (await quiet.now(incident)).silence) == ([], None)
    assert (await quiet.lift(incident)).reason is OutcomeReason.ALREADY


async def test_an_alertmanager_without_memory_lets_the_record_be_lifted(quiet: Quiet) -> None:
    """It knows nothing of the silence, which is as good as ended."""
    incident = await quiet.incident()
    await quiet.silence(incident)
    quiet.world.alertmanager._silences.clear()
    assert (await quiet.lift(incident)).reason is OutcomeReason.DONE
    assert (await quiet.now(incident)).silence is None


async def test_a_lift_that_fails_leaves_the_record(quiet: Quiet) -> None:
    """Silent it is called while it is silent."""
    incident = await quiet.incident()
    await quiet.silence(incident)
    quiet.world.faults.switch_on("silencer.expire", Fault.SERVER_ERROR)
    assert (await quiet.lift(incident)).reason is OutcomeReason.UNAVAILABLE
    assert (await quiet.now(incident)).silence is not None


async def test_unknown_incidents_are_said_to_be_unknown(quiet: Quiet) -> None:
    """Neither silenced nor lifted."""
    ghost = make_incident(id=99)
    assert (await quiet.silence(ghost)).reason is OutcomeReason.NOT_FOUND
    assert (await quiet.lift(ghost)).reason is OutcomeReason.NOT_FOUND
