"""The engines that ask, decide and act, over a real store and a rehearsed cluster, for their tests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.checks.targets import CheckTarget
from bot.checks.training_facts import training_facts
from bot.domain.actors import user
from bot.domain.approvals import DecisionWord
from bot.domain.bounds import Bounds, ResourceBounds, ScaleBounds
from bot.domain.commands import DecideApproval, Outcome, RequestRemediation
from bot.domain.incidents import Resolution, end
from bot.domain.policies import ApprovalPolicy, ApprovalRule
from bot.domain.retraining import RetrainingRules, decide_retraining
from bot.engines.approving import Approving
from bot.engines.deciding import Deciding
from bot.engines.executing import Executing
from bot.engines.planning import Planning
from bot.engines.remediating import Remediating
from bot.ports.readers import NoDriftReports, Resource
from bot.ports.writers import Writers
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.making import make_incident
from tests.planning import ALIAS, MODEL
from tests.worlds.objects import NAME, deployment, request

if TYPE_CHECKING:
    from bot.adapters.database import SqlStore
    from bot.domain.actors import Actor
    from bot.domain.approvals import Approval, Grant
    from bot.domain.events import Event, EventKind
    from bot.domain.incidents import Incident
    from bot.domain.remedies import Execution, Plan, RemediationRequest
    from bot.domain.retraining import RetrainingDecision
    from bot.ports.readers import DriftReader, KubeObject, Readers
    from bot.ports.stores import Transaction

ALICE, BOB, CAROL = user("U0ALICE"), user("U0BOB"), user("U0CAROL")
NAMESPACE = "churn-mlops"
BOUNDS = ScaleBounds(minimum=0, maximum=10, max_factor=5.0)
POLICY = ApprovalPolicy(general=ApprovalRule(approvers=("U0BOB", "U0CAROL")))
LIFETIME, VERIFY, LEASE_SECONDS = timedelta(minutes=30), timedelta(minutes=2), 61.0


class WatchedWriter:
    """The world's writer with a list of what was ordered and what took effect; `gate` holds orders back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.orders: list[str] = []
        self.effects: list[tuple[str, int]] = []
        self.entered = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def create(self, grant: Grant) -> KubeObject:
        """Create as the world does."""
        return await self._world.writer.create(grant)

    async def evict(self, grant: Grant) -> None:
        """Evict as the world does."""
        await self._world.writer.evict(grant)

    async def edit(self, grant: Grant, *, resource_version: str) -> KubeObject:
        """Edit as the world does."""
        self.orders.append(resource_version)
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        before = self._generation()
        try:
            return await self._world.writer.edit(grant, resource_version=resource_version)
        finally:
            if self._generation() != before:
                self.effects.append((grant.approval_id, self._replicas()))

    def _generation(self) -> int:
        return int(self._held()["metadata"]["generation"])

    def _replicas(self) -> int:
        return int(self._held()["spec"]["replicas"])

    def _held(self) -> KubeObject:
        key = (Resource.DEPLOYMENTS.api_version, Resource.DEPLOYMENTS.kind, NAMESPACE, NAME)
        return self._world.state.store.held(key)


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start of the bot's two engines."""

    approving: Approving
    deciding: Deciding
    remediating: Remediating

    async def work(self) -> int:
        """Do what is due, to its end."""
        begun = await self.remediating.begin_due()
        await self.remediating.settled()
        return begun


@dataclass(kw_only=True)
class Bench:
    """The store, the world, and the present start. Time passes by itself when somebody sleeps."""

    store: SqlStore
    clock: FrozenClock
    world: World
    writer: WatchedWriter
    ids: SequentialIds
    enabled: bool = True
    answers_within: float = 5.0
    bounds: ScaleBounds = BOUNDS
    resources: ResourceBounds = field(default_factory=ResourceBounds)
    configured: bool = True
    policy: ApprovalPolicy = POLICY
    rung: list[bool] = field(default_factory=list)
    drift: DriftReader = field(default_factory=NoDriftReports)
    rules: RetrainingRules = field(default_factory=RetrainingRules)
    target: CheckTarget = field(
        default_factory=lambda: CheckTarget(
            service="churn",
            namespace=NAMESPACE,
            deployment=NAME,
            cronjob="training-pipeline",
            model=MODEL,
            model_alias=ALIAS,
        )
    )

    def start(self, owner: str = "first", *, clock: FrozenClock | None = None) -> Start:
        """Engines as one process has them; `clock` is its machine's own, where that is not the store's."""

        async def ask_again(tx: Transaction, approval: Approval, plan: Plan) -> None:
            await approving.ask_again(tx, approval, plan)

        planning = Planning(
            store=self.store,
            clock=self.clock,
            readers=self.world.readers,
            planner=self.world.planner,
            bounds=self.limits,
            enabled=lambda: self.enabled,
            weigh=self.weigh,
            answers_within=self.answers_within,
        )
        machine = clock or self.clock
        executing = Executing(
            store=self.store,
            ids=self.ids,
            clock=machine,
            owner=owner,
            readers=self.world.readers,
            writers=Writers(cluster=self.writer, models=self.world.models),
            plan=planning.plan,
            verify_within=lambda _: VERIFY,
            ask_again=ask_again,
            enabled=lambda: self.enabled,
            answers_within=self.answers_within,
        )
        remediating = Remediating(store=self.store, clock=machine, executing=executing)
        approving = Approving(
            store=self.store,
            ids=self.ids,
            plan=planning.plan,
            policy=lambda _: self.policy,
            enabled=lambda: self.enabled,
            channel_of=lambda _: "C0CHURN",
            on_granted=lambda: self.rung.append(True),
        )
        deciding = Deciding(
            store=self.store,
            ids=self.ids,
            plan=planning.plan,
            policy=lambda _: self.policy,
            enabled=lambda: self.enabled,
            on_granted=lambda: self.rung.append(True),
        )
        return Start(approving=approving, deciding=deciding, remediating=remediating)

    def limits(self, wish: RemediationRequest) -> Bounds | None:
        """The service's, none where it is not configured; a runbook called `careful` doubles at most."""
        if not self.configured:
            return None
        careful = wish.runbook == "careful"
        scale = replace(self.bounds, max_factor=2.0) if careful else self.bounds
        return Bounds(
            namespace=NAMESPACE,
            deployment=NAME,
            model=MODEL,
            alias=ALIAS,
            scale=scale,
            resources=self.resources,
        )

    @property
    def readers(self) -> Readers:
        """The world's, with the bench's drift reports."""
        return replace(self.world.readers, drift=self.drift)

    async def weigh(self, _: str) -> RetrainingDecision | None:
        """What speaks for and against a retraining of the churn model, by the bench's rules."""
        now = self.clock.now()
        facts = await training_facts(self.target, self.readers, now)
        return decide_retraining(facts, self.rules, now=now)

    async def open_incident(self) -> Incident:
        """An open incident with its number."""
        async with self.store.transaction() as tx:
            return await tx.incidents.save(make_incident())

    async def resolve(self, incident: Incident) -> None:
        """It ends by itself."""
        async with self.store.transaction() as tx:
            found = await tx.incidents.get(incident.id)
            assert found is not None
            over = end(found, Resolution.ALERTS_RESOLVED, now=tx.now)
            assert over is not None
            await tx.incidents.save(over)

    async def ask(
        self,
        start: Start,
        replicas: int = 6,
        *,
        by: Actor = ALICE,
        incident: Incident | None = None,
        runbook: str = "",
    ) -> Outcome:
        """Somebody asks for that many replicas."""
        wish = request(NAMESPACE, replicas)
        wish = replace(wish, incident_id=incident.id if incident else None, runbook=runbook)
        return await start.approving.request(RequestRemediation(request=wish, actor=by))

    async def waiting(self) -> list[Approval]:
        """The requests that wait for an answer."""
        async with self.store.transaction() as tx:
            return list(await tx.approvals.requested())

    async def asked(self, start: Start, replicas: int = 6, **more: object) -> Approval:
        """Somebody asks, and the request waits."""
        outcome = await self.ask(start, replicas, **more)  # type: ignore[arg-type]  # passed on as they are
        waiting = await self.waiting()
        assert waiting, outcome
        return waiting[-1]

    async def press(
        self,
        start: Start,
        approval: Approval,
        word: DecisionWord = DecisionWord.APPROVE,
        *,
        by: Actor = BOB,
        digest: str = "",
        reason: str = "",
    ) -> Outcome:
        """Somebody presses."""
        command = DecideApproval(
            approval_id=approval.id,
            digest=digest or approval.digest,
            word=word,
            actor=by,
            reason=reason,
        )
        return await start.deciding.decide(command)

    async def granted(self, start: Start, replicas: int = 6, **more: object) -> Approval:
        """A request that was approved and not yet acted on."""
        approval = await self.asked(start, replicas, **more)
        await self.press(start, approval)
        return await self.approval(approval.id)

    async def approval(self, approval_id: str) -> Approval:
        """As the store has it."""
        async with self.store.transaction() as tx:
            found = await tx.approvals.get(approval_id)
        assert found is not None
        return found

    async def execution(self, approval_id: str) -> Execution | None:
        """As the store has it."""
        async with self.store.transaction() as tx:
            return await tx.executions.get(approval_id)

    async def outcome(self, approval: Approval) -> tuple[str, str]:
        """State and sentence of what was done for it."""
        found = await self.execution(approval.id)
        assert found is not None
        return found.state.value, found.outcome

    async def events(self, incident: Incident, kind: EventKind | None = None) -> list[Event]:
        """An incident's events, or those of a kind."""
        async with self.store.transaction() as tx:
            found = await tx.events.of_incident(incident.id)
        return [event for event in found if kind is None or event.kind is kind]

    async def replicas(self) -> int:
        """What the deployment wants."""
        found = await self.world.cluster.get(Resource.DEPLOYMENTS, namespace=NAMESPACE, name=NAME)
        return int(found["spec"]["replicas"])

    def scale_by_hand(self, replicas: int) -> None:
        """Somebody else sets the replicas."""
        self.world.state.scale_as("kubectl", namespace=NAMESPACE, name=NAME, replicas=replicas)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))


def make_bench(store: SqlStore, clock: FrozenClock, **changes: object) -> Bench:
    """A bench with three replicas; `clock` moves by itself."""
    ids = SequentialIds()
    world = World(clock, ids, manifests=[deployment(NAMESPACE)])
    writer = WatchedWriter(world)
    return Bench(store=store, clock=clock, world=world, writer=writer, ids=ids, **changes)  # type: ignore[arg-type]  # passed on
