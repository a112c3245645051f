from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.bounds import ScaleBounds
from bot.domain.errors import Ambiguous, Permanent
from bot.ports.readers import Resource
from bot.ports.writers import Writers
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.remediations.applying import apply, recover
from bot.remediations.deployments import observe
from bot.remediations.outcomes import ApplyState
from bot.remediations.watching import progress
from bot.testing import FrozenClock, SequentialIds, make_grant
from tests.planning import planned_in
from tests.worlds.objects import deployment, request

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.ports.readers import KubeObject

NAMESPACE = "churn-mlops"
LIMITS = ScaleBounds(minimum=0, maximum=10, max_factor=5)


@pytest.fixture
def world() -> World:
    """A world with three pods."""
    return World(FrozenClock(), SequentialIds(), manifests=[deployment(NAMESPACE)])


async def granted(world: World, replicas: int = 5) -> Grant:
    """A grant to have that many replicas."""
    return make_grant(await planned_in(world, request(NAMESPACE, replicas), limits=LIMITS))


async def read(world: World) -> KubeObject:
    """The deployment now."""
    return await world.cluster.get(Resource.DEPLOYMENTS, namespace=NAMESPACE, name="churn-api")


class LosingWriter:
    """Loses its answers: before the cluster gets the order (`arrives` false) or after."""

    def __init__(self, world: World, *, arrives: bool, times: int) -> None:
        self.world = world
        self.arrives = arrives
        self.times = times
        self.sent: list[str] = []

    async def edit(self, grant: Grant, *, resource_version: str) -> KubeObject:
        """Edit, or lose it."""
        self.sent.append(resource_version)
        if len(self.sent) > self.times:
            return await self.world.writer.edit(grant, resource_version=resource_version)
        if self.arrives:
            await self.world.writer.edit(grant, resource_version=resource_version)
        raise Ambiguous("no answer")

    async def create(self, grant: Grant) -> KubeObject:
        """Create as the world does."""
        return await self.world.writer.create(grant)

    async def evict(self, grant: Grant) -> None:
        """Evict as the world does."""
        await self.world.writer.evict(grant)

    @property
    def writers(self) -> Writers:
        """As remediations are given it."""
        return Writers(cluster=self, models=self.world.models)


async def test_a_lost_answer_is_looked_up(world: World) -> None:
    """When the order took effect and the answer got lost, our own mark tells, and nothing is sent again."""
    grant = await granted(world)
    writer = LosingWriter(world, arrives=True, times=1)
    outcome = await apply(grant, readers=world.readers, writers=writer.writers)
    assert outcome.state is ApplyState.APPLIED
    assert len(writer.sent) == 1


async def test_a_lost_order_is_sent_again_with_the_same_lock(world: World) -> None:
    """When the order got lost, it is repeated with the same version, so that only one of them can win."""
    grant = await granted(world)
    writer = LosingWriter(world, arrives=False, times=1)
    outcome = await apply(grant, readers=world.readers, writers=writer.writers)
    assert outcome.state is ApplyState.APPLIED
    assert writer.sent == [grant.plan.resource_version] * 2
    assert (await read(world))["spec"]["replicas"] == 5


async def test_answers_that_stay_lost_cannot_be_told(world: World) -> None:
    """After a bounded number of lost answers a human is needed."""
    grant = await granted(world)
    writer = LosingWriter(world, arrives=False, times=100)
    outcome = await apply(grant, readers=world.readers, writers=writer.writers)
    assert outcome.state is ApplyState.CANNOT_TELL
    assert len(writer.sent) == 5


async def test_a_lost_answer_and_a_change_cannot_be_told(world: World) -> None:
    """When the answer got lost and somebody scaled since, the change may have been ours."""
    grant = await granted(world)

    class Overtaken(LosingWriter):
        async def edit(self, grant: Grant, *, resource_version: str) -> KubeObject:
            try:
                return await super().edit(grant, resource_version=resource_version)
            finally:
                self.world.state.scale_as("kubectl", namespace=NAMESPACE, name="churn-api", replicas=4)

    writer = Overtaken(world, arrives=True, times=1)
    outcome = await apply(grant, readers=world.readers, writers=writer.writers)
    assert outcome.state is ApplyState.CANNOT_TELL
    assert (await read(world))["spec"]["replicas"] == 4


async def test_a_lost_answer_and_no_sight_cannot_be_told(world: World) -> None:
    """When the answer got lost and the cluster cannot be read, nothing is claimed."""
    grant = await granted(world)
    world.faults.switch_on("writer", Fault.LOST_ANSWER)
    world.faults.switch_on("cluster.get", Fault.SERVER_ERROR)
    outcome = await apply(grant, readers=world.readers, writers=world.writers)
    assert outcome.state is ApplyState.CANNOT_TELL
    world.faults.switch_off()
    assert (await recover(grant, readers=world.readers)).state is ApplyState.APPLIED


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (Fault.FORBIDDEN, None),
        (Fault.REFUSED, None),
        (Fault.THROTTLED, 1.0),
    ],
)
async def test_what_was_not_taken_was_not_done(world: World, fault: Fault, again: float | None) -> None:
    """A refusal is certain: nothing was done, and the outcome says whether trying again may help."""
    grant = await granted(world)
    world.faults.switch_on("writer", fault)
    outcome = await apply(grant, readers=world.readers, writers=world.writers)
    assert (outcome.state, outcome.retry_after) == (ApplyState.NOT_APPLIED, again)
    assert (await read(world))["spec"]["replicas"] == 3


async def test_a_recreated_deployment_is_another(world: World) -> None:
    """A deployment deleted and made anew with the same name is not what was approved."""
    grant = await granted(world)
    world.state.store.remove(("apps/v1", "Deployment", NAMESPACE, "churn-api"))
    assert (
        await apply(grant, readers=world.readers, writers=world.writers)
    ).state is ApplyState.OBJECT_CHANGED
    world.state.put(deployment(NAMESPACE))
    outcome = await apply(grant, readers=world.readers, writers=world.writers)
    assert outcome.state is ApplyState.OBJECT_CHANGED
    assert "created anew" in outcome.sentence


async def test_a_plan_that_was_changed_after_the_approval_is_refused(world: World) -> None:
    """A grant whose plan is not the approved one moves nothing, whoever made it."""
    grant = await granted(world)
    forged = replace(grant, plan=replace(grant.plan, arguments={"replicas": 9}))
    with pytest.raises(Permanent, match="not the one that was approved"):
        await world.writer.edit(forged, resource_version=grant.plan.resource_version)
    assert (await read(world))["spec"]["replicas"] == 3


async def test_an_applied_scaling_can_be_watched(world: World) -> None:
    """Polling shows the pods coming until the rollout is done, and a failure when somebody scales past it."""
    grant = await granted(world)
    await apply(grant, readers=world.readers, writers=world.writers)
    seen = await progress(grant, readers=world.readers)
    assert (seen.ready, seen.desired, seen.done) == (3, 5, False)
    assert isinstance(world.clock, FrozenClock)
    await world.clock.advance(seconds=10)
    assert (await progress(grant, readers=world.readers)).done
    world.state.scale_as("argocd", namespace=NAMESPACE, name="churn-api", replicas=3)
    assert (await progress(grant, readers=world.readers)).failed


def status_of(spec: int, **status: object) -> KubeObject:
    """A deployment that wants so many pods, with this status."""
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": spec},
        "status": {"observedGeneration": 2, **status},
    }


FULL = {"replicas": 5, "updatedReplicas": 5, "readyReplicas": 5, "availableReplicas": 5}


@pytest.mark.parametrize(
    ("found", "done", "failed", "words"),
    [
        (status_of(5, **FULL), True, False, "5 of 5 pods ready"),
        (status_of(5, **{**FULL, "observedGeneration": 1}), False, False, "has not seen the change"),
        (status_of(5, **{**FULL, "readyReplicas": 4}), False, False, "4 of 5 pods ready"),
        (status_of(5, **{**FULL, "updatedReplicas": 2}), False, False, "5 of 5 pods ready"),
        (status_of(5, **{**FULL, "replicas": 7}), False, False, "2 too many, being removed"),
        (status_of(3, **FULL), False, True, "set it to 3 replicas"),
        (
            status_of(
                5, conditions=[{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]
            ),
            False,
            False,
            "pods cannot be made: exceeded quota",
        ),
        (
            status_of(
                5,
                conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
            ),
            False,
            True,
            "the rollout is stuck",
        ),
    ],
)
def test_progress_is_read_from_the_status(found: KubeObject, done: bool, failed: bool, words: str) -> None:
    """A rollout is done only when every pod is ready, new and alone; failed when it is stuck or overruled."""
    progress = observe(found, desired=5)
    assert (progress.done, progress.failed) == (done, failed)
    assert words in progress.reason


def test_none_ready_of_none_is_done() -> None:
    """A deployment scaled to nothing is done when its last pod is gone, although no count is written."""
    assert observe(status_of(0), desired=0).done
    assert not observe(status_of(0, replicas=1), desired=0).done
