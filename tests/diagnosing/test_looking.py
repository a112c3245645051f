"""When checks run: by themselves at the opening, on a press, and again after whatever kept them from it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from bot.adapters.database import SqlStore
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.domain.access import AccessPolicy
from bot.domain.actors import LIGHTSHIP, user
from bot.domain.alerts import TrackedAlert
from bot.domain.commands import Outcome, OutcomeReason, RunChecks
from bot.domain.errors import Temporary
from bot.domain.events import EventKind
from bot.domain.files import Attachment
from bot.domain.findings import Finding, Verdict
from bot.domain.incidents import Classification, IncidentState
from bot.domain.messages import MessageKind
from bot.domain.pictures import LinePanel
from bot.domain.runbooks import CheckStep, Runbook
from bot.domain.services import WatchedService
from bot.domain.severity import Severity
from bot.engines.diagnosing import ASKED_ANEW_EVERY, CATCH_UP_AT_MOST, Diagnosing
from bot.engines.noting import note
from bot.engines.ranking_causes import RankingCauses
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_alert, make_incident, make_key
from tests.opening import open_store
from tests.pictures.samples import NOW, latency, panel
from tests.worlds.objects import NAME, deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bot.domain.runbooks import Argument

BOB = user("U0BOB")
STARTS = count(1)
REST, PRESS_REST, AT_ONCE = timedelta(minutes=1), timedelta(seconds=5), 3
CHURN = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    namespace="churn",
    deployment=NAME,
    policy=AccessPolicy(channel="C0CHURN"),
)
RUNBOOK = Runbook(
    name="high-latency",
    title="High latency",
    severity=None,
    match=(),
    summary_template="",
    steps=(
        CheckStep(title="Pods", check="pods", arguments={"tail": 5}),
        CheckStep(title="Model", check="model"),
        CheckStep(title="Not built", check="telepathy"),
    ),
)

STARTS = count()
"""Numbers that tell the processes of one run apart."""


@dataclass(kw_only=True)
class Lookout:
    """The engine over its store, and a look that notes who looked."""

    store: SqlStore
    clock: FrozenClock
    looks: list[tuple[str, dict[str, Argument]]] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        self.diagnosing = self.start()

    def start(self) -> Diagnosing:
        """The engine of a fresh process."""
        return Diagnosing(
            store=self.store,
            ids=SequentialIds(f"start-{next(STARTS)}"),
            services={"churn": CHURN},
            runbook=lambda name: RUNBOOK if name == RUNBOOK.name else None,
            look=self.look,
            known={"pods", "model"},
            rest=REST,
            press_rest=PRESS_REST,
            at_once=AT_ONCE,
            always=lambda _service, _runbook: (),
            note_causes=RankingCauses(
                services={"churn": CHURN},
                runbook=lambda name: RUNBOOK if name == RUNBOOK.name else None,
                classify=lambda _: Classification(severity=Severity.P3, runbook=RUNBOOK.name),
                settle=REST,
            ).note,
        )

    async def look(self, _: WatchedService, check: str, arguments: Mapping[str, Argument]) -> Finding:
        """It is fine."""
        self.looks.append((check, dict(arguments)))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.gate is not None:
            await self.gate.wait()
        self.under_way -= 1
        return Finding(
            check=check,
            target="churn",
            verdict=Verdict.OK,
            summary="fine",
            observed_at=self.clock.now(),
            fresh_for=REST,
            attachments=self.attachments,
        )

    async def opened(self, key: str = "one", **changes: object) -> int:
        """An open incident's number."""
        async with self.store.transaction() as tx:
            return (await tx.incidents.save(make_incident(key=make_key(key), **changes))).id

    async def press(self, number: int, *checks: str) -> Outcome:
        """Bob presses."""
        return await self.diagnosing.run(RunChecks(incident_id=number, checks=checks, actor=BOB))

    async def found(self, number: int) -> dict[str, str]:
        """The kept verdicts by check."""
        async with self.store.transaction() as tx:
            return {one.check: one.verdict.value for one in await tx.findings.of_incident(number)}


@pytest.fixture
async def lookout(tmp_path: Path) -> AsyncIterator[Lookout]:
    """A store in a file."""
    clock = FrozenClock()
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", clock=clock) as store:
        yield Lookout(store=store, clock=clock)


async def test_an_opened_incident_is_looked_at_with_the_runbook_s_arguments(lookout: Lookout) -> None:
    """Every step that this version can run, noted, and the message is due; no thread entry of its own."""
    number = await lookout.opened()
    lookout.diagnosing.opened([number])
    assert [await lookout.diagnosing.run_due(), await lookout.diagnosing.run_due()] == [1, 0]
    assert sorted(lookout.looks) == [("model", {}), ("pods", {"tail": 5})]
    assert await lookout.found(number) == {"pods": "ok", "model": "ok"}
    async with lookout.store.transaction() as tx:
        events = await tx.events.of_incident(number)
        assert await tx.messages.find(MessageKind.INCIDENT, str(number)) is not None
        assert await tx.messages.find(MessageKind.FINDINGS, f"{number}/pods") is None
    assert [event.kind for event in events] == [*[EventKind.CHECK_RUN] * 2, EventKind.CAUSES_RANKED]


async def test_by_itself_a_check_runs_once_a_minute_an_incident(lookout: Lookout) -> None:
    """Told of it again within the minute it rests, whichever replica was told; afterwards it looks."""
    number = await lookout.opened()
    other = lookout.start()
    for engine in (lookout.diagnosing, other):
        engine.opened([number, number])
        await engine.run_due()
    assert len(lookout.looks) == 2
    await lookout.clock.advance(seconds=60)
    other.opened([number])
    await other.run_due()
    assert len(lookout.looks) == 4


async def test_a_press_rests_for_moments_only_and_answers_in_the_thread(lookout: Lookout) -> None:
    """Bob sees what he asked for; pressed twice it says that the result is there."""
    number = await lookout.opened()
    first, second = await lookout.press(number, "pods"), await lookout.press(number, "pods")
    assert first.sentence == "Checked pods: ok. The results are in the thread."
    assert second.reason is OutcomeReason.ALREADY
    await lookout.clock.advance(seconds=5)
    assert (await lookout.press(number)).reason is OutcomeReason.DONE
    assert [check for check, _ in lookout.looks].count("pods") == 2
    async with lookout.store.transaction() as tx:
        assert await tx.messages.find(MessageKind.FINDINGS, f"{number}/pods") is not None
        events = await tx.events.of_incident(number)
    assert {event.actor for event in events if event.kind is EventKind.CHECK_RUN} == {BOB}


async def test_a_check_that_is_named_twice_runs_once(lookout: Lookout) -> None:
    """All that is asked for is reserved together, so nothing else would hold the second one back."""
    number = await lookout.opened()
    outcome = await lookout.press(number, "pods", "pods")
    assert outcome.sentence.count("pods:") == 1


async def test_what_cannot_be_pressed_is_said(lookout: Lookout) -> None:
    """An unknown check, a service that is gone, a runbook without checks, no such incident."""
    number = await lookout.opened()
    assert "no check called telepathy" in (await lookout.press(number, "telepathy")).sentence
    foreign = await lookout.opened(runbook=None)
    assert "names no check that can run" in (await lookout.press(foreign)).sentence
    async with lookout.store.transaction() as tx:
        gone = await tx.incidents.save(make_incident(key=make_key(service="gone")))
    assert "No service is configured" in (await lookout.press(gone.id, "pods")).sentence
    assert (await lookout.press(99)).reason is OutcomeReason.NOT_FOUND
    assert lookout.looks == []


async def test_a_resolved_incident_is_not_looked_at_by_itself(lookout: Lookout) -> None:
    """It was over before its turn came."""
    number = await lookout.opened(state=IncidentState.RESOLVED)
    lookout.diagnosing.opened([number])
    await lookout.diagnosing.run_due()
    assert lookout.looks == []


async def test_looks_are_bounded_over_all_incidents(lookout: Lookout) -> None:
    """At most three at once, and all of them come to their turn."""
    lookout.gate = asyncio.Event()
    numbers = [await lookout.opened(f"key-{place}") for place in range(4)]
    lookout.diagnosing.opened(numbers)
    running = asyncio.create_task(lookout.diagnosing.run_due())
    async with asyncio.timeout(5):
        while lookout.most < AT_ONCE:  # noqa: ASYNC110 - polled with a bound
            await asyncio.sleep(0.01)
    lookout.gate.set()
    await running
    assert (lookout.most, len(lookout.looks)) == (AT_ONCE, 8)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.FORBIDDEN, Fault.THROTTLED, Fault.SERVER_ERROR])
async def test_a_world_that_fails_becomes_an_unknown_finding(lookout: Lookout, fault: Fault) -> None:
    """The incident shows that nobody could look, and why; nothing is raised."""
    world = World(lookout.clock, SequentialIds(), manifests=[deployment("churn")])
    world.faults.switch_on("cluster", fault)

    async def look(service: WatchedService, check: str, _: Mapping[str, Argument]) -> Finding:
        target = CheckTarget(
            service=service.name, namespace="churn", deployment=NAME, hpa="", cronjob="", model=""
        )
        return await run_check(
            check,
            target=target,
            readers=world.readers,
            now=lookout.clock.now(),
            crashed=fail,
            time_limit=timedelta(milliseconds=50) if fault is Fault.HANG else None,
        )

    def fail(check: str, error: Exception) -> None:
        raise AssertionError(check) from error

    lookout.diagnosing._look = look
    number = await lookout.opened()
    outcome = await lookout.press(number, "pods")
    assert outcome.sentence.startswith("Checked pods: unknown")
    assert await lookout.found(number) == {"pods": "unknown"}


async def test_a_crash_between_opening_and_looking_loses_no_check(lookout: Lookout) -> None:
    """The next start finds open incidents without findings; those with findings are left alone."""
    seen, unseen = await lookout.opened("seen"), await lookout.opened("unseen")
    lookout.diagnosing.opened([seen])
    await lookout.diagnosing.run_due()
    after = lookout.start()
    assert await after.catch_up() == 1
    assert await after.run_due() == 1
    assert set(await lookout.found(unseen)) == {"pods", "model"}
    assert [await after.catch_up(), await after.run_due()] == [0, 0]


async def test_a_crash_between_reopening_and_looking_loses_no_check(lookout: Lookout) -> None:
    """Findings of before count for nothing then; a replica that remembers them asks anew after a while."""
    number = await lookout.opened()
    lookout.diagnosing.opened([number])
    await lookout.diagnosing.run_due()
    assert await lookout.diagnosing.catch_up() == 0
    await lookout.clock.advance(seconds=600)
    async with lookout.store.transaction() as tx:
        incident = await tx.incidents.peek(number)
        assert incident is not None
        await note(tx, SequentialIds("reopened"), incident, EventKind.REOPENED, actor=LIGHTSHIP)
    assert await lookout.start().catch_up() == 1
    rounds = [await lookout.diagnosing.catch_up() for _ in range(ASKED_ANEW_EVERY)]
    assert sum(rounds) == 1
    before = len(lookout.looks)
    assert await lookout.diagnosing.run_due() == 1
    assert len(lookout.looks) == before + 2
    assert [await lookout.diagnosing.catch_up(), await lookout.start().catch_up()] == [0, 0]


async def test_a_crash_in_the_middle_of_looking_is_caught_up_after_the_rest(lookout: Lookout) -> None:
    """The dead process had reserved the checks; once that rest is over another one looks."""
    number = await lookout.opened()
    async with lookout.store.transaction() as tx:
        assert await tx.findings.reserve(number, {"pods"}, not_before=REST)
        assert await tx.findings.reserve(number, {"model"}, not_before=REST)
    await lookout.diagnosing.catch_up()
    await lookout.diagnosing.run_due()
    assert lookout.looks == []
    await lookout.clock.advance(seconds=60)
    assert await lookout.diagnosing.catch_up() == 1
    await lookout.diagnosing.run_due()
    assert len(await lookout.found(number)) == 2


async def test_many_incidents_without_checks_do_not_stand_in_the_way(lookout: Lookout) -> None:
    """However many open incidents have nothing to run or are looked at: the one that waits is found."""
    for place in range(CATCH_UP_AT_MOST + 5):
        await lookout.opened(f"no-runbook-{place}", runbook=None)
    waiting = [await lookout.opened(f"waits-{place}") for place in range(CATCH_UP_AT_MOST + 3)]
    while await lookout.diagnosing.catch_up():
        while await lookout.diagnosing.run_due():
            pass
    assert all([len(await lookout.found(number)) == 2 for number in waiting])


async def test_a_store_that_was_away_costs_no_check(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was popped from the queue when the store failed is found again."""
    number = await lookout.opened()
    lookout.diagnosing.opened([number])

    def away(_: SqlStore) -> None:
        raise Temporary("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(SqlStore, "transaction", away)
        with pytest.raises(Temporary):
            await lookout.diagnosing.run_due()
    assert await lookout.diagnosing.catch_up() == 1
    await lookout.diagnosing.run_due()
    assert len(await lookout.found(number)) == 2


async def test_what_a_private_look_attaches_goes_into_the_thread(lookout: Lookout) -> None:
    """A file cannot be shown to one person, so the thread gets it, and the answer says where it is."""
    lookout.attachments = (Attachment(name="logs.txt", title="Logs", text="all of it"),)
    nowhere = await lookout.diagnosing.look("churn", "pods", {})
    assert nowhere.attachments == ()
    assert "there is none about this" in nowhere.details[-1]
    number = await lookout.opened("one")
    finding = await lookout.diagnosing.look("churn", "pods", {})
    assert finding.details == (f"logs.txt: follows in the thread of incident #{number}",)
    async with lookout.store.transaction() as tx:
        kinds = [one.kind for one in await tx.messages.undelivered()]
        assert await tx.findings.of_incident(number) == ()
    assert kinds.count(MessageKind.FILE) == 1


async def test_what_a_check_attaches_is_marked_with_the_alert_s_start(lookout: Lookout) -> None:
    """The picture is kept with the finding's commit, to be drawn later, and the finding without it."""
    lookout.attachments = (Attachment(name="metrics.png", title="Metrics", picture=latency(panel())),)
    started = NOW - timedelta(minutes=33)
    tracked = TrackedAlert(alert=make_alert(starts_at=started), last_firing=started, last_resolve=None)
    number = await lookout.opened(runbook=RUNBOOK.name, alerts=(tracked,))
    lookout.diagnosing.opened([number])
    await lookout.diagnosing.run_due()
    async with lookout.store.transaction() as tx:
        due = await tx.files.claim(until=tx.now + REST, limit=10)
        findings = await tx.findings.of_incident(number)
    assert [finding.attachments for finding in findings] == [(), ()]
    assert len(due) == 2
    assert due[0].picture is not None
    (shown,) = due[0].picture.panels
    assert isinstance(shown, LinePanel)
    assert [(mark.label, mark.at) for mark in shown.marks] == [("alert", started)]
