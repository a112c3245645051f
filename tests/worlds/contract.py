"""What every cluster behind the ports must do, real or rehearsed: the one suite that both have to pass."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

from bot.domain.errors import Conflict, NotFound, Permanent
from bot.domain.remedies import Plan, Refusal, RefusalReason
from bot.domain.services import ScaleBounds
from bot.ports.readers import Resource
from bot.ports.writers import ScaleTo
from bot.remediations.deployments import observe
from bot.remediations.scale_plans import plan_scale
from bot.remediations.scaling import ApplyState, apply, recover
from bot.testing import make_grant
from tests.worlds.objects import NAME, autoscaler, budget, deployment, order_of, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.ports.planners import ScalePlanner
    from bot.ports.readers import ClusterReader, KubeObject
    from bot.ports.writers import DeploymentScaler

LIMITS = ScaleBounds(minimum=1, maximum=10, max_factor=3)


class WorldUnderTest(Protocol):
    """A cluster with one namespace of its own, and the hands that a test needs beside the ports."""

    namespace: str

    @property
    def reader(self) -> ClusterReader:
        """Looks."""
        ...

    @property
    def planner(self) -> ScalePlanner:
        """Tries."""
        ...

    @property
    def scaler(self) -> DeploymentScaler:
        """Acts."""
        ...

    async def create(self, manifest: KubeObject) -> None:
        """Add an object."""
        ...

    async def annotate(self, name: str) -> None:
        """Change a deployment without a status change: its generation moves."""
        ...

    async def touch(self, name: str) -> None:
        """Move a deployment's resourceVersion, and not its generation."""
        ...

    async def scale_as_somebody(self, name: str, replicas: int) -> None:
        """Scale past Lightship."""
        ...

    async def wait(self) -> None:
        """Let the controllers work for a moment."""
        ...


class ClusterContract:
    """Give it a fixture `world` and it tests that world."""

    async def test_an_object_is_served_with_what_plans_rest_on(self, world: WorldUnderTest) -> None:
        """A read object names its kind, version, uid and generation."""
        found = await settled(world)
        assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")
        metadata = found["metadata"]
        assert metadata["resourceVersion"]
        assert metadata["uid"]
        assert metadata["generation"] >= 1

    async def test_what_is_missing_is_not_found(self, world: WorldUnderTest) -> None:
        """Reading an object that does not exist raises NotFound."""
        with pytest.raises(NotFound):
            await world.reader.get(Resource.DEPLOYMENTS, namespace=world.namespace, name="nobody")

    @pytest.mark.parametrize("name", ["..", "../../../kube-system/pods/x", "A", "x/log", "x?watch=1", ""])
    async def test_a_name_cannot_lead_elsewhere(self, world: WorldUnderTest, name: str) -> None:
        """Whatever is given as a name stays a name: it is refused or not found, for good."""
        with pytest.raises(Permanent):
            await world.reader.get(Resource.PODS, namespace=world.namespace, name=name)

    async def test_lists_are_selected_and_bounded(self, world: WorldUnderTest) -> None:
        """Label selectors, field selectors and the limit hold; items name their kind."""
        await settled(world)
        mine = await world.reader.list(Resource.PODS, namespace=world.namespace, labels=f"app={NAME}")
        assert len(mine) == 3
        assert {item["kind"] for item in mine} == {"Pod"}
        by_set = f"app in (other, {NAME}),app!=x"
        found = await world.reader.list(Resource.PODS, namespace=world.namespace, labels=by_set, limit=2)
        assert len(found) == 2
        assert not await world.reader.list(Resource.PODS, namespace=world.namespace, labels="app=other")
        name = mine[0]["metadata"]["name"]
        selected = await world.reader.list(
            Resource.PODS, namespace=world.namespace, fields=f"metadata.name={name}"
        )
        assert [item["metadata"]["name"] for item in selected] == [name]

    async def test_a_dry_run_changes_nothing(self, world: WorldUnderTest) -> None:
        """The dry run answers the Scale as it would be and leaves the deployment as it is."""
        before = await settled(world)
        scale = await world.planner.dry_run_scale(
            namespace=world.namespace,
            name=NAME,
            replicas=5,
            resource_version=before["metadata"]["resourceVersion"],
        )
        assert scale["spec"]["replicas"] == 5
        after = await read(world)
        assert after["spec"]["replicas"] == 3
        assert after["metadata"]["generation"] == before["metadata"]["generation"]

    async def test_a_dry_run_of_an_older_object_conflicts(self, world: WorldUnderTest) -> None:
        """The optimistic lock holds for dry runs too."""
        before = await settled(world)
        await world.annotate(NAME)
        with pytest.raises(Conflict):
            await world.planner.dry_run_scale(
                namespace=world.namespace,
                name=NAME,
                replicas=5,
                resource_version=before["metadata"]["resourceVersion"],
            )

    async def test_scaling_leaves_its_name(self, world: WorldUnderTest) -> None:
        """A scaled deployment has the replicas, a new generation, and the approval's id in managedFields."""
        before = await settled(world)
        grant = make_grant(await planned(world, 5))
        scale = await world.scaler.scale(grant, order_of(grant))
        assert scale["spec"]["replicas"] == 5
        after = await read(world)
        assert after["spec"]["replicas"] == 5
        assert after["metadata"]["generation"] > before["metadata"]["generation"]
        managers = [(m["manager"], m.get("subresource")) for m in after["metadata"]["managedFields"]]
        assert ("lightship-id-000001", "scale") in managers

    async def test_a_replay_conflicts(self, world: WorldUnderTest) -> None:
        """The same order sent twice acts once: the second answers Conflict."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await world.scaler.scale(grant, order_of(grant))
        with pytest.raises(Conflict):
            await world.scaler.scale(grant, order_of(grant))

    async def test_an_order_beyond_the_grant_is_refused(self, world: WorldUnderTest) -> None:
        """Replicas, target or name that the approval does not say never reach the cluster."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        right = order_of(grant)
        for wrong in (
            {"replicas": 9},
            {"name": "other"},
            {"namespace": "kube-system"},
            {"field_manager": "lightship-other"},
        ):
            fields = {name: getattr(right, name) for name in ScaleTo.__dataclass_fields__}
            with pytest.raises(Permanent, match="does not fit the approval"):
                await world.scaler.scale(grant, ScaleTo(**{**fields, **wrong}))
        assert (await read(world))["spec"]["replicas"] == 3

    async def test_pods_come_and_go(self, world: WorldUnderTest) -> None:
        """After scaling up and down again, the rollout is observed as done each time."""
        await settled(world)
        for replicas in (5, 2):
            grant = make_grant(await planned(world, replicas), approval_id=f"id-{replicas}")
            assert (await apply(grant, reader=world.reader, scaler=world.scaler)).state is ApplyState.APPLIED
            found = await until(world, partial(rolled_out, replicas=replicas))
            assert observe(found, desired=replicas).ready == replicas

    async def test_a_plan_says_what_would_change(self, world: WorldUnderTest) -> None:
        """A plan shows the difference, how to undo it, and the budget over the pods."""
        await settled(world)
        await world.create(budget(world.namespace))
        plan = await planned(world, 6)
        assert [str((c.field, c.before, c.after)) for c in plan.changes] == ["('spec.replicas', '3', '6')"]
        assert plan.undo == "scale back to 3"
        assert any(note.startswith("PodDisruptionBudget churn-api: minAvailable 2") for note in plan.notes)
        assert not plan.warnings

    async def test_an_autoscaler_is_not_fought(self, world: WorldUnderTest) -> None:
        """Where a HorizontalPodAutoscaler owns the replicas, scaling is refused with its name and bounds."""
        await settled(world)
        await world.create(autoscaler(world.namespace))
        refusal = await plan(world, 6)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is RefusalReason.HPA_OWNS_REPLICAS
        assert "churn-api-hpa" in refusal.sentence
        assert "2 and 7" in refusal.sentence

    async def test_a_missing_target_is_said(self, world: WorldUnderTest) -> None:
        """There is no plan for a deployment that does not exist."""
        refusal = await plan(world, 6)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is RefusalReason.TARGET_MISSING

    async def test_a_moved_status_does_not_stop_an_approved_scale(self, world: WorldUnderTest) -> None:
        """When only the version moved since the plan, scaling reads again and goes through."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await world.touch(NAME)
        assert (await read(world))["metadata"]["resourceVersion"] != grant.plan.resource_version
        assert (await apply(grant, reader=world.reader, scaler=world.scaler)).state is ApplyState.APPLIED
        assert (await read(world))["spec"]["replicas"] == 5

    async def test_a_moved_spec_needs_a_new_plan(self, world: WorldUnderTest) -> None:
        """When somebody scaled meanwhile, nothing is done and the sentence says what it is now."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await world.scale_as_somebody(NAME, 4)
        outcome = await apply(grant, reader=world.reader, scaler=world.scaler)
        assert outcome.state is ApplyState.OBJECT_CHANGED
        assert "4 replicas now, not 3" in outcome.sentence
        assert (await read(world))["spec"]["replicas"] == 4

    async def test_applying_twice_acts_once(self, world: WorldUnderTest) -> None:
        """A second apply of the same grant finds its own mark, also after somebody scaled back."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        for _ in range(2):
            outcome = await apply(grant, reader=world.reader, scaler=world.scaler)
            assert outcome.state is ApplyState.APPLIED
        await world.scale_as_somebody(NAME, 3)
        outcome = await apply(grant, reader=world.reader, scaler=world.scaler)
        assert outcome.state is ApplyState.OBJECT_CHANGED
        assert (await read(world))["spec"]["replicas"] == 3

    async def test_recovery_tells_what_happened(self, world: WorldUnderTest) -> None:
        """Before the PATCH recovery proves that nothing was done, after it that it was."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await world.touch(NAME)
        assert (await recover(grant, reader=world.reader)).state is ApplyState.NOT_APPLIED
        await apply(grant, reader=world.reader, scaler=world.scaler)
        assert (await recover(grant, reader=world.reader)).state is ApplyState.APPLIED

    async def test_recovery_does_not_guess(self, world: WorldUnderTest) -> None:
        """After somebody else set the replicas, managedFields forget us, and recovery says so."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await apply(grant, reader=world.reader, scaler=world.scaler)
        await world.scale_as_somebody(NAME, 3)
        assert (await recover(grant, reader=world.reader)).state is ApplyState.CANNOT_TELL


async def settled(world: WorldUnderTest) -> KubeObject:
    """The deployment of these tests with its three pods ready."""
    await world.create(deployment(world.namespace))
    return await until(world, partial(rolled_out, replicas=3))


async def until(world: WorldUnderTest, holds: Callable[[KubeObject], bool]) -> KubeObject:
    """The deployment once that holds; fails after thirty seconds."""
    async with asyncio.timeout(30):
        while not holds(found := await read(world)):
            await world.wait()
    return found


def rolled_out(found: KubeObject, *, replicas: int) -> bool:
    """Whether the deployment has that many ready pods."""
    return observe(found, desired=replicas).done


async def read(world: WorldUnderTest) -> KubeObject:
    """The deployment now."""
    return await world.reader.get(Resource.DEPLOYMENTS, namespace=world.namespace, name=NAME)


def plan(world: WorldUnderTest, replicas: int) -> Awaitable[Plan | Refusal]:
    """What planning comes to."""
    asked = request(world.namespace, replicas)
    return plan_scale(asked, limits=LIMITS, reader=world.reader, planner=world.planner)


async def planned(world: WorldUnderTest, replicas: int) -> Plan:
    """The plan, which must be one."""
    found = await plan(world, replicas)
    assert isinstance(found, Plan), found
    return found
