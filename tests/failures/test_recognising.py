"""What is recognised in objects as the API serves them: the cause before its consequences, and never more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.modes.fitting import blocks_of
from bot.checks.modes.recognising import folded, recognise
from bot.checks.modes.sight import Service, Sight, happenings_of
from bot.domain.suspects import FailureMode as M
from bot.domain.suspects import Suspect
from bot.rehearsal.objects import stamp
from bot.testing import START
from tests.failures.seeing import (
    LABELS,
    NAME,
    ago,
    crashed,
    deployment,
    event,
    node,
    pod,
    running,
    seen,
    unscheduled,
    waiting,
)  # fmt: skip

POD = f"{NAME}-7d9f8c6b5-abcde"
PROBE = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3}


def test_a_ready_pod_whatever_it_has_been_through_is_no_suspect() -> None:
    """Old ends, old events and a slow start are no faults."""
    made = deployment(readinessProbe=PROBE, livenessProbe=PROBE)
    long_ago = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(hours=3)}}
    fine = pod(made, ready=True, restartCount=2, lastState=long_ago, **running(minutes=50))
    slow = event(POD, "Unhealthy", "Readiness probe failed: connection refused", minutes=49, count=6)
    assert seen(made, fine, events=(slow,), nodes=(node("node-1"),)) == ()


def test_a_pod_that_just_started_is_no_suspect() -> None:
    """A container within its probe's patience, an init container at work, an image on its way."""
    made = deployment(readinessProbe=PROBE, pod={"initContainers": [{"name": "first", "image": "a"}]})
    assert seen(made, pod(made, **running(seconds=40))) == ()
    at_work = pod(made, init=running(seconds=60), **waiting("PodInitializing"))
    assert seen(made, at_work) == ()
    assert seen(made, pod(made, **waiting("ContainerCreating"))) == ()


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("manifest for churn-api:1 not found: manifest unknown", M.IMAGE_MISSING),
        ("pull access denied, repository does not exist or may require authorization", M.IMAGE_PULL_REFUSED),
        ("unexpected status: 403 Forbidden", M.IMAGE_PULL_REFUSED),
        ("no match for platform in manifest: not found", M.IMAGE_ARCHITECTURE),
        ("toomanyrequests: You have reached your pull rate limit", M.IMAGE_PULL_FAILS),
        ("lookup registry.example: no such host", M.IMAGE_PULL_FAILS),
        ("something never heard of", M.IMAGE_PULL_FAILS),
    ],
)  # fmt: skip
def test_registries_words_for_an_image_that_cannot_be_had(said: str, mode: M) -> None:
    """Each registry's and runtime's own words lead to the mode; the image is the value."""
    made = deployment()
    first = seen(made, pod(made, **waiting("ErrImagePull", said)))[0]
    assert (first.mode, first.value) == (mode, "churn-api:1")
    assert first.field == "spec.template.spec.containers[api].image"


def test_an_image_s_own_words_are_in_the_event_where_the_status_only_backs_off() -> None:
    """`ImagePullBackOff` says nothing by itself; the event before it does."""
    made = deployment()
    told = event(POD, "Failed", 'Failed to pull image "churn-api:1": churn-api:1: not found')
    first = seen(made, pod(made, **waiting("ImagePullBackOff", "Back-off")), events=(told,))[0]
    assert first.mode is M.IMAGE_MISSING
    assert "not found" in first.evidence[1]


def test_a_container_that_ends_names_its_last_line_and_no_secret() -> None:
    """The last line stands in the title; what looks like a password is cut out."""
    made = deployment()
    logs = {(POD, "api"): "starting\nERROR cannot log in: password=hunter2\n"}
    first = seen(made, pod(made, **crashed(3)), logs=logs)[0]
    assert (first.mode, first.value) == (M.EXITS_WITH_ERROR, "exit code 3")
    assert "ERROR cannot log in: password=[redacted]" in first.title
    assert "hunter2" not in repr(first)


@pytest.mark.parametrize(
    ("container", "mode"),
    [
        (crashed(137, "OOMKilled"), M.OUT_OF_MEMORY),
        (crashed(127), M.COMMAND_WRONG),
        (crashed(0, "Completed"), M.COMMAND_WRONG),
        (crashed(128, "StartError"), M.EXITS_WITH_ERROR),
        (
            waiting("CreateContainerError", 'exec: "serve": executable file not found in $PATH'),
            M.COMMAND_WRONG,
        ),
        (waiting("RunContainerError", "exec /app/serve: exec format error"), M.IMAGE_ARCHITECTURE),
    ],
)
def test_how_a_container_ended_leads_to_the_mode(container: dict[str, Any], mode: M) -> None:
    """By reason, exit code and the runtime's words."""
    made = deployment(command=["serve"])
    assert seen(made, pod(made, **container))[0].mode is mode


def test_out_of_memory_says_the_limit_and_what_is_used_now() -> None:
    """The limit is the value; the use is evidence, as a share of it."""
    made = deployment(resources={"limits": {"memory": "64Mi"}})
    again = pod(made, ready=True, restartCount=2, **running(minutes=1))
    again["status"]["containerStatuses"][0]["lastState"] = crashed(137, "OOMKilled")["lastState"]
    first = seen(made, again, memory={(POD, "api"): 60 * 2.0**20})[0]
    assert (first.mode, first.value) == (M.OUT_OF_MEMORY, "64Mi")
    assert "94% of its limit 64Mi" in first.evidence[1]


def test_a_kill_by_the_liveness_probe_is_no_error_of_the_program() -> None:
    """Exit code 137 with a failed liveness probe is the probe's doing; without its event it is not."""
    made = deployment(livenessProbe=PROBE)
    told = event(POD, "Unhealthy", "Liveness probe failed: context deadline exceeded")
    assert seen(made, pod(made, **crashed(137)), events=(told,))[0].mode is M.LIVENESS_KILLS
    assert seen(made, pod(made, **crashed(137)))[0].mode is M.EXITS_WITH_ERROR


def test_the_node_that_is_nearest_to_taking_the_pod_says_what_keeps_it_away() -> None:
    """Of nodes kept away by several things nothing is guessed while another is kept away by one."""
    made = deployment(pod={"nodeSelector": {"pool": "a"}})
    away = [
        node("node-1", labels={"pool": "a"}, taints=[{"key": "gpu", "effect": "NoSchedule"}]),
        node("node-2", unschedulable=True),
        node("node-3", ready="Unknown"),
    ]
    pending = pod(made, node="", conditions=(unscheduled("0/3 nodes are available"),))
    first = seen(made, pending, nodes=away)[0]
    assert (first.mode, first.value) == (M.UNSCHEDULABLE_TAINT, "gpu:NoSchedule")
    assert "node node-1" in first.title


def test_a_selector_that_no_node_has_is_named_though_one_node_is_cordoned_too() -> None:
    """Uncordoning would not help: the label is what is missing."""
    made = deployment(pod={"nodeSelector": {"disk": "nvme"}})
    pending = pod(made, node="", conditions=(unscheduled("0/2 nodes are available"),))
    first = seen(made, pending, nodes=[node("node-1", unschedulable=True), node("node-2")])[0]
    assert (first.mode, first.value) == (M.UNSCHEDULABLE_NODE_SELECTOR, "disk=nvme")


def test_without_the_nodes_the_scheduler_s_words_are_all_there_is() -> None:
    """Where nodes may not be read the mode is still named."""
    made = deployment(pod={"nodeSelector": {"disk": "nvme"}})
    said = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    pending = pod(made, node="", conditions=(unscheduled(said),))
    assert seen(made, pending)[0].mode is M.UNSCHEDULABLE_NODE_SELECTOR


@given(
    st.lists(st.sampled_from(["", "NoSchedule", "NoExecute", "PreferNoSchedule"]), max_size=4), st.booleans()
)
def test_a_pod_that_tolerates_everything_is_kept_away_by_no_taint(effects: list[str], cordoned: bool) -> None:
    """`operator: Exists` without a key opens every node, a cordoned one among them."""
    made = deployment(pod={"tolerations": [{"operator": "Exists"}]})
    taints = [{"key": f"k{number}", "effect": effect} for number, effect in enumerate(effects)]
    assert blocks_of(pod(made), node("node-1", taints=taints, unschedulable=cordoned)) == ()


def test_a_missing_config_map_says_where_it_is_named() -> None:
    """The path of the reference is the field, whichever way the ConfigMap is used."""
    volumes = {"volumes": [{"name": "settings", "configMap": {"name": "churn-settings"}}]}
    made = deployment(pod=volumes)
    told = event(
        POD,
        "FailedMount",
        'MountVolume.SetUp failed for volume "settings" : configmap "churn-settings" not found',
    )
    first = seen(made, pod(made, **waiting("ContainerCreating")), events=(told,))[0]
    assert (first.mode, first.value) == (M.CONFIG_MAP_MISSING, "churn-settings")
    assert first.field == "spec.template.spec.volumes[settings].configMap"


def test_the_name_of_a_secret_is_read_where_the_message_has_to_be_redacted() -> None:
    """What looks like a secret beside the word is cut out of what is shown, and the name is still known."""
    made = deployment(pod={"volumes": [{"name": "credentials", "secret": {"secretName": "churn-db"}}]})
    told = event(
        POD, "FailedMount", 'MountVolume.SetUp failed for volume "credentials" : secret "churn-db" not found'
    )
    first = seen(made, pod(made, **waiting("ContainerCreating")), events=(told,))[0]
    assert (first.mode, first.value) == (M.SECRET_MISSING, "churn-db")
    assert first.field == "spec.template.spec.volumes[credentials].secret"


def test_a_refusal_is_told_while_some_replicas_live_and_not_once_all_do() -> None:
    """The ReplicaSet's condition counts as long as pods are missing."""
    made = deployment(replicas=3)
    said = 'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    short = {
        "metadata": {"name": f"{NAME}-1"},
        "spec": {"replicas": 3},
        "status": {"replicas": 1, "conditions": [failure]},
    }
    live = pod(made, ready=True, **running(hours=1))
    first = seen(made, live, sets=[short])[0]
    assert (first.mode, first.subject, first.value) == (M.REFUSED_BY_QUOTA, "resource quota team", "1")
    assert "has 1 of 3 pods" in first.evidence[0]
    whole = {**short, "status": {"replicas": 3}}
    assert seen(made, live, sets=[whole]) == ()


def test_a_webhook_without_pods_is_told_apart_from_one_that_refuses() -> None:
    """The API server's words for each; the Service is the object."""
    made = deployment()
    said = (
        'Internal error occurred: failed calling webhook "pods.example": failed to call webhook: Post '
        '"https://policy.security.svc:443/?timeout=1s": no endpoints available for service "policy"'
    )
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    short = {"metadata": {"name": f"{NAME}-1"}, "spec": {"replicas": 1}, "status": {"conditions": [failure]}}
    first = seen(made, sets=[short])[0]
    assert (first.mode, first.subject) == (M.WEBHOOK_WITHOUT_PODS, "service security/policy")
    assert "no pod is ready behind its service" in first.title


def test_a_rollout_past_its_deadline_comes_after_what_holds_it_up() -> None:
    """The cause is surer than its consequence."""
    made = deployment()
    late = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "timed out",
    }
    made["status"]["conditions"] = [late]
    found = seen(made, pod(made, **waiting("ErrImagePull", "not found")))
    assert [one.mode for one in found] == [M.IMAGE_MISSING, M.ROLLOUT_PAST_DEADLINE]


def test_a_port_is_open_where_any_policy_opens_it() -> None:
    """Policies add up; a range and a name open a port too, another protocol does not."""
    made = deployment(ports=[{"name": "http", "containerPort": 8080}])
    service = Service(
        manifest={
            "metadata": {"name": NAME},
            "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": "http"}]},
        },
        finds_pods=True,
    )  # fmt: skip

    def policy(name: str, *ports: dict[str, Any]) -> dict[str, Any]:
        rules = [{"ports": list(ports)}] if ports else []
        return {
            "metadata": {"name": name},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": rules},
        }

    closed = policy("deny-all")
    live = pod(made, ready=True, **running(hours=1))
    first = seen(made, live, services=(service,), policies=(closed,))[0]
    assert (first.mode, first.subject) == (M.NETWORK_POLICY_SHUTS_PORT, "network policy deny-all")
    for opened in ({"port": "http"}, {"port": 8000, "endPort": 8100}, {"port": 8080}):
        assert seen(made, live, services=(service,), policies=(closed, policy("open", opened))) == ()
    udp = policy("other", {"port": 8080, "protocol": "UDP"})
    assert seen(made, live, services=(service,), policies=(closed, udp)) != ()


def test_a_port_that_is_open_for_callers_who_do_not_exist_is_shut() -> None:
    """Where all who are let in are pods of the namespace, and there are none; others may be anybody."""
    made = deployment(ports=[{"name": "http", "containerPort": 8080}])
    live = pod(made, ready=True, **running(hours=1))

    def policy(*peers: dict[str, Any]) -> dict[str, Any]:
        rule = {"ports": [{"port": 8080}], "from": list(peers)}
        spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}
        return {"metadata": {"name": "front-end-only"}, "spec": spec}

    gone = {"podSelector": {"matchLabels": {"app": "frontent"}}}
    nobody = frozenset({"app=frontent"})
    (first,) = seen(made, live, policies=(policy(gone),), nobody=nobody)
    assert (first.mode, first.subject) == (M.NETWORK_POLICY_SHUTS_PORT, "network policy front-end-only")
    assert (first.field, first.value) == ("spec.ingress.from.podSelector", "app=frontent")
    assert seen(made, live, policies=(policy(gone),)) == ()
    others: tuple[dict[str, Any], ...] = (
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {**gone, "namespaceSelector": {}},
        {"podSelector": {}},
    )
    for other in others:
        assert seen(made, live, policies=(policy(gone, other),), nobody=nobody) == ()


def test_a_policy_may_name_the_namespace_itself_and_still_let_in_nobody() -> None:
    """By the label that every namespace has; other namespaces and other labels may let somebody in."""
    made = deployment(ports=[{"name": "http", "containerPort": 8080}])
    live = pod(made, ready=True, **running(hours=1))
    own, label = made["metadata"]["namespace"], "kubernetes.io/metadata.name"
    gone = {"podSelector": {"matchLabels": {"app": "frontent"}}}

    def let_in(spaces: dict[str, Any]) -> tuple[Suspect, ...]:
        rule = {"ports": [{"port": 8080}], "from": [{**gone, "namespaceSelector": spaces}]}
        spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}
        made_so = {"metadata": {"name": "front-end-only"}, "spec": spec}
        return seen(made, live, policies=(made_so,), nobody=frozenset({"app=frontent"}))

    for only in (
        {"matchLabels": {label: own}},
        {"matchExpressions": [{"key": label, "operator": "In", "values": [own]}]},
    ):
        (first,) = let_in(only)
        assert first.mode == M.NETWORK_POLICY_SHUTS_PORT
    for other in (
        {},
        {"matchLabels": {label: "elsewhere"}},
        {"matchLabels": {label: own, "team": "a"}},
        {"matchExpressions": [{"key": label, "operator": "In", "values": [own, "elsewhere"]}]},
        {"matchExpressions": [{"key": label, "operator": "NotIn", "values": ["elsewhere"]}]},
    ):
        assert let_in(other) == ()


def test_a_run_that_was_due_and_did_not_begin_is_missed_without_an_event() -> None:
    """By the schedule; where the run before still goes on and may not be doubled, that is the reason."""
    made = deployment()
    hour = START.replace(minute=0, second=0, microsecond=0)
    job: dict[str, Any] = {
        "metadata": {"name": "nightly", "creationTimestamp": stamp(START - timedelta(days=9))},
        "spec": {"schedule": "0 * * * *"},
        "status": {"lastScheduleTime": stamp(hour - timedelta(hours=3))},
    }
    live = pod(made, ready=True, **running(hours=1))
    (first,) = seen(made, live, cronjob=job)
    assert (first.mode, first.field) == (M.CRON_JOB_MISSED, "spec.schedule")
    assert "and no event tells why" in first.evidence[0]
    job["spec"]["concurrencyPolicy"] = "Forbid"
    job["status"]["active"] = [{"name": "nightly-1"}]
    (first,) = seen(made, live, cronjob=job)
    assert first.field == "spec.concurrencyPolicy"


def test_a_scaling_by_hand_that_the_autoscaler_takes_back() -> None:
    """Told from events alone; the autoscaler's own steps and a rollout's are none by hand."""
    made = deployment(replicas=2)
    scaler = {
        "metadata": {"name": "churn-api-hpa"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": NAME}, "minReplicas": 2, "maxReplicas": 9},
        "status": {},
    }
    by_hand = event(
        NAME,
        "ScalingReplicaSet",
        "Scaled up replica set churn-api-1 from 2 to 6",
        kind="Deployment",
        minutes=5,
    )
    resized = event(
        "churn-api-hpa",
        "SuccessfulRescale",
        "New size: 2; reason: All metrics below target",
        kind="HorizontalPodAutoscaler",
        minutes=3,
    )
    back = event(
        NAME,
        "ScalingReplicaSet",
        "Scaled down replica set churn-api-1 from 6 to 2",
        kind="Deployment",
        minutes=3,
    )
    first = seen(made, events=(by_hand, resized, back), scalers=[scaler])[0]
    assert (first.mode, first.field, first.value) == (M.AUTOSCALER_UNDOES_SCALE, "spec.minReplicas", "2")
    itself = event(
        "churn-api-hpa",
        "SuccessfulRescale",
        "New size: 6; reason: cpu above target",
        kind="HorizontalPodAutoscaler",
        minutes=5,
    )
    assert seen(made, events=(by_hand, itself, resized, back), scalers=[scaler]) == ()
    old = event(
        NAME,
        "ScalingReplicaSet",
        "Scaled down replica set churn-api-0 from 2 to 1",
        kind="Deployment",
        minutes=5,
    )
    assert seen(made, events=(by_hand, old, resized, back), scalers=[scaler]) == ()


def test_a_change_says_how_long_before_the_alert_and_is_never_as_sure_as_a_fault() -> None:
    """The begin of the revision is the begin of the change; of the environment only names are told."""
    made, old = deployment(env=[{"name": "MODE", "value": "s3cret"}]), deployment()

    def revision(number: int, of: dict[str, Any], minutes: int) -> dict[str, Any]:
        notes = {"deployment.kubernetes.io/revision": str(number)}
        metadata = {
            "name": f"{NAME}-{number}",
            "annotations": notes,
            "creationTimestamp": ago(minutes=minutes),
        }
        return {"metadata": metadata, "spec": {"template": of["spec"]["template"]}, "status": {}}

    live = pod(made, ready=True, **running(minutes=4))
    (only,) = seen(made, live, sets=[revision(1, old, 900), revision(2, made, 5)])
    assert (only.mode, only.field) == (M.CHANGED_ENVIRONMENT, "spec.template.spec.containers[api].env")
    assert only.before(START) == timedelta(minutes=5)
    assert only.mode.is_change
    assert only.certainty < 0.4
    assert "s3cret" not in repr(only)
    assert seen(made, live, sets=[revision(1, old, 9_000), revision(2, made, 1_500)]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.randoms())
def test_the_order_of_what_was_read_changes_nothing(certainties: list[float], order: Any) -> None:
    """Equal suspects become one, the surest first, whatever order they came in."""
    some = [
        Suspect(
            mode=M.OUT_OF_MEMORY, title="t", subject=f"deployment {n % 2}", certainty=c, evidence=(str(n),)
        )
        for n, c in enumerate(certainties)
    ]
    mixed = order.sample(some, len(some))
    first, again = folded(some), folded(mixed)
    assert [(one.subject, one.certainty) for one in first] == [(one.subject, one.certainty) for one in again]
    assert len({one.subject for one in first}) == len(first)
    assert first[0].certainty == max(certainties)


@given(st.sampled_from(["status", "spec", "metadata"]))
def test_objects_that_say_nothing_are_no_suspects(gone: str) -> None:
    """Fresh objects lack parts; the functions get along with each part missing."""
    made = deployment()
    bare = {name: part for name, part in pod(made, **crashed(1)).items() if name != gone}
    other = {name: part for name, part in made.items() if name != gone}
    sight = Sight(
        now=START, name=NAME, deployment=other, pods=[bare], nodes=[{}], scalers=[{}], budgets=[{}],
        policies=[{}], claims=[{}], config_maps=[{}], jobs=[{}], sets=[{}],
        events=happenings_of([{}], now=START),
    )  # fmt: skip
    assert {one.mode for one in recognise(sight)} <= {M.EXITS_WITH_ERROR}
