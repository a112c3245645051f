"""What every action must do on any cluster, real or rehearsed: planned, done once, found again, undone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.calls import MARK, job_name
from bot.domain.remedies import Action, Plan, Refusal, RefusalReason
from bot.ports.readers import Resource
from bot.remediations.applying import apply, recover
from bot.remediations.outcomes import ApplyState
from bot.remediations.watching import progress
from bot.testing import make_grant
from tests.planning import ask, plan_in, planned_in, undo_of
from tests.worlds.contract import read, settled
from tests.worlds.objects import NAME, budget, cron_job

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Argument, RemediationRequest
    from bot.ports.readers import KubeObject
    from bot.remediations.outcomes import Applied
    from tests.worlds.contract import WorldUnderTest

TRAINING = "training-pipeline"
CHANGES: dict[Action, dict[str, Argument]] = {
    Action.RESOURCES: {"cpu": "40m", "memory": "48Mi"},
    Action.ROLLBACK: {},
    Action.RESTART: {},
}


class ActionsContract:
    """Give it a fixture `world` and it tests that world."""

    @pytest.mark.parametrize("action", CHANGES, ids=str)
    async def test_a_template_changes_once_and_is_watched(
        self, world: WorldUnderTest, action: Action
    ) -> None:
        """The plan is done with one edit, a repeat does nothing more, and the rollout is seen to its end."""
        plan = await self.ready(world, action)
        grant = make_grant(plan)
        before = await revision_of(world)
        assert (await act(world, grant)).state is ApplyState.APPLIED
        assert (await act(world, grant)).state is ApplyState.APPLIED
        assert (await recover(grant, readers=world.readers)).state is ApplyState.APPLIED
        await done(world, grant)
        assert await revision_of(world) == before + 1
        found = await read(world)
        assert found["metadata"]["annotations"][MARK] == grant.approval_id

    @pytest.mark.parametrize("action", CHANGES, ids=str)
    async def test_before_it_is_done_recovery_says_so(self, world: WorldUnderTest, action: Action) -> None:
        """Nothing was done while nothing changed; a change by somebody else leaves it open."""
        grant = make_grant(await self.ready(world, action))
        await world.touch(NAME)
        assert (await recover(grant, readers=world.readers)).state is ApplyState.NOT_APPLIED
        await world.scale_as_somebody(NAME, 4)
        assert (await recover(grant, readers=world.readers)).state is ApplyState.CANNOT_TELL
        assert (await act(world, grant)).state is ApplyState.OBJECT_CHANGED

    @pytest.mark.parametrize("action", [Action.RESOURCES, Action.ROLLBACK], ids=str)
    async def test_a_template_is_taken_back(self, world: WorldUnderTest, action: Action) -> None:
        """The undo restores the template as it was, pod for pod, and can be planned while pods still come."""
        plan = await self.ready(world, action)
        before = (await read(world))["spec"]["template"]
        grant = make_grant(plan)
        await act(world, grant)
        back = await planned_in(world, undo_of(plan, grant.approval_id), done=plan)
        undo = make_grant(back, approval_id="id-undo")
        assert (await act(world, undo)).state is ApplyState.APPLIED
        assert (await read(world))["spec"]["template"] == before
        await done(world, undo)
        again = await plan_in(world, undo_of(plan, grant.approval_id), done=plan)
        assert reason_of(again) is RefusalReason.NO_CHANGE

    async def test_an_undo_refuses_what_somebody_changed_since(self, world: WorldUnderTest) -> None:
        """Replicas that somebody else set afterwards are not overwritten, and the refusal says which."""
        await settled(world)
        plan = await planned_in(world, ask(Action.SCALE, world.namespace, replicas=5))
        grant = make_grant(plan)
        await act(world, grant)
        await world.scale_as_somebody(NAME, 4)
        refusal = await plan_in(world, undo_of(plan, grant.approval_id), done=plan)
        assert reason_of(refusal) is RefusalReason.OBJECT_CHANGED
        assert isinstance(refusal, Refusal)
        assert "replicas is 4 now, Lightship left 5" in refusal.sentence
        await world.scale_as_somebody(NAME, 5)
        back = await planned_in(world, undo_of(plan, grant.approval_id), done=plan)
        assert (await act(world, make_grant(back, approval_id="id-undo"))).state is ApplyState.APPLIED
        assert (await read(world))["spec"]["replicas"] == 3

    async def test_a_restart_has_no_inverse(self, world: WorldUnderTest) -> None:
        """Its plan says so, and an undo is refused."""
        plan = await self.ready(world, Action.RESTART)
        assert plan.undo.startswith("cannot be undone")
        assert not plan.undoable
        refusal = await plan_in(world, undo_of(plan, "id-000001"), done=plan)
        assert reason_of(refusal) is RefusalReason.CANNOT_BE_UNDONE

    async def test_a_paused_rollout_is_left_alone(self, world: WorldUnderTest) -> None:
        """Nothing of the deployment is changed while somebody has paused it."""
        plan = await self.ready(world, Action.ROLLBACK)
        assert plan.action is Action.ROLLBACK
        await world.edit(NAME, {"paused": True})
        for action in CHANGES:
            refusal = await plan_in(world, wish(world, action))
            assert reason_of(refusal) is RefusalReason.ROLLOUT

    async def test_a_pod_is_evicted_once(self, world: WorldUnderTest) -> None:
        """That very pod goes, a repeat does nothing more, and another one takes its place."""
        await settled(world)
        (first, *_) = await pods_of(world)
        grant = make_grant(await planned_in(world, evict(world, first)))
        assert (await recover(grant, readers=world.readers)).state is ApplyState.NOT_APPLIED
        assert (await act(world, grant)).state is ApplyState.APPLIED
        assert (await act(world, grant)).state is ApplyState.APPLIED
        await done(world, grant)
        names = [pod["metadata"]["name"] for pod in await pods_of(world)]
        assert first["metadata"]["name"] not in names
        assert len(names) == 3

    async def test_a_budget_keeps_its_pods(self, world: WorldUnderTest) -> None:
        """Where a PodDisruptionBudget allows no disruption the plan is refused in words."""
        await settled(world)
        await world.create(budget(world.namespace, minimum=3))
        (first, *_) = await pods_of(world)
        async with asyncio.timeout(20):
            while isinstance(found := await plan_in(world, evict(world, first)), Plan):
                await world.wait()
        assert found.reason is RefusalReason.BUDGET
        assert "PodDisruptionBudget allows no disruption now" in found.sentence

    async def test_a_stranger_s_pod_is_not_touched(self, world: WorldUnderTest) -> None:
        """A pod that is none of the deployment's is refused, whatever its labels say."""
        await settled(world)
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "lonely", "namespace": world.namespace, "labels": {"app": "other"}},
            "spec": {"containers": [{"name": "a", "image": "busybox"}]},
        }
        await world.create(pod)
        assert reason_of(await plan_in(world, evict(world, pod))) is RefusalReason.NOT_OURS

    async def test_a_job_is_made_once_and_ends(self, world: WorldUnderTest) -> None:
        """The Job has the approval's name and mark, no owner, and a week; a repeat finds it."""
        await world.create(cron_job(world.namespace))
        grant = make_grant(await planned_in(world, run(world)))
        missing = await recover(grant, readers=world.readers)
        assert missing.state is ApplyState.CANNOT_TELL
        assert "never made, or it was removed" in missing.sentence
        fresh = await recover(grant, readers=world.readers, repeatable=True)
        assert (fresh.state, fresh.sentence.endswith("and no event tells of one")) == (
            ApplyState.NOT_APPLIED,
            True,
        )
        assert (await act(world, grant)).state is ApplyState.APPLIED
        assert (await act(world, grant)).state is ApplyState.APPLIED
        assert (await recover(grant, readers=world.readers)).state is ApplyState.APPLIED
        (job,) = await jobs_of(world)
        assert grant.plan.call is not None
        assert job["metadata"]["name"] == job_name(grant.plan.call, grant.approval_id)
        assert job["metadata"]["annotations"][MARK] == grant.approval_id
        assert job["metadata"]["labels"]["lightship/cronjob"] == TRAINING
        assert not job["metadata"].get("ownerReferences")
        assert job["spec"]["ttlSecondsAfterFinished"] >= 7 * 24 * 3600
        assert job["spec"]["backoffLimit"] <= 1
        await done(world, grant)

    async def test_a_job_that_somebody_removed_is_not_made_again(self, world: WorldUnderTest) -> None:
        """Its pods' events outlive it, so even at once after it was made nobody takes it for never made."""
        await world.create(cron_job(world.namespace))
        grant = make_grant(await planned_in(world, run(world)))
        await act(world, grant)
        (job,) = await jobs_of(world)
        async with asyncio.timeout(20):
            while not await world.reader.list(
                Resource.EVENTS,
                namespace=world.namespace,
                fields=f"involvedObject.name={job['metadata']['name']}",
            ):
                await world.wait()
        await world.remove_job(job["metadata"]["name"])
        seen = await recover(grant, readers=world.readers, repeatable=True)
        assert (seen.state, seen.sentence.endswith("somebody removed it since")) == (
            ApplyState.CANNOT_TELL,
            True,
        )

    async def test_a_running_job_is_cancelled(self, world: WorldUnderTest) -> None:
        """Its undo ends it as failed and keeps it; once it has ended there is nothing to cancel."""
        await world.create(cron_job(world.namespace, waits=True))
        plan = await planned_in(world, run(world))
        assert plan.undoable
        grant = make_grant(plan)
        await act(world, grant)
        asked = undo_of(plan, grant.approval_id)
        cancel = make_grant(await planned_in(world, asked, done=plan), approval_id="id-cancel")
        assert (await act(world, cancel)).state is ApplyState.APPLIED
        await done(world, cancel)
        (job,) = await jobs_of(world)
        assert [one["type"] for one in job["status"]["conditions"] if one["status"] == "True"][-1] == "Failed"
        assert reason_of(await plan_in(world, asked, done=plan)) is RefusalReason.CANNOT_BE_UNDONE

    async def test_what_is_not_there_is_said(self, world: WorldUnderTest) -> None:
        """A CronJob, a pod, a revision or a container that does not exist is refused by name."""
        await settled(world)
        for asked in (
            ask(Action.RUN, world.namespace, kind="CronJob", name="nobody", cronjob="nobody"),
            ask(Action.DELETE_POD, world.namespace, kind="Pod", name="nobody", pod="nobody"),
            ask(Action.ROLLBACK, world.namespace, revision=99),
        ):
            assert reason_of(await plan_in(world, asked)) is RefusalReason.TARGET_MISSING
        asked = ask(Action.RESOURCES, world.namespace, container="nobody", cpu="30m")
        assert reason_of(await plan_in(world, asked)) is RefusalReason.BAD_ARGUMENT

    async def test_a_limit_below_its_request_is_refused_by_the_dry_run(self, world: WorldUnderTest) -> None:
        """What the API server would not take is never asked for."""
        await settled(world)
        refusal = await plan_in(world, ask(Action.RESOURCES, world.namespace, cpu="6m"))
        assert reason_of(refusal) is RefusalReason.DRY_RUN_REFUSED

    async def ready(self, world: WorldUnderTest, action: Action) -> Plan:
        """The deployment with two revisions, and the plan for it."""
        await settled(world)
        if action is Action.ROLLBACK:
            await world.edit(NAME, {"template": {"metadata": {"annotations": {"release": "2"}}}})
            async with asyncio.timeout(30):
                while await revision_of(world) < 2 or not await is_quiet(world):
                    await world.wait()
        return await planned_in(world, wish(world, action))


async def act(world: WorldUnderTest, grant: Grant) -> Applied:
    """Apply it."""
    return await apply(grant, readers=world.readers, writers=world.writers)


async def done(world: WorldUnderTest, grant: Grant) -> None:
    """Watch it to its end; fails after thirty seconds."""
    async with asyncio.timeout(30):
        while not (seen := await progress(grant, readers=world.readers)).done:
            assert not seen.failed, seen
            await world.wait()


async def is_quiet(world: WorldUnderTest) -> bool:
    """Whether no rollout is under way."""
    found = await plan_in(world, ask(Action.RESTART, world.namespace))
    return isinstance(found, Plan)


async def revision_of(world: WorldUnderTest) -> int:
    """The revision that the deployment says it has."""
    annotations = (await read(world))["metadata"].get("annotations") or {}
    return int(annotations.get("deployment.kubernetes.io/revision") or 0)


async def pods_of(world: WorldUnderTest) -> list[KubeObject]:
    """The deployment's pods that are not being stopped, by name."""
    found = await world.reader.list(Resource.PODS, namespace=world.namespace, labels=f"app={NAME}")
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


async def jobs_of(world: WorldUnderTest) -> list[KubeObject]:
    """All Jobs."""
    return list(await world.reader.list(Resource.JOBS, namespace=world.namespace))


def evict(world: WorldUnderTest, pod: KubeObject) -> RemediationRequest:
    """Somebody asks for a pod to go."""
    name = pod["metadata"]["name"]
    return ask(Action.DELETE_POD, world.namespace, kind="Pod", name=name, pod=name)


def wish(world: WorldUnderTest, action: Action) -> RemediationRequest:
    """Somebody asks for a change of the template."""
    return replace(ask(action, world.namespace), arguments=CHANGES[action])


def run(world: WorldUnderTest) -> RemediationRequest:
    """Somebody asks for the training."""
    return ask(Action.RUN, world.namespace, kind="CronJob", name=TRAINING, cronjob=TRAINING)


def reason_of(found: Plan | Refusal) -> RefusalReason:
    """Why it was refused, which it must have been."""
    assert isinstance(found, Refusal), found
    return found.reason
