"""Kubernetes objects that end-to-end tests apply: as small as the API server accepts them.

Used with `Cluster.apply`. The defaults are the names of the sample service.
"""

from collections.abc import Mapping
from typing import Any

from tests.e2e.servers.cluster import DEFAULT_LOG, USAGE_CPU, USAGE_MEMORY

REQUESTS = {"cpu": "100m", "memory": "64Mi"}


def deployment(
    namespace: str,
    name: str = "churn-api",
    *,
    replicas: int = 3,
    image: str = "busybox",
    cpu: str = "20m",
    memory: str = "32Mi",
) -> dict[str, Any]:
    """A Deployment whose pods request 100m and 64Mi and use `cpu` and `memory`."""
    labels = {"app": name}
    usage = {USAGE_CPU: cpu, USAGE_MEMORY: memory}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": usage},
                "spec": {"containers": [_container(image)], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def cron_job(namespace: str, name: str = "training-pipeline", *, image: str = "busybox") -> dict[str, Any]:
    """A CronJob that is never due in a test: Jobs are made from its template."""
    container = _container(image) | {"command": ["true"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "schedule": "0 3 1 1 *",
            "jobTemplate": {
                "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}}
            },
        },
    }


def autoscaler(
    namespace: str,
    name: str = "churn-api-hpa",
    *,
    target: str = "churn-api",
    minimum: int = 2,
    maximum: int = 10,
    cpu_percent: int = 50,
) -> dict[str, Any]:
    """A HorizontalPodAutoscaler on the CPU of a Deployment, as a percentage of what its pods request."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": minimum,
            "maxReplicas": maximum,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": cpu_percent},
                    },
                }
            ],
        },
    }


def disruption_budget(namespace: str, name: str = "churn-api", *, minimum: int = 2) -> dict[str, Any]:
    """A PodDisruptionBudget that keeps so many of a Deployment's pods."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"minAvailable": minimum, "selector": {"matchLabels": {"app": name}}},
    }


def job_of(cron: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A Job from a CronJob's template, as somebody makes it who wants it now."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": cron["metadata"]["namespace"]},
        **cron["spec"]["jobTemplate"],
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": "api",
        "image": image,
        "command": ["sh", "-c", f"echo '{DEFAULT_LOG.strip()}'; exec sleep 3600"],
        "resources": {"requests": REQUESTS, "limits": {"cpu": "1", "memory": "512Mi"}},
    }
