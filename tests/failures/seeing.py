"""Objects as the API serves them, and what is recognised in them, for the tests of failure modes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.checks.modes.recognising import recognise
from bot.checks.modes.sight import Sight, happenings_of
from bot.rehearsal.objects import stamp
from bot.testing import START

if TYPE_CHECKING:
    from bot.domain.suspects import Suspect

NAME = "churn-api"
LABELS = {"app": NAME}


def deployment(*, replicas: int = 1, pod: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """The deployment, with more in its pod and container."""
    spec = {"containers": [{"name": "api", "image": "churn-api:1", **container}], **(pod or {})}
    return {
        "metadata": {"name": NAME, "namespace": "churn"},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": LABELS}, "spec": spec}},
        "status": {"updatedReplicas": replicas},
    }


def pod(
    made: dict[str, Any],
    *,
    name: str = f"{NAME}-7d9f8c6b5-abcde",
    ready: bool = False,
    node: str = "node-1",
    conditions: tuple[dict[str, Any], ...] = (),
    init: dict[str, Any] | None = None,
    **container: Any,
) -> dict[str, Any]:
    """A pod of the deployment, its container as given."""
    spec = {**made["spec"]["template"]["spec"], **({"nodeName": node} if node else {})}
    word = "True" if ready else "False"
    base = {"name": "api", "ready": ready, "restartCount": 0, **container}
    inits = [{"name": one["name"], **(init or {})} for one in spec.get("initContainers", ())]
    return {
        "metadata": {"name": name, "labels": LABELS, "creationTimestamp": ago(minutes=30)},
        "spec": spec,
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": "Ready", "status": word, "lastTransitionTime": ago(minutes=30)},
                *conditions,
            ],
            "containerStatuses": [base],
            "initContainerStatuses": inits,
        },
    }


def node(
    name: str, *, ready: str = "True", labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """A node."""
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "4", "memory": "16Gi"},
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def event(
    name: str, reason: str, message: str, *, kind: str = "Pod", minutes: float = 1, count: int = 3
) -> dict[str, Any]:
    """An event of so many minutes ago."""
    return {
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "count": count,
        "firstTimestamp": ago(minutes=minutes),
        "lastTimestamp": ago(minutes=minutes),
    }


def unscheduled(message: str) -> dict[str, Any]:
    """The condition of a pod that no node takes."""
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}


def crashed(code: int, reason: str = "Error", *, restarts: int = 4) -> dict[str, Any]:
    """A container in a crash loop."""
    ended = {"exitCode": code, "reason": reason, "finishedAt": ago(minutes=1)}
    return {
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }


def running(**since: float) -> dict[str, Any]:
    """A container that runs."""
    return {"state": {"running": {"startedAt": ago(**since)}}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """A container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def ago(**length: float) -> str:
    """A time before now, as the API writes it."""
    return stamp(START - timedelta(**length))


def seen(
    made: dict[str, Any], *pods: dict[str, Any], events: tuple[dict[str, Any], ...] = (), **more: Any
) -> tuple[Suspect, ...]:
    """What is recognised."""
    sight = Sight(
        now=START, name=NAME, service="churn", deployment=made, pods=pods,
        events=happenings_of(events, now=START), **more,
    )  # fmt: skip
    return recognise(sight)
