"""Failure modes planted in a real cluster, each in a namespace of its own, and what has to be said of each.

The cluster's own controllers act wherever they do; where a kubelet would, a status patch or an event of the
kubelet's own words takes its place (the pods are annotated so that kwok leaves them alone).
"""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from dataclasses import field as given
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.checks.failures import OPTIONAL_RIGHTS, RIGHTS
from bot.domain.suspects import FailureMode
from tests.e2e.servers.cluster import BY_HAND, Cluster
from tests.e2e.servers.programs import until
from tests.e2e.servers.workloads import deployment

NAME = "churn-api"
PATH = "spec.template.spec.containers[api]"
READY_WITHIN = 150.0
"""Seconds; half a hundred namespaces are planted at once, on two processors."""


@dataclass(frozen=True, kw_only=True)
class Plant:
    """One mode: how it comes about, and the object, field and value that have to be named first."""

    mode: FailureMode
    plant: Callable[["Bed"], None]
    subject: str = f"deployment {NAME}"
    field: str
    value: str
    says: str = ""
    target: Mapping[str, str] = given(default_factory=lambda: {"deployment": NAME})


Planter = Callable[["Bed"], None]


def planted(
    plants: list[Plant], mode: FailureMode, field: str, value: str, **more: Any
) -> Callable[[Planter], Planter]:
    """Add what a function plants to `plants`, with the field and the value that have to be named."""

    def add(plant: Planter) -> Planter:
        plants.append(Plant(mode=mode, plant=plant, field=field, value=value, **more))
        return plant

    return add


class Bed:
    """One namespace of the cluster, and the hands that plant in it; all methods block."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects of this namespace."""
        self.cluster.apply(*objects)

    def made(self, version: str, kind: str, name: str, **parts: Any) -> dict[str, Any]:
        """An object of this namespace."""
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}

    def app(
        self,
        *,
        by_hand: bool = False,
        replicas: int = 1,
        pod: Mapping[str, Any] | None = None,
        **container: Any,
    ) -> dict[str, Any]:
        """The deployment, with more in its pod and container."""
        made = deepcopy(deployment(self.namespace, replicas=replicas, image=self.cluster.image))
        template = made["spec"]["template"]
        if by_hand:
            template["metadata"]["annotations"][BY_HAND] = "true"
        template["spec"].update(pod or {})
        template["spec"]["containers"][0].update(container)
        return made

    def path(self, group: str, plural: str, name: str = "", part: str = "") -> str:
        """A path of the API in this namespace."""
        base = f"/apis/{group}" if "/" in group else f"/api/{group}"
        parts = [base, "namespaces", self.namespace, plural, *filter(None, (name, part))]
        return "/".join(parts)

    def pods(self, labels: str = f"app={NAME}") -> list[dict[str, Any]]:
        """The pods there are."""
        listed = self.cluster.api.call(f"{self.path('v1', 'pods')}?labelSelector={labels}")
        return list(listed["items"])

    def pod(self, labels: str = f"app={NAME}") -> dict[str, Any]:
        """A pod once it has a node."""
        until(
            lambda: any(one["spec"].get("nodeName") for one in self.pods(labels)),
            f"a pod in {self.namespace}",
            seconds=READY_WITHIN,
        )
        return next(one for one in self.pods(labels) if one["spec"].get("nodeName"))

    def ready(self, replicas: int = 1) -> None:
        """Wait until the deployment has that many ready pods."""
        path = self.path("apps/v1", "deployments", NAME)
        until(
            lambda: self.cluster.api.call(path)["status"].get("readyReplicas") == replicas,
            f"{self.namespace} is ready",
            seconds=READY_WITHIN,
        )

    def kubelet(
        self,
        *,
        labels: str = f"app={NAME}",
        ready: bool = False,
        phase: str = "Running",
        init: Mapping[str, Any] | None = None,
        changed: datetime | None = None,
        status: Mapping[str, Any] | None = None,
        **container: Any,
    ) -> str:
        """Write the status of a pod as its kubelet would; the pod's name is returned."""
        pod = self.pod(labels)
        word = "True" if ready else "False"
        at = stamp(changed or datetime.now(UTC))
        conditions = [one for one in pod["status"].get("conditions", []) if one["type"] == "PodScheduled"]
        conditions += [
            {"type": kind, "status": word, "lastTransitionTime": at} for kind in ("Ready", "ContainersReady")
        ]
        name = pod["spec"]["containers"][0]["name"]
        image = pod["spec"]["containers"][0]["image"]
        base = {"name": name, "image": image, "imageID": "", "ready": ready, "restartCount": 0}
        patch: dict[str, Any] = {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": [{**base, **container}],
            **(status or {}),
        }
        if init is not None:
            patch["initContainerStatuses"] = [
                {**base, "name": pod["spec"]["initContainers"][0]["name"], **init}
            ]
        path = self.path("v1", "pods", pod["metadata"]["name"], "status")
        self.cluster.api.merge(path, {"status": patch})
        return str(pod["metadata"]["name"])

    def event(
        self,
        pod: str,
        reason: str,
        message: str,
        *,
        count: int = 3,
        first: timedelta = timedelta(minutes=2),
        kind: str = "Pod",
    ) -> None:
        """An event as the kubelet notes it."""
        now = datetime.now(UTC)
        about = {"kind": kind, "namespace": self.namespace, "name": pod, "apiVersion": "v1"}
        body = {
            "metadata": {"generateName": f"{pod}.", "namespace": self.namespace},
            "involvedObject": about, "reason": reason, "message": message, "type": "Warning", "count": count,
            "firstTimestamp": stamp(now - first), "lastTimestamp": stamp(now),
            "source": {"component": "kubelet"},
        }  # fmt: skip
        self.cluster.api.call(self.path("v1", "events"), "POST", body)


def stamp(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(**length: float) -> datetime:
    """A time before now."""
    return datetime.now(UTC) - timedelta(**length)


def waits(reason: str, message: str = "") -> dict[str, Any]:
    """The state of a container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def runs(**since: float) -> dict[str, Any]:
    """The state of a container that runs, since so long ago."""
    return {"started": True, "state": {"running": {"startedAt": stamp(ago(**since))}}}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    """How a container ended a moment ago."""
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": stamp(ago(minutes=1)),
            "finishedAt": stamp(ago(seconds=10)),
        }
    }


def crash_loops(code: int, reason: str = "Error", restarts: int = 5) -> dict[str, Any]:
    """A container that ended and waits to be started again."""
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 1m20s restarting failed container=api"}
    return {"restartCount": restarts, "lastState": ended(code, reason), "state": {"waiting": waiting}}


def pause(seconds: float) -> None:
    """The API's times are whole seconds: what has to differ by some needs them to pass."""
    time.sleep(seconds)


def reader_account(cluster: Cluster, namespace: str) -> Path:
    """A ServiceAccount that may do everywhere what the check declares, and nothing else."""
    rules = [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
        for right in sorted({*RIGHTS, *OPTIONAL_RIGHTS})
    ]
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": "e2e-failures"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "failures", "namespace": namespace},
        },
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "e2e-failures"},
            "subjects": [{"kind": "ServiceAccount", "name": "failures", "namespace": namespace}],
        },
    )
    return cluster.kubeconfig_for(namespace, "failures")
