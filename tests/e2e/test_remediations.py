"""Every action on the real Kubernetes API: the contract of both worlds, rights, races, a server that fails.

The API server's failures come from a proxy in front of it, which loses answers after the work was done.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.clock import SystemClock
from bot.domain.remedies import Action, Plan, Refusal, RefusalReason
from bot.remediations import registry as remediations
from bot.remediations.acting import Acting
from bot.remediations.outcomes import ApplyState
from bot.testing import make_grant
from tests.e2e.granting import discard
from tests.e2e.granting import grant as grant_rights
from tests.e2e.scenes import ACCOUNT, rules_of
from tests.e2e.servers.faulty import Faulty, Way
from tests.e2e.test_cluster_contract import RealWorld
from tests.planning import ask, plan_in, planned_in
from tests.worlds.actions_contract import ActionsContract, act, evict, jobs_of, pods_of, run
from tests.worlds.contract import read, settled
from tests.worlds.objects import cron_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.domain.approvals import Grant
    from bot.domain.remedies import RemediationRequest
    from bot.domain.rights import Right
    from tests.e2e.servers.cluster import Cluster

pytestmark = pytest.mark.timeout(600)

NEEDED = {right for one in remediations.REMEDIES.values() for right in one.rights}
USED = {right for one in remediations.REMEDIES.values() for right in one.optional_rights}


@pytest.fixture
async def world(cluster: Cluster, namespace: str) -> AsyncIterator[RealWorld]:
    """The cluster as the bot's account sees it: what `lightship rbac` prints, behind its guardrails."""
    kubeconfig = await asyncio.to_thread(grant_rights, cluster, namespace, guarded=True)
    made = RealWorld(cluster, namespace, kubeconfig)
    yield made
    await made.connection.close()
    await asyncio.to_thread(discard, cluster, namespace)


async def wished(world: RealWorld, action: Action) -> RemediationRequest:
    """An action that would go through."""
    match action:
        case Action.DELETE_POD:
            return evict(world, (await pods_of(world))[0])
        case Action.RUN | Action.RETRAIN:
            return run(world)
        case Action.SCALE:
            return ask(action, world.namespace, replicas=5)
        case Action.RESOURCES:
            return ask(action, world.namespace, cpu="40m")
        case _:
            return ask(action, world.namespace)


async def grants(world: RealWorld) -> list[Grant]:
    """One of each kind of call, that leave each other alone: an edit, a Job, an eviction."""
    await settled(world)
    await world.create(cron_job(world.namespace))
    wishes = [await wished(world, action) for action in (Action.SCALE, Action.RUN, Action.DELETE_POD)]
    plans = [await planned_in(world, wish) for wish in wishes]
    return [make_grant(plan, approval_id=f"id-{plan.action.value}") for plan in plans]


async def effects(world: RealWorld, before: set[str]) -> tuple[int, int, int]:
    """Replicas, Jobs, and pods of before that are gone or going."""
    left = {pod["metadata"]["name"] for pod in await pods_of(world)}
    return int((await read(world))["spec"]["replicas"]), len(await jobs_of(world)), len(before - left)


async def names_of(world: RealWorld) -> set[str]:
    """The pods by name."""
    return {pod["metadata"]["name"] for pod in await pods_of(world)}


class TestRealActions(ActionsContract):
    """A real API server passes the same suite as the rehearsal's, with the least rights."""

    async def test_each_right_is_needed_and_named(self, world: RealWorld, cluster: Cluster) -> None:
        """Without any one of an action's rights its plan is refused and names that right."""
        await self.ready(world, Action.ROLLBACK)
        await world.create(cron_job(world.namespace))
        wrong = []
        for action, remedy in remediations.REMEDIES.items():
            for missing in sorted(remedy.rights):
                refusal = await self._without(world, cluster, action, missing)
                if (
                    not isinstance(refusal, Refusal)
                    or refusal.reason is not RefusalReason.FORBIDDEN
                    or f"`{missing}`" not in refusal.sentence
                ):
                    wrong.append((action.value, str(missing), refusal))
        assert wrong == []

    @staticmethod
    async def _without(world: RealWorld, cluster: Cluster, action: Action, missing: Right) -> Plan | Refusal:
        wish = await wished(world, action)
        rules = rules_of(sorted((NEEDED | USED) - {missing}))
        path = await asyncio.to_thread(cluster.service_account, world.namespace, "weaker", rules)
        weaker = RealWorld(cluster, world.namespace, path)
        try:
            return await plan_in(weaker, wish)
        finally:
            await weaker.connection.close()

    async def test_racing_applies_have_one_effect(self, world: RealWorld) -> None:
        """Four that apply the same grant at once end with one change, one Job, one pod less."""
        granted = await grants(world)
        before_names = await names_of(world)
        for grant in granted:
            outcomes = await asyncio.gather(*(act(world, grant) for _ in range(4)))
            assert {outcome.state for outcome in outcomes} == {ApplyState.APPLIED}, outcomes
        assert await effects(world, before_names) == (5, 1, 1)


@pytest.mark.parametrize(
    ("way", "done"),
    [
        (Way.LOSES_ANSWER, {"scale", "run", "delete-pod"}),
        (Way.ANSWERS_500_AFTER, {"scale", "run", "delete-pod"}),
        (Way.ANSWERS_500_ONCE, {"scale", "run", "delete-pod"}),
        (Way.ANSWERS_409_ONCE, {"scale", "run", "delete-pod"}),
        (Way.ANSWERS_429, set()),
        (Way.HANGS, set()),
    ],
)
async def test_a_failing_server_leads_to_one_effect_at_most(
    world: RealWorld, cluster: Cluster, way: Way, done: set[str]
) -> None:
    """A lost answer, 500, 409, 429 or none at all: what is said is true, and nothing is done twice."""
    granted = await grants(world)
    before = await names_of(world)
    kubeconfig = await asyncio.to_thread(cluster.kubeconfig_for, world.namespace, ACCOUNT)
    async with Faulty(cluster.api.access, kubeconfig, way).serving() as faulty:
        troubled = RealWorld(cluster, world.namespace, faulty.kubeconfig, timeout=1.0)
        outcomes = {grant.plan.action.value: await acted(troubled, grant) for grant in granted}
        await troubled.connection.close()
    replicas, jobs, gone = await effects(world, before)
    happened = {"scale": replicas == 5, "run": jobs == 1, "delete-pod": gone == 1}
    assert {name for name, state in outcomes.items() if state is ApplyState.APPLIED} == done, outcomes
    assert {name for name, did in happened.items() if did} == done, happened
    again = {grant.plan.action.value: await acted(world, grant) for grant in granted}
    assert set(again.values()) == {ApplyState.APPLIED}, again
    assert await effects(world, before) == (5, 1, 1)


class QuickClock(SystemClock):
    """Time as it is, without the rests between two tries."""

    async def sleep(self, seconds: float) -> None:
        """A moment."""
        await asyncio.sleep(min(seconds, 0.01))


async def acted(world: RealWorld, grant: Grant) -> ApplyState:
    """What comes of acting as the engine does it: tried again, and looked at when in doubt."""

    async def hold() -> datetime:
        return datetime.now(UTC)

    acting = Acting(
        readers=world.readers,
        writers=world.writers,
        clock=QuickClock(),
        enabled=lambda: True,
        answers_within=20.0,
    )
    soon = datetime.now(UTC) + timedelta(minutes=30)
    return (await acting.act(grant, resumed=False, repeat_until=soon, hold=hold)).state
