"""Objects and requests that the tests of both worlds, of the checks and of the remediations are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.domain.remedies import Action, RemediationRequest, Target

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject

NAME = "churn-api"


def deployment(namespace: str, *, replicas: int = 3, name: str = NAME, **metadata: Any) -> KubeObject:
    """A deployment as a user would write it."""
    labels = {"app": name}
    resources = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "20m", "memory": "32Mi"}}
    container = {"name": "api", "image": "churn-api:1", "resources": resources}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **metadata},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def autoscaler(namespace: str, *, name: str = NAME) -> KubeObject:
    """A HorizontalPodAutoscaler over that deployment."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{name}-hpa", "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 7,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        },
    }


def cron_job(namespace: str, *, name: str = "training-pipeline", waits: bool = False) -> KubeObject:
    """A CronJob that is never due in a test; where it `waits`, its pods never begin."""
    container = {"name": "train", "image": "busybox", "command": ["true"]}
    pod: dict[str, Any] = {"containers": [container], "restartPolicy": "Never"}
    template: dict[str, Any] = {"spec": pod}
    if waits:
        template["metadata"] = {"annotations": {"lightship.test/by-hand": "yes"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": template}}},
    }


def budget(namespace: str, *, name: str = NAME, minimum: int = 2) -> KubeObject:
    """A PodDisruptionBudget over that deployment's pods."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"minAvailable": minimum, "selector": {"matchLabels": {"app": name}}},
    }


def request(namespace: str, replicas: int, *, name: str = NAME) -> RemediationRequest:
    """Somebody asks for that many replicas."""
    return RemediationRequest(
        action=Action.SCALE,
        service="churn",
        target=Target(kind="Deployment", namespace=namespace, name=name),
        arguments={"replicas": replicas},
        incident_id=None,
        reason="traffic",
    )
