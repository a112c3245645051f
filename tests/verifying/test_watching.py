"""Watching after an action, through the store and a rehearsed world: fixed, no effect, and the undo of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.access import AccessPolicy
from bot.domain.approvals import ApprovalState, undo_of
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.events import EventKind
from bot.domain.messages import MessageKind
from bot.domain.policies import ApprovalPolicy
from bot.domain.remedies import ExecutionState
from bot.domain.runbooks import Runbook, RunbookRemediation
from bot.domain.runbooks import Verification as Wanted
from bot.domain.services import NamedMetric, WatchedService
from bot.domain.verifications import VerificationState
from bot.engines import verifying
from bot.engines.approval_views import approval_view, offered_undo
from bot.engines.verifying import Verifying
from bot.rehearsal.faults import Fault
from bot.rehearsal.rules import AlertRule
from bot.rendering.approvals import approval_message, watching_words
from bot.rendering.sentences import sentence
from tests.acting import ALICE, BOB, POLICY
from tests.worlds.objects import NAME

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain.approvals import Approval
    from bot.domain.events import Event
    from bot.domain.incidents import Incident
    from bot.rendering.views import ApprovalView
    from tests.acting import Bench, Start

P95, RULE = "p95(latency)", "p95(latency) > 1"
RUNBOOK = Runbook(
    name="high-latency",
    title="High latency",
    severity=None,
    match=(),
    summary_template="slow",
    remediations=(
        RunbookRemediation(
            name="scale-up",
            title="More pods",
            action="scale",
            verification=Wanted(metric="p95_latency", within=timedelta(minutes=5)),
        ),
    ),
)
CHURN = WatchedService(
    name="churn",
    channel="C0CHURN",
    command="/churn",
    match=(),
    policy=AccessPolicy(channel="C0CHURN"),
    metrics=(NamedMetric(name="p95_latency", query=P95, title="P95 latency", unit="s", threshold=1.0),),
)
SHELF = {RUNBOOK.name: RUNBOOK}


@dataclass
class Scene:
    """A slow service, whose latency is 1.7 s until `cured_at`, if ever."""

    bench: Bench
    start: Start
    incident: Incident
    cured_at: datetime | None = None

    def latency(self, moment: datetime) -> float:
        """Seconds."""
        return 0.4 if self.cured_at is not None and moment >= self.cured_at else 1.7

    def watcher(self) -> Verifying:
        """As a process that has just started has it."""
        return Verifying(
            store=self.bench.store,
            ids=self.bench.ids,
            metrics=self.bench.world.metrics,
            services={"churn": CHURN},
            runbook=SHELF.get,
            settle=timedelta(minutes=1),
            answers_within=0.2,
        )

    async def scaled(self) -> Approval:
        """Approved and done."""
        approval = await self.bench.asked(self.start, incident=self.incident)
        await self.bench.press(self.start, approval)
        await self.start.work()
        return await self.bench.approval(approval.id)

    async def view(self, approval: Approval) -> ApprovalView:
        """What the request's message shows."""
        async with self.bench.store.transaction() as tx:
            return await approval_view(
                tx, approval, CHURN, runbook=SHELF.get, settle=timedelta(minutes=1), enabled=True
            )

    async def watch(self, seconds: int) -> None:
        """Look every ten seconds, each time as another start of the process."""
        for _ in range(seconds // 10):
            await self.watcher().run_due()
            self.bench.pass_time(10)
        await self.watcher().run_due()

    async def verdicts(self) -> list[Event]:
        """What the thread was told."""
        kinds = (EventKind.REMEDIATION_FIXED, EventKind.REMEDIATION_UNFIXED, EventKind.REMEDIATION_UNVERIFIED)
        return [event for kind in kinds for event in await self.bench.events(self.incident, kind)]


@pytest.fixture
async def scene(bench: Bench) -> Scene:
    """It is slow, and Prometheus says so."""
    made = Scene(bench=bench, start=bench.start(), incident=await bench.open_incident())
    bench.world.metrics.define(P95, made.latency)

    def breach(moment: datetime) -> float | None:
        latency = made.latency(moment)
        return latency if latency > 1 else None

    bench.world.watch(
        [
            AlertRule(name="HighLatency", value=breach, expression=RULE, labels={"severity": "warning"}),
            AlertRule(
                name="HighLatency", value=lambda _: 9.0, expression="worse", labels={"severity": "critical"}
            ),
        ]
    )
    return made


async def test_the_request_says_what_will_be_watched(scene: Scene) -> None:
    """The runbook's metric, its time and the alert stand in the request, and are what is watched then."""
    approval = await scene.bench.asked(scene.start, incident=scene.incident)
    view = await scene.view(approval)
    assert view.watching is not None
    words = "P95 latency (bad above 1 s) and the alert HighLatency, for 5 min"
    assert watching_words(view.watching) == words
    assert words in str(approval_message(view).blocks)
    await scene.bench.press(scene.start, approval)
    await scene.start.work()
    await scene.watch(0)
    async with scene.bench.store.transaction() as tx:
        kept = await tx.verifications.get(approval.id)
    assert kept is not None
    assert (kept.metric, kept.alerts) == (view.watching.metric, view.watching.alerts)
    assert kept.until - kept.began_at == view.watching.within
    assert (await scene.view(approval)).watching is None


async def test_the_request_says_that_nothing_can_tell(scene: Scene) -> None:
    """Without an incident there is no alert, and without its runbook no metric."""
    approval = await scene.bench.asked(scene.start)
    view = await scene.view(approval)
    assert view.watching is not None
    assert watching_words(view.watching).startswith("nothing: no alert and no metric")


async def test_the_thread_is_told_that_it_is_fixed_with_the_numbers(scene: Scene) -> None:
    """Before, after, and how long it took; the other rule of that name is not asked. Told once."""
    approval = await scene.scaled()
    scene.cured_at = scene.bench.clock.now() + timedelta(minutes=2)
    await scene.watch(200)
    (event,) = await scene.verdicts()
    assert event.kind is EventKind.REMEDIATION_FIXED
    assert "Fixed after 2 min*: P95 latency 1.7 s → 0.4 s." in sentence(event)
    async with scene.bench.store.transaction() as tx:
        assert await tx.messages.find(MessageKind.EVENT, event.id) is not None
        verification = await tx.verifications.get(approval.id)
    assert verification is not None
    assert (verification.before, verification.after) == (1.7, 0.4)
    await scene.watch(60)
    assert len(await scene.verdicts()) == 1
    async with scene.bench.store.transaction() as tx:
        (graph,) = await tx.files.claim(until=tx.now, limit=5)
    assert graph.title == "P95 latency: 1.7 s → 0.4 s"
    assert graph.picture is not None
    assert [mark.label for mark in graph.picture.panels[0].marks] == ["action"]  # type: ignore[union-attr]  # lines


async def test_no_effect_is_said_with_a_button_that_undoes_it(scene: Scene) -> None:
    """When the runbook's time is up; the undo is planned, approved like any action, and done once."""
    approval = await scene.scaled()
    await scene.watch(330)
    (event,) = await scene.verdicts()
    assert "No effect after 5 min*: P95 latency 1.7 s → 1.7 s" in sentence(event)
    async with scene.bench.store.transaction() as tx:
        assert await offered_undo(tx, event) == approval
    assert (await scene.view(approval)).may_be_undone
    command = RequestRemediation(request=undo_of(approval), actor=ALICE)
    assert (await scene.start.approving.request(command)).reason is OutcomeReason.DONE
    (undo,) = await scene.bench.waiting()
    assert [(one.before, one.after) for one in undo.plan.changes] == [("6", "3")]
    async with scene.bench.store.transaction() as tx:
        assert await offered_undo(tx, event) is None
        entry = await tx.messages.find(MessageKind.EVENT, event.id)
    assert entry is not None
    assert entry.desired_revision > 1
    await scene.bench.press(scene.start, undo)
    await scene.start.work()
    assert (await scene.bench.outcome(undo))[0] == ExecutionState.SUCCEEDED
    assert [replicas for _, replicas in scene.bench.writer.effects] == [6, 3]


async def test_an_undo_is_possible_after_the_incident(scene: Scene) -> None:
    """What was scaled up for a fire is scaled down once it is out."""
    approval = await scene.scaled()
    await scene.bench.resolve(scene.incident)
    command = RequestRemediation(request=undo_of(approval), actor=ALICE)
    assert (await scene.start.approving.request(command)).reason is OutcomeReason.DONE
    (undo,) = await scene.bench.waiting()
    assert (await scene.bench.press(scene.start, undo)).reason is OutcomeReason.DONE


@pytest.mark.parametrize(("seconds", "state"), [(30, ApprovalState.GRANTED), (600, ApprovalState.REQUESTED)])
async def test_within_the_grace_its_approver_undoes_at_once(
    scene: Scene, seconds: int, state: ApprovalState
) -> None:
    """Later, or by somebody else, it is asked for like anything."""
    rule = replace(POLICY.general, undo_grace=timedelta(minutes=5))
    scene.bench.policy = ApprovalPolicy(general=rule)
    approval = await scene.scaled()
    scene.bench.pass_time(seconds)
    await scene.start.approving.request(RequestRemediation(request=undo_of(approval), actor=BOB))
    async with scene.bench.store.transaction() as tx:
        (undo,) = await tx.approvals.undoing(approval)
    assert undo.state is state
    if state is ApprovalState.GRANTED:
        await scene.start.work()
        assert [replicas for _, replicas in scene.bench.writer.effects] == [6, 3]


async def test_somebody_else_s_undo_is_asked_for_within_the_grace_too(scene: Scene) -> None:
    """Alice asked for the action; she did not approve it."""
    rule = replace(POLICY.general, undo_grace=timedelta(minutes=5))
    scene.bench.policy = ApprovalPolicy(general=rule)
    approval = await scene.scaled()
    await scene.start.approving.request(RequestRemediation(request=undo_of(approval), actor=ALICE))
    assert len(await scene.bench.waiting()) == 1


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.SERVER_ERROR])
async def test_a_prometheus_that_does_not_answer_is_no_verdict(scene: Scene, fault: Fault) -> None:
    """Neither fixed nor without effect: it cannot be told, and that is said with the reason."""
    await scene.scaled()
    scene.bench.world.faults.switch_on("metrics", fault)
    watcher = scene.watcher()
    await watcher.run_due()
    scene.bench.pass_time(360)
    await watcher.run_due()
    (event,) = await scene.verdicts()
    assert event.kind is EventKind.REMEDIATION_UNVERIFIED
    assert "Cannot tell" in sentence(event)
    assert event.detail["why"]


async def test_a_process_that_dies_before_the_verdict_is_kept_says_it_later_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict, its event and its message are one transaction."""
    await scene.scaled()
    scene.cured_at = scene.bench.clock.now()
    await scene.watch(20)

    class Crash(BaseException):
        """The process is no more."""

    def die(name: str) -> None:
        if name == "before-verdict-commit":
            raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(verifying, "fault", die)
        with pytest.raises(Crash):
            await scene.watch(30)
    assert await scene.verdicts() == []
    await scene.watch(30)
    assert [event.kind for event in await scene.verdicts()] == [EventKind.REMEDIATION_FIXED]


async def test_two_replicas_tell_it_once(scene: Scene) -> None:
    """Each verification is given to one at a time, and its verdict is kept by compare-and-set."""
    approval = await scene.scaled()
    scene.cured_at = scene.bench.clock.now()
    first, second = scene.watcher(), scene.watcher()
    ended = 0
    for _ in range(6):
        ended += await first.run_due() + await second.run_due()
        scene.bench.pass_time(10)
    async with scene.bench.store.transaction() as tx:
        kept = await tx.verifications.get(approval.id)
    assert kept is not None
    assert (ended, kept.state) == (1, VerificationState.FIXED)
    assert len(await scene.verdicts()) == 1
    assert approval.plan.target.name == NAME


async def test_a_verdict_and_its_graph_are_kept_together_or_not_at_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends between the two loses neither: the next look tells the verdict, once, with its graph."""
    await scene.scaled()
    scene.cured_at = scene.bench.clock.now()
    deaths = [True]

    def die_once(point: str) -> None:
        if point == "before-verdict-commit" and deaths:
            deaths.pop()
            raise ConnectionError(point)

    monkeypatch.setattr(verifying, "fault", die_once)
    with pytest.raises(ConnectionError):
        await scene.watch(120)
    assert await scene.verdicts() == []
    scene.bench.pass_time(10)
    await scene.watch(30)
    assert len(await scene.verdicts()) == 1
    async with scene.bench.store.transaction() as tx:
        (graph,) = await tx.files.claim(until=tx.now, limit=5)
    assert graph.title.startswith("P95 latency: ")
