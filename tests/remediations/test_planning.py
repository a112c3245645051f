from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bounds import Bounds, ScaleBounds
from bot.domain.remedies import Action, Plan, Refusal, RefusalReason, RemediationRequest, Target
from bot.rehearsal.faults import Fault
from bot.rehearsal.world import World
from bot.remediations.planning import Refused
from bot.remediations.scale_plans import refuse_bounds, refuse_step
from bot.testing import FrozenClock, SequentialIds
from tests.planning import plan_in
from tests.worlds.objects import deployment, request

if TYPE_CHECKING:
    from bot.domain.remedies import Argument

NAMESPACE = "churn-mlops"
LIMITS = ScaleBounds(minimum=1, maximum=10, max_factor=3)


def world_of(*more: dict[str, Any], replicas: int = 3, **metadata: Any) -> World:
    """A world with the deployment and these objects."""
    manifests = [deployment(NAMESPACE, replicas=replicas, **metadata), *more]
    return World(FrozenClock(), SequentialIds(), manifests=manifests)


async def plan(world: World, replicas: Argument, limits: ScaleBounds = LIMITS) -> Plan | Refusal:
    """Plan to have that many replicas."""
    asked = RemediationRequest(
        action=Action.SCALE,
        service="churn",
        target=Target(kind="Deployment", namespace=NAMESPACE, name="churn-api"),
        arguments={"replicas": replicas},
        incident_id=None,
        reason="",
    )
    return await plan_in(world, asked, limits=limits)


def reason_of(found: Plan | Refusal) -> RefusalReason:
    """Why it was refused, which it must have been."""
    assert isinstance(found, Refusal), found
    return found.reason


@given(
    current=st.integers(0, 60),
    asked=st.integers(-5, 60),
    minimum=st.integers(0, 10),
    spread=st.integers(0, 50),
    factor=st.floats(1, 10),
)
def test_no_plan_leaves_its_limits(
    current: int, asked: int, minimum: int, spread: int, factor: float
) -> None:
    """Whatever is asked, a plan stays in the bounds, within the factor, and changes something."""
    limits = ScaleBounds(minimum=minimum, maximum=minimum + spread, max_factor=factor)

    async def run() -> Plan | Refusal:
        return await plan(world_of(replicas=current), asked, limits)

    found = asyncio.run(run())
    inside = minimum <= asked <= minimum + spread
    near = max(asked, 1) <= max(current, 1) * factor and max(current, 1) <= max(asked, 1) * factor
    if isinstance(found, Plan):
        assert inside
        assert near
        assert asked != current
        assert found.arguments == {"replicas": asked}
    else:
        assert not (inside and near and asked != current)


@given(current=st.integers(0, 1000), asked=st.integers(0, 1000), factor=st.floats(1, 20))
def test_a_step_that_is_allowed_can_be_undone(current: int, asked: int, factor: float) -> None:
    """The factor is the same up and down, so that undoing is never too large a step."""
    limits = ScaleBounds(max_factor=factor)

    def is_refused(before: int, after: int) -> bool:
        try:
            refuse_step(before, after, limits=limits)
        except Refused:
            return True
        return False

    assert is_refused(current, asked) is is_refused(asked, current)


@pytest.mark.parametrize("asked", ["six", "", "-1", "1e3", "٣", "9999999", 2.5, -1, "6; rm"])
async def test_what_is_no_number_is_refused(asked: Argument) -> None:
    """Replicas must be a whole number in plain digits."""
    assert reason_of(await plan(world_of(), asked)) is RefusalReason.BAD_ARGUMENT


async def test_digits_from_the_chat_are_a_number() -> None:
    """What a slash command gives as text is planned as a number."""
    found = await plan(world_of(), " 6 ")
    assert isinstance(found, Plan)
    assert found.arguments == {"replicas": 6}


@pytest.mark.parametrize("asked", [0, 11])
def test_bounds_are_told(asked: int) -> None:
    """A refusal for the bounds says which they are."""
    with pytest.raises(Refused, match="1 to 10"):
        refuse_bounds(asked, limits=LIMITS)


@pytest.mark.parametrize(
    ("call", "fault", "reason"),
    [
        ("cluster.get", Fault.FORBIDDEN, RefusalReason.FORBIDDEN),
        ("cluster.get", Fault.SERVER_ERROR, RefusalReason.UNREACHABLE),
        ("cluster.list.horizontalpodautoscalers", Fault.FORBIDDEN, RefusalReason.FORBIDDEN),
        ("cluster.list.horizontalpodautoscalers", Fault.THROTTLED, RefusalReason.UNREACHABLE),
        ("planner", Fault.FORBIDDEN, RefusalReason.FORBIDDEN),
        ("planner", Fault.REFUSED, RefusalReason.DRY_RUN_REFUSED),
        ("planner", Fault.NOT_FOUND, RefusalReason.TARGET_MISSING),
        ("planner", Fault.SERVER_ERROR, RefusalReason.UNREACHABLE),
    ],
)
async def test_what_goes_wrong_is_a_refusal(call: str, fault: Fault, reason: RefusalReason) -> None:
    """Nobody is asked to approve what could not be looked at or would be refused; the sentence says why."""
    world = world_of()
    world.faults.switch_on(call, fault)
    found = await plan(world, 6)
    assert reason_of(found) is reason


async def test_a_missing_right_is_named() -> None:
    """The refusal names the right and where the Role comes from."""
    world = world_of()
    world.faults.switch_on("planner", Fault.FORBIDDEN)
    found = await plan(world, 6)
    assert isinstance(found, Refusal)
    assert "`patch deployments/scale`" in found.sentence
    assert "lightship rbac" in found.sentence


async def test_a_webhook_without_dry_runs_leaves_a_computed_difference() -> None:
    """Where a webhook takes no part in dry runs, the plan is made and says so."""
    world = world_of()
    world.faults.switch_on("planner", Fault.NO_DRY_RUN)
    found = await plan(world, 6)
    assert isinstance(found, Plan)
    assert any(warning.startswith("no dry run") for warning in found.warnings)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "churn:apps/Deployment:x/y"}},
            "Argo CD application churn",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "churn"}}, "Argo CD application churn"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux Kustomization apps"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "churn"}}, "Flux HelmRelease churn"),
        (
            {"ownerReferences": [{"kind": "Rollout", "name": "churn", "controller": True}]},
            "its controller, Rollout churn",
        ),
    ],
)
async def test_owners_that_would_revert_it_refuse(metadata: dict[str, Any], words: str) -> None:
    """A tool that owns the deployment is named in a refusal; where the policy lets it pass, in a warning."""
    world = world_of(**metadata)
    refusal = await plan(world, 6)
    assert reason_of(refusal) is RefusalReason.WOULD_BE_REVERTED
    assert isinstance(refusal, Refusal)
    assert f"will be reverted by {words}" in refusal.sentence
    found = await plan_in(world, request(NAMESPACE, 6), bounds=Bounds(scale=LIMITS, may_be_reverted=True))
    assert isinstance(found, Plan)
    assert found.warnings == (f"will be reverted by {words}",)


async def test_a_helm_label_alone_proves_nothing() -> None:
    """`app.kubernetes.io/instance` is no owner."""
    found = await plan(world_of(labels={"app.kubernetes.io/instance": "churn"}), 6)
    assert isinstance(found, Plan)
    assert not found.warnings


async def test_keda_is_named_with_its_autoscaler() -> None:
    """An HPA that KEDA made is refused with the ScaledObject's name."""
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": "keda-hpa-churn",
            "namespace": NAMESPACE,
            "labels": {"scaledobject.keda.sh/name": "churn-scaler"},
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "churn-api"},
            "maxReplicas": 5,
        },
    }
    found = await plan(world_of(hpa), 6)
    assert reason_of(found) is RefusalReason.WOULD_BE_REVERTED
    assert isinstance(found, Refusal)
    assert "KEDA's ScaledObject churn-scaler" in found.sentence


@pytest.mark.parametrize(
    ("kind", "name", "version"),
    [
        ("StatefulSet", "churn-api", "apps/v1"),
        ("Deployment", "other", "apps/v1"),
        ("Deployment", "churn-api", "example.com/v1"),
    ],
)
async def test_another_target_s_autoscaler_does_not_matter(kind: str, name: str, version: str) -> None:
    """Only an HPA over this very deployment stops a scaling."""
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x", "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": {"apiVersion": version, "kind": kind, "name": name}, "maxReplicas": 5},
    }
    assert isinstance(await plan(world_of(hpa), 6), Plan)


def quota(**used: str) -> dict[str, Any]:
    """A quota of ten pods and 100m of CPU requests."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": NAMESPACE},
        "status": {"hard": {"pods": "10", "requests.cpu": "100m"}, "used": {"pods": "3", **used}},
    }


async def test_the_quota_s_headroom_is_a_note() -> None:
    """With room left the quota is a fact; when it is too small, a refusal with the numbers."""
    found = await plan(world_of(quota(**{"requests.cpu": "30m"})), 6)
    assert isinstance(found, Plan)
    assert "ResourceQuota team: 3 of pods needed, 7 left" in found.notes
    assert not found.warnings
    found = await plan(world_of(quota(**{"requests.cpu": "90m"})), 6)
    assert reason_of(found) is RefusalReason.NO_ROOM
    assert isinstance(found, Refusal)
    assert found.sentence == "ResourceQuota team is too small: 30m of requests.cpu needed, 10m left."


@pytest.mark.parametrize("resource", ["poddisruptionbudgets", "resourcequotas"])
async def test_unreadable_surroundings_are_noted(resource: str) -> None:
    """Budgets and quotas that may not be read do not stop a plan; the missing right is noted."""
    world = world_of()
    world.faults.switch_on(f"cluster.list.{resource}", Fault.FORBIDDEN)
    found = await plan(world, 6)
    assert isinstance(found, Plan)
    assert any(f"`list {resource}` is missing" in note for note in found.notes)


async def test_a_rollout_in_progress_warns() -> None:
    """Scaling while pods still come up is a warning."""
    world = world_of()
    world.state.scale_as("kubectl", namespace=NAMESPACE, name="churn-api", replicas=5)
    found = await plan(world, 6)
    assert isinstance(found, Plan)
    assert found.warnings == ("its pods are not all ready: 3 of 5 pods ready",)


async def test_without_a_deployment_nothing_can_be_scaled() -> None:
    """A service without a deployment is refused as not configured."""
    world = world_of()
    found = await plan_in(world, request("", 6, name=""))
    assert reason_of(found) is RefusalReason.NOT_CONFIGURED


async def test_names_from_the_cluster_are_made_inert() -> None:
    """Text from the cluster comes cut and on one line."""
    found = await plan(world_of(labels={"helm.toolkit.fluxcd.io/name": "x\n\u202e" + "y" * 500}), 6)
    assert isinstance(found, Refusal)
    assert "\n" not in found.sentence
    assert "\u202e" not in found.sentence
    assert len(found.sentence) < 250
