from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from bot.checks.rollouts import FACTS
from bot.domain.findings import Verdict
from bot.ports.readers import Resource
from bot.rehearsal.faults import Fault
from bot.rehearsal.objects import stamp
from bot.testing import START
from tests.checks.looking import NAMESPACE, condition, look, world_of
from tests.worlds.objects import deployment

API: dict[str, Any] = {
    "name": "api",
    "image": "churn-api:1",
    "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "a"}],
    "resources": {"limits": {"memory": "1Gi"}},
    "readinessProbe": {"httpGet": {"path": "/ready"}, "timeoutSeconds": 5},
}


def revision(
    number: int, *, ago: int, pod: dict[str, Any] | None = None, cause: str = "", **container: Any
) -> dict[str, Any]:
    """A ReplicaSet of the deployment made so many minutes ago, its container changed in those fields."""
    api = {**deepcopy(API), **container}
    annotations = {"deployment.kubernetes.io/revision": str(number)}
    if cause:
        annotations["kubernetes.io/change-cause"] = cause
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"churn-api-{number}",
            "namespace": NAMESPACE,
            "labels": {"app": "churn-api"},
            "annotations": annotations,
            "creationTimestamp": stamp(START - timedelta(minutes=ago)),
            "ownerReferences": [{"kind": "Deployment", "name": "churn-api", "controller": True}],
        },
        "spec": {"replicas": 3, "template": {"spec": {"containers": [api], **(pod or {})}}},
        "status": {"readyReplicas": 3},
    }


async def test_what_the_newest_release_changed() -> None:
    """The line says when the newest revision came and which image it brought."""
    world = world_of(
        revision(1, ago=3000), revision(2, ago=20, image="churn-api:2", cause="kubectl set image by bob")
    )
    finding = await look("rollouts", world)
    assert finding.verdict is Verdict.OK
    assert finding.summary == ("revision 2 came 20m ago: image of container api: churn-api:1 → churn-api:2")
    assert set(finding.facts) == set(FACTS)
    assert (finding.facts["minutes_ago"], finding.facts["image_changed"]) == (20, True)
    assert (finding.facts["resources_changed"], finding.facts["config_changed"]) == (False, False)
    assert finding.table is not None
    assert finding.table.rows[0] == ("2", "20m ago", "3/3", "churn-api:2", "kubectl set image by bob")


async def test_the_environment_is_told_by_name_alone() -> None:
    """Names that came, went and changed are told; no value of them is anywhere in the finding."""
    env = [
        {"name": "DB_PASSWORD", "value": "correct-horse"},
        {"name": "NEW_TOKEN", "value": "battery-staple"},
    ]
    finding = await look("rollouts", world_of(revision(1, ago=90), revision(2, ago=5, env=env)))
    assert finding.details == (
        "environment of container api: added NEW_TOKEN, removed MODE, changed DB_PASSWORD",
    )
    assert finding.facts["config_changed"] is True
    for value in ("hunter2", "correct-horse", "battery-staple"):
        assert value not in repr(finding)


@pytest.mark.parametrize(
    ("change", "fact", "words"),
    [
        (
            {"resources": {"limits": {"memory": "512Mi"}}},
            "resources_changed",
            "memory limits of container api: 1Gi → 512Mi",
        ),
        (
            {"resources": {}},
            "resources_changed",
            "memory limits of container api: 1Gi → none",
        ),
        (
            {"readinessProbe": {"httpGet": {"path": "/ready"}, "timeoutSeconds": 1}},
            "probes_changed",
            "readiness probe of container api changed: timeoutSeconds 5 → 1",
        ),
        ({"readinessProbe": None}, "probes_changed", "readiness probe of container api removed"),
        (
            {"livenessProbe": {"tcpSocket": {"port": 80}}},
            "probes_changed",
            "liveness probe of container api added",
        ),
        ({"command": ["sh", "-c", "password=x"]}, "config_changed", "command of container api changed"),
        ({"args": ["--fast"]}, "config_changed", "args of container api changed"),
        (
            {"envFrom": [{"configMapRef": {"name": "churn"}}]},
            "config_changed",
            "environment of container api: other sources (envFrom)",
        ),
        ({"pod": {"volumes": [{"name": "model"}]}}, "config_changed", "volumes changed"),
        (
            {"pod": {"initContainers": [{"name": "fetch", "image": "fetch:3"}]}},
            "image_changed",
            "init container fetch is new (fetch:3)",
        ),
        ({"name": "web"}, "image_changed", "container api is gone"),
    ],
)
async def test_each_kind_of_change_has_its_words(change: dict[str, Any], fact: str, words: str) -> None:
    """Resources, probes, command, volumes and containers are told with what they were and are."""
    finding = await look("rollouts", world_of(revision(1, ago=90), revision(2, ago=5, **change)))
    assert finding.facts[fact] is True
    assert finding.details[0] == words


async def test_nothing_that_matters_changed() -> None:
    """A restart makes a revision with the same containers, and that is said."""
    finding = await look("rollouts", world_of(revision(1, ago=90), revision(2, ago=5)))
    assert finding.summary == "revision 2 came 5m ago, with nothing changed that matters to the pods"
    assert finding.facts["changed"] == ()


async def test_the_first_revision_has_nothing_before_it() -> None:
    """With one revision what changed is unknown, and not "nothing"."""
    finding = await look("rollouts", world_of(revision(1, ago=90)))
    assert finding.summary == "revision 1 came 1h30m ago, the only one that the cluster still has"
    assert finding.facts["image_changed"] is None


async def test_revisions_are_ordered_by_number() -> None:
    """Ten comes after nine, five are shown, and the rest is counted."""
    finding = await look("rollouts", world_of(*(revision(n, ago=200 - n) for n in range(4, 12))))
    assert finding.table is not None
    assert [row[0] for row in finding.table.rows] == ["11", "10", "9", "8", "7"]
    assert "3 older revisions are not shown" in finding.details


async def test_a_rollback_began_when_it_was_asked_for() -> None:
    """An old ReplicaSet taken again began when the template was written, not when it was first made."""
    old = revision(3, ago=9000)
    old["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] = "1"
    world = world_of(revision(2, ago=60, image="churn-api:2"), old)
    held = world.state.store.held(("apps/v1", "Deployment", NAMESPACE, "churn-api"))
    fields: dict[str, Any] = {"f:spec": {"f:template": {}}}
    written = stamp(START - timedelta(minutes=4))
    held["metadata"]["managedFields"] = [{"manager": "kubectl", "time": written, "fieldsV1": fields}]
    assert (await look("rollouts", world)).facts["minutes_ago"] == 4


async def test_paused_and_stuck_are_told() -> None:
    """A paused rollout warns; one past its deadline fails, with the cluster's message."""
    world = world_of(revision(1, ago=90), revision(2, ago=15, image="churn-api:2"))
    held = world.state.store.held(("apps/v1", "Deployment", NAMESPACE, "churn-api"))
    held["spec"]["paused"] = True
    paused = await look("rollouts", world)
    assert (paused.verdict, paused.facts["paused"]) == (Verdict.WARN, True)
    assert paused.summary.startswith("paused: revision 2")
    stuck = deployment(NAMESPACE)
    stuck["spec"]["progressDeadlineSeconds"] = 600
    message = 'ReplicaSet "churn-api-2" has timed out progressing.'
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", since=START, message=message)
    world = world_of(revision(1, ago=90), revision(2, ago=15, image="churn-api:2"))
    world.state.controller._report = lambda *_: None  # type: ignore[method-assign]
    world.state.put({**stuck, "status": {"conditions": [late]}})
    finding = await look("rollouts", world)
    assert finding.verdict is Verdict.FAIL
    assert (finding.facts["stuck"], finding.facts["progressing"]) == (True, False)
    assert finding.summary.startswith("past its deadline: revision 2 came 15m ago")
    assert finding.details[0] == f"ProgressDeadlineExceeded after 10m: {message}"


async def test_a_rollout_under_way_warns() -> None:
    """While pods are missing and the controller has not called it complete, it is under way."""
    world = world_of(revision(1, ago=90), revision(2, ago=1, image="churn-api:2"))
    spec = {"template": {"spec": {"containers": [{"name": "api", "image": "churn-api:3"}]}}}
    world.state.edit_as("kubectl", Resource.DEPLOYMENTS, namespace=NAMESPACE, name="churn-api", spec=spec)
    finding = await look("rollouts", world)
    assert (finding.verdict, finding.facts["progressing"]) == (Verdict.WARN, True)
    assert finding.summary.startswith("under way: revision 3 came")


async def test_no_revision_is_unknown() -> None:
    """A deployment whose ReplicaSets nobody made is unknown with a reason."""
    world = world_of()
    world.state.store.remove(("apps/v1", "ReplicaSet", NAMESPACE, "churn-api-6d4b75cb6d"))
    finding = await look("rollouts", world)
    assert finding.verdict is Verdict.UNKNOWN
    assert "no ReplicaSet" in finding.reason


@pytest.mark.parametrize("call", ["get.deployments", "list.replicasets"])
async def test_a_missing_right_is_named(call: str) -> None:
    """Each right that it needs is named when it is missing."""
    world = world_of()
    world.faults.switch_on(f"cluster.{call}", Fault.FORBIDDEN)
    finding = await look("rollouts", world)
    assert finding.summary == f"unknown: the right `{call.replace('.', ' ')}` is missing"
