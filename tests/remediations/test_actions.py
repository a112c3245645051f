from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actions import ACTIONS
from bot.domain.bounds import Bounds, ResourceBounds
from bot.domain.calls import canonical, holds, inverse, is_before, make_edit, misfit, patch_of
from bot.domain.errors import Permanent
from bot.domain.remedies import Action, CallKind, Plan, Refusal, RefusalReason
from bot.ports.readers import ModelVersion, Resource
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import merged
from bot.rehearsal.world import World
from bot.remediations.applying import apply, recover
from bot.remediations.autoscalers import bounds_for
from bot.remediations.deployments import RolloutState, rollout_of
from bot.remediations.outcomes import ApplyState
from bot.remediations.registry import REMEDIES
from bot.testing import START, FrozenClock, SequentialIds, make_grant
from tests.planning import ALIAS, MODEL, ask, plan_in, planned_in
from tests.worlds.objects import NAME, cron_job, deployment, request

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.ports.readers import KubeObject

NAMESPACE = "churn-mlops"


def world_of(*more: dict[str, Any], **metadata: Any) -> World:
    """A world with three pods and these objects."""
    return World(FrozenClock(), SequentialIds(), manifests=[deployment(NAMESPACE, **metadata), *more])


def reason_of(found: Plan | Refusal) -> RefusalReason:
    """Why it was refused, which it must have been."""
    assert isinstance(found, Refusal), found
    return found.reason


@pytest.mark.parametrize(
    ("replicas", "bounds"),
    [(12, (12, 12)), (8, (8, 10)), (4, (4, 10)), (3, (2, 3)), (1, (1, 1))],
)
def test_an_autoscaler_s_bounds_lead_to_the_number(replicas: int, bounds: tuple[int, int]) -> None:
    """Above the maximum both are set, below the present number the maximum, in between the minimum."""
    assert bounds_for(replicas, current=4, minimum=2, maximum=10) == bounds


JSON = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(before=JSON, after=JSON)
def test_a_patch_turns_before_into_after_and_back(before: object, after: object) -> None:
    """Whatever the two values are, the merge patch is exact, and its inverse leads back."""
    found = {"metadata": {"resourceVersion": "1"}, "spec": {"template": before}}
    edits = (make_edit(found, ("spec", "template"), after),)
    changed = merged(found, patch_of(edits, resource_version="1"))
    assert holds(changed, edits)
    restored = merged(changed, patch_of(inverse(edits), resource_version="1"))
    assert is_before(restored, edits)
    assert canonical(restored) == canonical(found)


def status_of(reason: str | None, *, status: str = "True", **spec: object) -> KubeObject:
    """A deployment whose condition `Progressing` is so."""
    conditions = [{"type": "Progressing", "status": status, "reason": reason}] if reason else []
    counts = {"replicas": 4, "updatedReplicas": 3, "observedGeneration": 2}
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": 3, **spec},
        "status": {**counts, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (status_of("NewReplicaSetAvailable"), RolloutState.COMPLETE),
        (status_of("ReplicaSetUpdated"), RolloutState.UNDER_WAY),
        (status_of("ProgressDeadlineExceeded", status="False"), RolloutState.FAILING),
        (status_of("NewReplicaSetAvailable", paused=True), RolloutState.PAUSED),
        (status_of(None), RolloutState.UNDER_WAY),
    ],
)
def test_a_rollout_is_told_from_pods_that_die(found: KubeObject, state: RolloutState) -> None:
    """The controller's own word counts, not the number of ready pods."""
    assert rollout_of(found)[0] is state


async def test_an_action_may_send_its_own_calls_alone() -> None:
    """The call of one action under the name of another fits no grant, whatever its digest."""
    world = world_of(cron_job(NAMESPACE))
    wishes = {
        Action.SCALE: request(NAMESPACE, 5),
        Action.RESTART: ask(Action.RESTART, NAMESPACE),
        Action.RESOURCES: ask(Action.RESOURCES, NAMESPACE, cpu="40m"),
        Action.RUN: ask(Action.RUN, NAMESPACE, kind="CronJob", name="training-pipeline", cronjob="x"),
    }
    plans = {action: await planned_in(world, wish) for action, wish in wishes.items()}
    for action, plan in plans.items():
        assert plan.call is not None
        assert misfit(make_grant(plan), plan.call.kind) == ""
        for other in plans.keys() - {action}:
            grant = make_grant(replace(plan, action=other))
            assert misfit(grant, plan.call.kind), (action, other)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, RefusalReason.BAD_ARGUMENT),
        ({"cpu": "lots"}, RefusalReason.BAD_ARGUMENT),
        ({"cpu": "20m"}, RefusalReason.NO_CHANGE),
        ({"cpu": "0.02"}, RefusalReason.NO_CHANGE),
        ({"cpu": "500m"}, RefusalReason.TOO_LARGE_A_STEP),
        ({"memory": "3Gi"}, RefusalReason.OUT_OF_BOUNDS),
    ],
)
async def test_resources_stay_in_their_bounds(arguments: dict[str, str], reason: RefusalReason) -> None:
    """No number, no change, too large a step and too much at all are refused by name."""
    bounds = Bounds(namespace=NAMESPACE, deployment=NAME, resources=ResourceBounds(memory=2.0**31))
    wish = replace(ask(Action.RESOURCES, NAMESPACE), arguments=arguments)
    assert reason_of(await plan_in(world_of(), wish, bounds=bounds)) is reason


async def test_limit_ranges_and_nodes_are_asked() -> None:
    """A LimitRange that forbids the number and nodes without room refuse, with the numbers in words."""
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "team", "namespace": NAMESPACE},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "30m"}}]},
    }
    refusal = await plan_in(world_of(limits), ask(Action.RESOURCES, NAMESPACE, cpu="40m"))
    assert reason_of(refusal) is RefusalReason.NO_ROOM
    assert isinstance(refusal, Refusal)
    assert refusal.sentence == "LimitRange team allows a container any to 30m of cpu, not 40m."
    world = world_of(node("a", cpu="35m"))
    refusal = await plan_in(world, request(NAMESPACE, 9))
    assert isinstance(refusal, Refusal)
    assert refusal.sentence == "the nodes have room for 3 more pods of this size, not for 6."
    bounds = Bounds(namespace=NAMESPACE, deployment=NAME, nodes_may_grow=True)
    grown = await planned_in(world, request(NAMESPACE, 9), bounds=bounds)
    assert grown.warnings == ("the nodes have room for 3 more pods of this size, not for 6",)


def node(name: str, *, cpu: str, **spec: Any) -> dict[str, Any]:
    """A node that is ready."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "namespace": ""},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": "1Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


async def test_a_rollback_shows_what_it_brings_back() -> None:
    """The diff names the revision and the image; the environment's values are in none of its words."""
    world = world_of()
    container = {"name": "api", "image": "churn-api:2", "env": [{"name": "TOKEN", "value": "hunter2"}]}
    spec = {"template": {"spec": {"containers": [container]}}}
    world.state.edit_as("kubectl", Resource.DEPLOYMENTS, namespace=NAMESPACE, name=NAME, spec=spec)
    assert isinstance(world.clock, FrozenClock)
    await world.clock.advance(seconds=20)
    plan = await planned_in(world, ask(Action.ROLLBACK, NAMESPACE))
    shown = [(change.field, change.before, change.after) for change in plan.changes]
    assert shown[:2] == [("revision", "2", "1"), ("image of container api", "churn-api:2", "churn-api:1")]
    assert "hunter2" not in repr(replace(plan, call=None))
    assert plan.undo == "roll out the pods of revision 2 again"


@pytest.fixture
def registry() -> World:
    """A world with three versions of the model, the second in use."""
    world = world_of()
    for number in ("1", "2", "3"):
        world.models.register(
            ModelVersion(
                name=MODEL,
                version=number,
                aliases=(ALIAS,) if number == "2" else (),
                created_at=START - timedelta(days=10 - int(number)),
                run_id="r",
                metrics={"accuracy": 0.7 + int(number) / 100},
            )
        )
    return world


def promote(version: int) -> Any:
    """Somebody asks for a version."""
    return ask(Action.PROMOTE, "", kind="Model", name=MODEL, version=version)


async def act(world: World, grant: Grant) -> ApplyState:
    """What comes of applying it."""
    return (await apply(grant, readers=world.readers, writers=world.writers)).state


async def test_a_lost_answer_of_the_registry_is_looked_up(registry: World) -> None:
    """When the alias was moved and the answer got lost, a look tells; before, that it was not."""
    grant = make_grant(await planned_in(registry, promote(3)))
    assert (await recover(grant, readers=registry.readers)).state is ApplyState.NOT_APPLIED
    registry.faults.switch_on("models.set_alias", Fault.LOST_ANSWER, times=1)
    assert await act(registry, grant) is ApplyState.CANNOT_TELL
    assert (await recover(grant, readers=registry.readers)).state is ApplyState.APPLIED


async def test_a_right_that_mlflow_does_not_give_is_not_asked_of_kubernetes(registry: World) -> None:
    """The mend is MLflow's own, at the plan and when the alias is to be moved."""
    grant = make_grant(await planned_in(registry, promote(3)))
    registry.faults.switch_on("models", Fault.FORBIDDEN)
    refusal = await plan_in(registry, promote(3))
    assert reason_of(refusal) is RefusalReason.FORBIDDEN
    outcome = await apply(grant, readers=registry.readers, writers=registry.writers)
    assert isinstance(refusal, Refusal)
    for words in (refusal.sentence, outcome.sentence):
        assert "MLFLOW_TRACKING_TOKEN" in words
        assert "rbac" not in words


async def test_a_namespace_that_is_not_the_service_s_is_refused() -> None:
    """A request for an object elsewhere is no request of this service."""
    bounds = Bounds(namespace="another", deployment=NAME)
    found = await plan_in(world_of(), ask(Action.RESTART, NAMESPACE), bounds=bounds)
    assert reason_of(found) is RefusalReason.NOT_OURS


async def test_an_older_version_s_plan_is_made_anew() -> None:
    """A plan without a call is not carried out; it is planned and asked for again."""
    world = world_of()
    plan = await planned_in(world, request(NAMESPACE, 5))
    grant = make_grant(replace(plan, call=None))
    assert await act(world, grant) is ApplyState.OBJECT_CHANGED
    with pytest.raises(Permanent):
        await world.writer.edit(grant, resource_version="1")
    assert (await recover(grant, readers=world.readers)).state is ApplyState.CANNOT_TELL


async def test_one_run_at_a_time_where_the_cronjob_says_so() -> None:
    """`concurrencyPolicy: Forbid` refuses a second Job while the first one runs."""
    cron = cron_job(NAMESPACE)
    cron["spec"]["concurrencyPolicy"] = "Forbid"
    world = world_of(cron)
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name="training-pipeline")
    plan = await planned_in(world, wish)
    assert plan.call is not None
    assert plan.call.kind is CallKind.CREATE
    assert await act(world, make_grant(plan)) is ApplyState.APPLIED
    refusal = await plan_in(world, wish)
    assert reason_of(refusal) is RefusalReason.NO_CHANGE
    assert isinstance(refusal, Refusal)
    assert "runs already" in refusal.sentence


def test_the_documentation_names_every_action_with_its_rights() -> None:
    """A row for each action, with all that it needs and can use, and its undo."""
    page = (Path(__file__).parents[2] / "docs" / "remediations.md").read_text(encoding="utf-8")
    words = {"never": "cannot be undone", "restored": "restores what was", "cancelled": "can be cancelled"}
    for action, remedy in REMEDIES.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{action.value}` |")]
        assert words[ACTIONS[action].taken_back.value] in row
        assert {str(right) for right in (*remedy.rights, *remedy.optional_rights)} <= set(row.split("`"))
