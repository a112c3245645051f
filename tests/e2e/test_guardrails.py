"""The bot's account behind its guardrails, on the real API server: what a stolen token cannot be used for.

Each attempt is one that the account's Roles allow: the control is the same account without guardrails.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.calls import CRON_JOB_LABEL, object_for
from bot.domain.remedies import Call, CallKind
from bot.remediations.job_plans import job_of
from tests.e2e.granting import discard, grant
from tests.e2e.scenes import ACCOUNT
from tests.e2e.servers.access import Api, Refused
from tests.e2e.servers.programs import until
from tests.e2e.servers.workloads import autoscaler, cron_job, deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.e2e.servers.cluster import Cluster

NAME, HPA, TRAINING = "churn-api", "churn-api-hpa", "training-pipeline"
SECRET_ENV = {"name": "STOLEN", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}}
SECRET_VOLUME = {"name": "stolen", "secret": {"secretName": "database"}}


class Attacker:
    """Somebody with the token of the bot's account; everything is tried as a dry run."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.admin = cluster.api
        self.namespace = namespace
        issued = cluster.api.call(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token", "POST", {"spec": {}}
        )
        self.api = Api(cluster.api.access.with_token(issued["status"]["token"]))

    def said(self, path: str, body: Mapping[str, Any], method: str = "PATCH") -> str:
        """What the API server answers: "allowed", or why not."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            self.api.text(f"{path}?dryRun=All", method, body, kind)
        except Refused as refused:
            return str(refused)
        return "allowed"

    def path(self, plural: str, name: str = "") -> str:
        """The path of an object, or of all of a kind."""
        group = {
            "jobs": "apis/batch/v1",
            "deployments": "apis/apps/v1",
            "horizontalpodautoscalers": "apis/autoscaling/v2",
            "pods": "api/v1",
        }[plural]
        return f"/{group}/namespaces/{self.namespace}/{plural}{f'/{name}' if name else ''}"

    def job(self) -> dict[str, Any]:
        """The Job that the bot would make of the CronJob as it is now."""
        found = self.admin.call(f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs/{TRAINING}")
        call = Call(kind=CallKind.CREATE, resource="jobs", name=TRAINING, body=json.dumps(job_of(found)))
        return object_for(call, approval_id="id-000001")

    def pod_spec(self) -> dict[str, Any]:
        """The Deployment's pod spec as it is now."""
        found = self.admin.call(self.path("deployments", NAME))
        spec: dict[str, Any] = found["spec"]["template"]["spec"]
        return spec


def arrange(cluster: Cluster, namespace: str) -> None:
    """The watched service with an autoscaler, a CronJob, and a Deployment next to it."""
    watched = deployment(namespace, replicas=1, image="registry.example:5000/team/churn:1.4")
    template = watched["spec"]["template"]
    template["metadata"]["annotations"]["checksum/config"] = "a"
    template["spec"]["volumes"] = [{"name": "settings", "configMap": {"name": "churn-1"}}]
    cluster.apply(
        watched,
        deployment(namespace, "payments", replicas=1),
        autoscaler(namespace, cpu_percent=50, maximum=4),
        cron_job(namespace),
    )


@pytest.fixture
def attacker(cluster: Cluster, namespace: str) -> Iterator[Attacker]:
    """The account behind its guardrails, once the API server has taken these in."""
    arrange(cluster, namespace)
    grant(cluster, namespace, guarded=True)
    made = Attacker(cluster, namespace)
    for path, body in (
        (made.path("deployments", NAME), {"spec": {"paused": True}}),
        (made.path("horizontalpodautoscalers", HPA), {"spec": {"scaleTargetRef": {"name": "payments"}}}),
    ):
        until(lambda path=path, body=body: "guardrail" in made.said(path, body), f"{path} is guarded")  # type: ignore[misc]
    stranger = {**made.job(), "spec": {"template": _pod("busybox")}}
    until(lambda: "guardrail" in made.said(made.path("jobs"), stranger, "POST"), "Jobs are guarded")
    until(
        lambda: made.said(made.path("jobs"), made.job(), "POST") == "allowed", "the CronJob is known to them"
    )
    yield made
    discard(cluster, namespace)


def _pod(image: str, **spec: Any) -> dict[str, Any]:
    return {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "x", "image": image}], **spec},
    }


# -- Jobs


def _another_image(job: dict[str, Any]) -> None:
    job["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"


def _a_secret(job: dict[str, Any]) -> None:
    job["spec"]["template"]["spec"]["volumes"] = [SECRET_VOLUME]


def _another_account(job: dict[str, Any]) -> None:
    job["spec"]["template"]["spec"]["serviceAccountName"] = "admin"


def _another_command(job: dict[str, Any]) -> None:
    job["spec"]["template"]["spec"]["containers"][0]["command"] = ["sh"]


def _an_order_to_an_injector(job: dict[str, Any]) -> None:
    metadata = job["spec"]["template"].setdefault("metadata", {})
    metadata["annotations"] = {"vault.hashicorp.com/agent-inject": "true"}


def _a_service_s_label(job: dict[str, Any]) -> None:
    job["spec"]["template"].setdefault("metadata", {})["labels"] = {"app": NAME}


def _many_pods(job: dict[str, Any]) -> None:
    job["spec"].update(parallelism=50, completions=50)


def _no_name_of_a_cron_job(job: dict[str, Any]) -> None:
    del job["metadata"]["labels"][CRON_JOB_LABEL]


def _an_unknown_cron_job(job: dict[str, Any]) -> None:
    job["metadata"]["labels"][CRON_JOB_LABEL] = "backup"


def _an_owner(job: dict[str, Any]) -> None:
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": TRAINING, "uid": "x"}
    job["metadata"]["ownerReferences"] = [owner]


JOBS: list[Callable[[dict[str, Any]], None]] = [
    _another_image,
    _a_secret,
    _another_account,
    _another_command,
    _an_order_to_an_injector,
    _a_service_s_label,
    _many_pods,
    _no_name_of_a_cron_job,
    _an_unknown_cron_job,
    _an_owner,
]


def test_jobs_are_the_cron_job_s_and_no_others(attacker: Attacker) -> None:
    """The Job that a remediation makes is allowed; each Job that differs from the CronJob is refused."""
    assert attacker.said(attacker.path("jobs"), attacker.job(), "POST") == "allowed"
    for change in JOBS:
        job = attacker.job()
        change(job)
        assert "guardrail" in attacker.said(attacker.path("jobs"), job, "POST"), change.__name__


def test_a_cron_job_that_is_gone_allows_no_job(attacker: Attacker) -> None:
    """Without the CronJob to hold a Job against, the same Job is refused."""
    job = attacker.job()
    attacker.admin.call(f"/apis/batch/v1/namespaces/{attacker.namespace}/cronjobs/{TRAINING}", "DELETE")
    until(
        lambda: attacker.said(attacker.path("jobs"), job, "POST").startswith(("403", "422")),
        "the Job is refused",
    )


def test_of_a_job_that_it_made_only_the_deadline_changes(attacker: Attacker) -> None:
    """Cancelling its own Job is allowed; suspending it is not, nor anything with a Job of somebody else."""
    job = attacker.job()
    attacker.api.call(attacker.path("jobs"), "POST", job)
    own = attacker.path("jobs", job["metadata"]["name"])
    deadline = {"spec": {"activeDeadlineSeconds": 1}}
    marked = {**deadline, "metadata": {"annotations": {"lightship/approval": "id-000002"}}}
    assert attacker.said(own, marked) == "allowed"
    assert "guardrail" in attacker.said(own, {"spec": {"suspend": True}})
    assert "guardrail" in attacker.said(own, {"metadata": {"labels": {"lightship/cronjob": "backup"}}})
    others = {**attacker.job(), "spec": {"template": _pod("busybox")}}
    others["metadata"] = {"name": "others", "namespace": attacker.namespace}
    attacker.admin.call(attacker.path("jobs"), "POST", others)
    assert "guardrail" in attacker.said(attacker.path("jobs", "others"), deadline)


# -- the Deployment


def _container(attacker: Attacker, **fields: Any) -> dict[str, Any]:
    (container,) = deepcopy(attacker.pod_spec()["containers"])
    return _template(spec={"containers": [{**container, **fields}]})


def _template(**template: Any) -> dict[str, Any]:
    return {"spec": {"template": template}}


def allowed_edits(attacker: Attacker) -> dict[str, dict[str, Any]]:
    """What restart, resources and rollback send."""
    restarted = {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-29T10:00:00Z"}}
    return {
        "a restart": _template(metadata=restarted),
        "other resources": _container(attacker, resources={"limits": {"cpu": "2"}}),
        "an older tag": _container(attacker, image="registry.example:5000/team/churn:1.3"),
        "a digest": _container(attacker, image=f"registry.example:5000/team/churn@sha256:{'0' * 64}"),
        "an older argument": _container(attacker, args=["--workers=2"]),
        "an older setting": _container(attacker, env=[{"name": "WORKERS", "value": "2"}]),
        "an older ConfigMap": _template(
            spec={"volumes": [{"name": "settings", "configMap": {"name": "churn-0"}}]}
        ),
        "an older checksum": _template(metadata={"annotations": {"checksum/config": "b"}}),
        "a note of the release": _template(metadata={"annotations": {"release": "2"}}),
    }


def refused_edits(attacker: Attacker) -> dict[str, dict[str, Any]]:
    """What would reach further than the Deployment's pods do."""
    image = "registry.example:5000/team/churn:1.4"
    second = deepcopy(attacker.pod_spec()["containers"][0]) | {"name": "second"}
    both = [*deepcopy(attacker.pod_spec()["containers"]), second]
    vault = {"vault.hashicorp.com/agent-inject": "true"}
    return {
        "another image": _container(attacker, image="evil"),
        "another registry": _container(attacker, image="registry.example/team/churn:1.4"),
        "a longer repository": _container(attacker, image="registry.example:5000/team/churn/evil:1.4"),
        "a Secret as a variable": _container(attacker, env=[SECRET_ENV]),
        "a Secret as all variables": _container(attacker, envFrom=[{"secretRef": {"name": "database"}}]),
        "a Secret as a volume": _template(spec={"volumes": [SECRET_VOLUME]}),
        "the node's files": _template(spec={"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}),
        "another's token": _template(
            spec={
                "volumes": [{"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
            }
        ),
        "another account": _template(spec={"serviceAccountName": "admin"}),
        "a container as root": _container(attacker, securityContext={"runAsUser": 0}),
        "root": _template(spec={"securityContext": {"runAsUser": 0}}),
        "the node's processes": _template(spec={"hostPID": True}),
        "the node's network": _template(spec={"hostNetwork": True}),
        "a chosen node": _template(spec={"nodeName": "node-1"}),
        "a second container": _template(spec={"containers": both}),
        "an init container": _template(spec={"initContainers": [{"name": "x", "image": image}]}),
        "an order to an injector": _template(metadata={"annotations": vault}),
        "another label of the pods": _template(metadata={"labels": {"role": "database"}}),
        "replicas past the scale": {"spec": {"replicas": 9}},
        "a pause": {"spec": {"paused": True}},
        "another strategy": {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
        "a label": {"metadata": {"labels": {"owner": "me"}}},
        "an annotation": {"metadata": {"annotations": {"argocd.argoproj.io/sync-options": "Prune=true"}}},
        "a finalizer": {"metadata": {"finalizers": ["example.com/never"]}},
    }


def test_of_the_deployment_only_what_remediations_send_changes(attacker: Attacker) -> None:
    """Restarts, resources and older revisions pass; what reaches other Secrets, rights or nodes does not."""
    path = attacker.path("deployments", NAME)
    for what, patch in allowed_edits(attacker).items():
        assert attacker.said(path, patch) == "allowed", what
    for what, patch in refused_edits(attacker).items():
        assert "guardrail" in attacker.said(path, patch), what
    assert attacker.said(f"{path}/scale", {"spec": {"replicas": 4}}) == "allowed"


def test_of_the_autoscaler_only_its_bounds_change(attacker: Attacker) -> None:
    """Minimum and maximum pass; another target or other metrics do not."""
    path = attacker.path("horizontalpodautoscalers", HPA)
    assert attacker.said(path, {"spec": {"minReplicas": 2, "maxReplicas": 6}}) == "allowed"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "payments"}
    specs: list[dict[str, Any]] = [
        {"scaleTargetRef": target},
        {"metrics": None},
        {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}}},
    ]
    for spec in specs:
        assert "guardrail" in attacker.said(path, {"spec": spec}), spec


def test_only_the_deployment_s_pods_are_evicted(attacker: Attacker) -> None:
    """A pod of the watched Deployment may be evicted, one of its neighbour's not."""

    def pod(name: str) -> str:
        listed = attacker.admin.call(f"{attacker.path('pods')}?labelSelector=app%3D{name}")["items"]
        return str(listed[0]["metadata"]["name"]) if listed else ""

    def evicting(name: str) -> str:
        until(lambda: bool(pod(name)), f"a pod of {name}")
        victim = pod(name)
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": victim, "namespace": attacker.namespace},
        }
        return attacker.said(f"{attacker.path('pods', victim)}/eviction", body, "POST")

    # This policy is taken in by itself, at times after those that the fixture has waited for.
    until(lambda: "guardrail" in evicting("payments"), "evictions are guarded")
    assert evicting(NAME) == "allowed"


def test_others_are_not_bound(attacker: Attacker) -> None:
    """What the guardrails refuse the bot's account an administrator may do."""
    patch = refused_edits(attacker)["another image"]
    path = f"{attacker.path('deployments', NAME)}?dryRun=All"
    assert attacker.admin.merge(path, patch)["spec"]["template"]["spec"]["containers"][0]["image"] == "evil"


def test_without_guardrails_the_roles_allow_it_all(cluster: Cluster, namespace: str) -> None:
    """The control: a Job with another image and Secret, and a Deployment with one, pass by RBAC alone."""
    arrange(cluster, namespace)
    grant(cluster, namespace, guarded=False)
    attacker = Attacker(cluster, namespace)
    for change in (_another_image, _a_secret, _another_account):
        job = attacker.job()
        change(job)
        assert attacker.said(attacker.path("jobs"), job, "POST") == "allowed", change.__name__
    for what in ("another image", "a Secret as a variable", "another account", "the node's processes"):
        patch = refused_edits(attacker)[what]
        assert attacker.said(attacker.path("deployments", NAME), patch) == "allowed", what
    discard(cluster, namespace)
