"""What every cluster behind the ports must do, real or rehearsed: the one suite that both have to pass."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

from bot.domain.errors import Conflict, NotFound, Permanent
from bot.domain.remedies import Plan, Refusal, RefusalReason
from bot.ports.readers import Resource
from bot.remediations.applying import apply, recover
from bot.remediations.deployments import observe
from bot.remediations.outcomes import ApplyState
from bot.remediations.planning import edit_call
from bot.testing import make_grant
from tests.planning import LIMITS, plan_in, planned_in, undo_of
from tests.worlds.objects import NAME, autoscaler, budget, deployment, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.domain.remedies import Call
    from bot.ports.planners import ClusterPlanner
    from bot.ports.readers import ClusterReader, KubeObject, Readers
    from bot.ports.writers import Writers


class WorldUnderTest(Protocol):
    """A cluster with one namespace of its own, and the hands that a test needs beside the ports."""

    namespace: str

    @property
    def reader(self) -> ClusterReader:
        """Looks."""
        ...

    @property
    def readers(self) -> Readers:
        """Looks, as remediations do."""
        ...

    @property
    def planner(self) -> ClusterPlanner:
        """Tries."""
        ...

    @property
    def writers(self) -> Writers:
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

    async def edit(self, name: str, spec: KubeObject) -> None:
        """Change a deployment's spec past Lightship."""
        ...

    async def remove_job(self, name: str) -> None:
        """Delete a Job with its pods, as somebody else would."""
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

    async def test_metadata_comes_without_what_the_objects_hold(self, world: WorldUnderTest) -> None:
        """Of a ConfigMap its name and times are told, of its data nothing but names at most."""
        metadata = {"name": "settings", "namespace": world.namespace}
        await world.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"MODE": "s3cret"}}
        )
        found = await world.reader.metadata(Resource.CONFIG_MAPS, namespace=world.namespace)
        one = next(item for item in found if item["metadata"]["name"] == "settings")
        assert set(one) == {"apiVersion", "kind", "metadata"}
        assert one["metadata"]["creationTimestamp"]
        assert "s3cret" not in repr(found)

    async def test_a_dry_run_changes_nothing(self, world: WorldUnderTest) -> None:
        """The dry run answers the Scale as it would be and leaves the deployment as it is."""
        before = await settled(world)
        scale = await world.planner.dry_run(
            scale_call(before, 5),
            namespace=world.namespace,
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
            await world.planner.dry_run(
                scale_call(before, 5),
                namespace=world.namespace,
                resource_version=before["metadata"]["resourceVersion"],
            )

    async def test_scaling_leaves_its_name(self, world: WorldUnderTest) -> None:
        """A scaled deployment has the replicas, a new generation, and the approval's id in managedFields."""
        before = await settled(world)
        grant = make_grant(await planned(world, 5))
        scale = await world.writers.cluster.edit(grant, resource_version=grant.plan.resource_version)
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
        await world.writers.cluster.edit(grant, resource_version=grant.plan.resource_version)
        with pytest.raises(Conflict):
            await world.writers.cluster.edit(grant, resource_version=grant.plan.resource_version)

    async def test_an_order_beyond_the_grant_is_refused(self, world: WorldUnderTest) -> None:
        """A plan that was changed after its approval, or another kind of call, never reaches the cluster."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        assert grant.plan.call is not None
        (edit,) = grant.plan.call.edits
        more = replace(grant.plan.call, edits=(replace(edit, after="9"),))
        forged = replace(grant, plan=replace(grant.plan, call=more))
        with pytest.raises(Permanent, match="does not fit the approval"):
            await world.writers.cluster.edit(forged, resource_version=grant.plan.resource_version)
        for other in (world.writers.cluster.create, world.writers.cluster.evict):
            with pytest.raises(Permanent, match="does not fit the approval"):
                await other(grant)
        assert (await read(world))["spec"]["replicas"] == 3

    async def test_an_action_cannot_do_what_another_may(self, world: WorldUnderTest) -> None:
        """An approval to scale whose call would change the image is refused, however it came about."""
        found = await settled(world)
        scaling = await planned(world, 5)
        image = edit_call(found, "deployments", {("spec", "template", "spec", "containers"): []})
        grant = make_grant(replace(scaling, call=image))
        with pytest.raises(Permanent, match="scale may not edit deployments"):
            await world.writers.cluster.edit(grant, resource_version=scaling.resource_version)

    async def test_pods_come_and_go(self, world: WorldUnderTest) -> None:
        """After scaling up and down again, the rollout is observed as done each time."""
        await settled(world)
        for replicas in (5, 2):
            grant = make_grant(await planned(world, replicas), approval_id=f"id-{replicas}")
            assert (
                await apply(grant, readers=world.readers, writers=world.writers)
            ).state is ApplyState.APPLIED
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
        """Where a HorizontalPodAutoscaler owns the replicas its bounds are set instead, and put back."""
        await settled(world)
        await world.create(autoscaler(world.namespace))
        plan = await planned(world, 6)
        assert [(c.field, c.before, c.after) for c in plan.changes] == [
            ("churn-api-hpa spec.minReplicas", "2", "6")
        ]
        assert "owns the replicas" in plan.notes[0]
        grant = make_grant(plan)
        assert (await apply(grant, readers=world.readers, writers=world.writers)).state is ApplyState.APPLIED
        await until(world, partial(rolled_out, replicas=6))
        assert (await recover(grant, readers=world.readers)).state is ApplyState.APPLIED
        back = await planned_in(world, undo_of(plan, grant.approval_id), done=plan)
        undo = make_grant(back, approval_id="id-undo")
        assert (await apply(undo, readers=world.readers, writers=world.writers)).state is ApplyState.APPLIED
        hpa = await world.reader.get(
            Resource.HORIZONTAL_POD_AUTOSCALERS, namespace=world.namespace, name="churn-api-hpa"
        )
        assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (2, 7)

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
        assert (await apply(grant, readers=world.readers, writers=world.writers)).state is ApplyState.APPLIED
        assert (await read(world))["spec"]["replicas"] == 5

    async def test_a_moved_spec_needs_a_new_plan(self, world: WorldUnderTest) -> None:
        """When somebody scaled meanwhile, nothing is done and the sentence says what it is now."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await world.scale_as_somebody(NAME, 4)
        outcome = await apply(grant, readers=world.readers, writers=world.writers)
        assert outcome.state is ApplyState.OBJECT_CHANGED
        assert "4 replicas now, not 3" in outcome.sentence
        assert (await read(world))["spec"]["replicas"] == 4

    async def test_applying_twice_acts_once(self, world: WorldUnderTest) -> None:
        """A second apply of the same grant finds its own mark, also after somebody scaled back."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        for _ in range(2):
            outcome = await apply(grant, readers=world.readers, writers=world.writers)
            assert outcome.state is ApplyState.APPLIED
        await world.scale_as_somebody(NAME, 3)
        outcome = await apply(grant, readers=world.readers, writers=world.writers)
        assert outcome.state is ApplyState.OBJECT_CHANGED
        assert (await read(world))["spec"]["replicas"] == 3

    async def test_recovery_tells_what_happened(self, world: WorldUnderTest) -> None:
        """Before the PATCH recovery proves that nothing was done, after it that it was."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await world.touch(NAME)
        assert (await recover(grant, readers=world.readers)).state is ApplyState.NOT_APPLIED
        await apply(grant, readers=world.readers, writers=world.writers)
        assert (await recover(grant, readers=world.readers)).state is ApplyState.APPLIED

    async def test_recovery_does_not_guess(self, world: WorldUnderTest) -> None:
        """After somebody else set the replicas, managedFields forget us, and recovery says so."""
        await settled(world)
        grant = make_grant(await planned(world, 5))
        await apply(grant, readers=world.readers, writers=world.writers)
        await world.scale_as_somebody(NAME, 3)
        assert (await recover(grant, readers=world.readers)).state is ApplyState.CANNOT_TELL


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
    return plan_in(world, request(world.namespace, replicas), limits=LIMITS)


def scale_call(found: KubeObject, replicas: int) -> Call:
    """The call that scales a deployment."""
    return edit_call(found, "deployments", {("spec", "replicas"): replicas}, subresource="scale")


async def planned(world: WorldUnderTest, replicas: int) -> Plan:
    """The plan, which must be one."""
    found = await plan(world, replicas)
    assert isinstance(found, Plan), found
    return found
