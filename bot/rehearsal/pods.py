"""Pods as the controllers of a real cluster would write them: fresh, started, measured."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from bot.rehearsal.objects import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from bot.ports.readers import KubeObject

NODES = ("node-a", "node-b", "node-c")


def new_pod(deployment: KubeObject, *, replica_set: str, suffix: str, now: datetime) -> KubeObject:
    """A pod of a deployment that is just being created."""
    metadata, template = deployment["metadata"], deployment.get("spec", {}).get("template", {})
    spec = deepcopy(template.get("spec", {}))
    spec["nodeName"] = NODES[int(suffix, 16) % len(NODES)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{replica_set}-{suffix}",
            "namespace": metadata["namespace"],
            "labels": dict(template.get("metadata", {}).get("labels") or {}),
            "creationTimestamp": stamp(now),
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "controller": True}
            ],
        },
        "spec": spec,
        "status": {
            "phase": "Pending",
            "startTime": stamp(now),
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container.get("image", ""),
                    "ready": False,
                    "restartCount": 0,
                    "state": {"waiting": {"reason": "ContainerCreating"}},
                }
                for container in spec.get("containers", [])
            ],
        },
    }


def start(pod: KubeObject, at: datetime) -> None:
    """Let a pod be running and ready since then."""
    status: dict[str, Any] = pod["status"]
    status["phase"] = "Running"
    for condition in status["conditions"]:
        if condition["type"] == "Ready":
            condition.update(status="True", lastTransitionTime=stamp(at))
            condition.pop("reason", None)
    for container in status["containerStatuses"]:
        container.update(ready=True, state={"running": {"startedAt": stamp(at)}})


def is_ready(pod: KubeObject) -> bool:
    """Whether a pod says that it is ready."""
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in pod.get("status", {}).get("conditions") or ()
    )
