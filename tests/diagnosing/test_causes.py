"""When the likeliest cause is kept, and when the thread hears that it is another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.bootstrap.services import checks_without_being_named
from bot.domain.access import AccessPolicy
from bot.domain.events import RANKING_KINDS, EventKind
from bot.domain.findings import Finding, Verdict
from bot.domain.incidents import Classification, IncidentState
from bot.domain.messages import MessageKind
from bot.domain.runbooks import Cause, Evidence, Runbook, RunbookRemediation
from bot.domain.services import WatchedService
from bot.domain.severity import Severity
from bot.domain.suspects import FailureMode, Suspect
from bot.engines.ranking_causes import RankingCauses, offers
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_incident, make_key
from tests.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.adapters.database import SqlStore
    from bot.domain.events import Event

RUNBOOK = Runbook(
    name="high-latency",
    title="High latency",
    severity=None,
    match=(),
    summary_template="",
    causes=(
        Cause(
            name="traffic",
            title="Too much traffic",
            weight=0.6,
            evidence=(
                Evidence(expression="findings.hpa.at_maximum", weight=4, words_template="The HPA is full"),
            ),
            remediation="scale-up",
        ),
        Cause(
            name="neighbour",
            title="Another incident",
            weight=0.5,
            evidence=(Evidence(expression="'DatabaseDown' in findings.incidents.titles", weight=9),),
        ),
    ),
    remediations=(
        RunbookRemediation(name="restart", title="Restart", action="restart"),
        RunbookRemediation(name="scale-up", title="Scale up", action="scale"),
    ),
)
IMAGE = Suspect(
    mode=FailureMode.IMAGE_MISSING,
    title="image x does not exist",
    subject="deployment churn-api",
    certainty=0.95,
)

CHURN = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    deployment="churn-api",
    cronjob="training",
    policy=AccessPolicy(channel="C0CHURN"),
)


@dataclass(kw_only=True)
class Ranker:
    """An open incident in a store, and the engine that ranks its causes."""

    store: SqlStore
    clock: FrozenClock
    number: int

    def __post_init__(self) -> None:
        self.ids = SequentialIds()
        self.causes = RankingCauses(
            services={},
            runbook=lambda name: RUNBOOK if name == RUNBOOK.name else None,
            classify=lambda _: Classification(severity=Severity.P3, runbook=RUNBOOK.name),
            settle=timedelta(seconds=60),
        )

    async def find(
        self, check: str = "hpa", verdict: Verdict = Verdict.WARN, *suspects: Suspect, **facts: bool
    ) -> None:
        """A check finds this, and the ranking is noted."""
        async with self.store.transaction() as tx:
            found = Finding(
                check=check,
                target="churn",
                verdict=verdict,
                summary="found",
                observed_at=self.clock.now(),
                fresh_for=timedelta(minutes=2),
                facts=facts,
                suspects=suspects,
            )
            await tx.findings.save(self.number, found)
            incident = await tx.incidents.get(self.number)
            assert incident is not None
            await self.causes.note(tx, self.ids, incident)

    async def told(self) -> list[Event]:
        """What was noted, and of it what went into the thread."""
        async with self.store.transaction() as tx:
            events = [one for one in await tx.events.of_incident(self.number) if one.kind in RANKING_KINDS]
            for one in events:
                shown = await tx.messages.find(MessageKind.EVENT, one.id) is not None
                assert shown is (one.kind is EventKind.CAUSE_CHANGED)
            return events


@pytest.fixture
async def ranker(tmp_path: Path) -> AsyncIterator[Ranker]:
    """A fresh store with one open incident."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        async with store.transaction() as tx:
            incident = await tx.incidents.save(make_incident())
        yield Ranker(store=store, clock=clock, number=incident.id)


async def test_the_first_ranking_is_kept_and_the_message_alone_tells_it(ranker: Ranker) -> None:
    """One event with the words of the cause, no line in the thread, and none for what stays so."""
    await ranker.find(at_maximum=True)
    await ranker.find(at_maximum=True)
    (event,) = await ranker.told()
    assert event.kind is EventKind.CAUSES_RANKED
    assert event.detail["words"] == "Probably: Too much traffic, because the HPA is full"


async def test_another_first_cause_is_told_once_with_the_one_before(ranker: Ranker) -> None:
    """A failure mode that is seen later takes the first place, and the thread gets one line."""
    await ranker.find(at_maximum=True)
    await ranker.find("failures", Verdict.FAIL, IMAGE)
    await ranker.find("failures", Verdict.FAIL, IMAGE)
    _, changed = await ranker.told()
    assert changed.kind is EventKind.CAUSE_CHANGED
    assert (changed.detail["words"], changed.detail["before"]) == (
        "Found: image x does not exist",
        "Too much traffic",
    )


async def test_evidence_that_grows_old_wakes_nobody(ranker: Ranker) -> None:
    """When only the check that spoke for the cause is out of date, the thread hears nothing."""
    await ranker.find(at_maximum=True)
    await ranker.clock.advance(seconds=300)
    await ranker.find("pods", Verdict.UNKNOWN)
    assert len(await ranker.told()) == 1


async def test_a_cause_that_is_gone_is_told(ranker: Ranker) -> None:
    """Once nothing is wrong in what was looked at, the thread says so and what it was before."""
    await ranker.find(at_maximum=True)
    await ranker.find(verdict=Verdict.OK, at_maximum=False)
    changed = (await ranker.told())[-1]
    assert changed.detail["words"] == "Nothing wrong found in hpa"
    assert changed.detail["before"] == "Too much traffic"


async def test_a_resolved_incident_hears_of_no_causes(ranker: Ranker) -> None:
    """A check that ends after the incident did changes no cause."""
    async with ranker.store.transaction() as tx:
        incident = await tx.incidents.get(ranker.number)
        assert incident is not None
        await tx.incidents.save(replace(incident, state=IncidentState.RESOLVED))
    await ranker.find(at_maximum=True)
    assert await ranker.told() == []


async def test_open_incidents_of_the_service_are_evidence(ranker: Ranker) -> None:
    """A cause that rests on another open incident stands while that is open."""
    async with ranker.store.transaction() as tx:
        await tx.incidents.save(make_incident(key=make_key("two"), title="DatabaseDown"))
    await ranker.find(at_maximum=True)
    (event,) = await ranker.told()
    assert str(event.detail["words"]).startswith("Probably: Another incident")


def test_the_remediation_that_fits_is_offered_first_and_marked() -> None:
    """The likeliest cause's remediation leads; without a cause the runbook's order stays, unmarked."""
    found = Finding(
        check="hpa",
        target="churn",
        verdict=Verdict.WARN,
        summary="found",
        observed_at=FrozenClock().now(),
        fresh_for=timedelta(minutes=2),
        facts={"at_maximum": True},
    )
    causes = RankingCauses(
        services={},
        runbook=lambda _: RUNBOOK,
        classify=lambda _: Classification(severity=Severity.P3, runbook=RUNBOOK.name),
        settle=timedelta(seconds=60),
    )
    ranking = causes.rank(make_incident(), [found])
    offered = [(one.name, one.fits) for one in offers(RUNBOOK, ranking)]
    known = [one.name for one in offers(RUNBOOK, None)]
    assert offered == [("scale-up", True), *((name, False) for name in known if name != "scale-up")]
    assert not any(one.fits for one in offers(RUNBOOK, None))


def test_known_ways_to_fail_are_looked_for_with_any_runbook_and_with_none() -> None:
    """A runbook adds its own checks; without one, all that the service has objects for is looked at."""
    assert checks_without_being_named(CHURN, RUNBOOK) == ("failures",)
    assert checks_without_being_named(CHURN, None) == ("failures", "pods", "rollouts", "events", "jobs")
    nowhere = replace(CHURN, deployment="", cronjob="")
    assert checks_without_being_named(nowhere, None) == ()
