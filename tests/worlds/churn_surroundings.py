"""What the checks of the demo find beside the traffic: revisions, trainings, log lines, the other numbers.

Called by `tests.worlds.churn`. The queries are those of the shipped `lightship.yaml`, as a test holds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.rehearsal.objects import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.ports.readers import KubeObject

P95: Final = "histogram_quantile(0.95, sum by (le) (rate(churn_prediction_latency_seconds_bucket[5m])))"
REQUESTS: Final = "sum(rate(churn_prediction_latency_seconds_count[5m]))"
STEADY: Final[Mapping[str, float]] = {
    "(sum(rate(churn_prediction_errors_total[5m])) or vector(0))"
    "/((sum(rate(churn_predictions_total[5m])) or vector(0))"
    "+(sum(rate(churn_prediction_errors_total[5m])) or vector(0)))": 0.002,
    '1-sum(rate(churn_prediction_latency_seconds_bucket{le="5.0"}[5m]))'
    "/sum(rate(churn_prediction_latency_seconds_count[5m]))": 0.004,
    'avg(up{job="churn-api"}) or vector(0)': 1.0,
    "max without (instance, pod) (churn_model_drift_score)": 0.12,
    "max(churn_predicted_rate)": 0.21,
    "min(churn_input_data_quality_score)": 0.98,
    'sum(increase(kube_pod_container_status_restarts_total{namespace="churn-mlops"}[15m]))': 0.0,
}
"""Numbers that stay as they are, by their query."""

_SLOW: Final = 1.0
_REVISIONS: Final = ((11, 26, "churn-api:1.8.1", "churn-api-5b8d9c7f46"), (12, 5, "churn-api:1.8.2", ""))
_TRAINED_DAYS_AGO: Final = 3
_TRAINING: Final[Mapping[str, Any]] = {
    "spec": {
        "backoffLimit": 2,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "train", "image": "churn-training:1.8"}],
            }
        },
    }
}


def surroundings(
    *, namespace: str, deployment: str, container: Mapping[str, Any], now: datetime
) -> list[KubeObject]:
    """Two revisions, and the CronJob that trains with its last run."""
    return [
        *(
            _revision(
                number,
                name or f"{deployment}-6d4b75cb6d",  # the one that the rehearsal's pods name as theirs
                namespace=namespace,
                deployment=deployment,
                container={**container, "image": image},
                made=now - timedelta(days=days),
                replicas=0 if name else 3,
            )
            for number, days, image, name in _REVISIONS
        ),
        *_trainings(namespace, now),
    ]


def log_of(latency: Callable[[datetime], float]) -> Callable[[KubeObject, datetime], str]:
    """What a pod has written by a time: a request a second, with a warning where it was slow."""

    def lines(pod: KubeObject, moment: datetime) -> str:
        seed = sum(map(ord, pod["metadata"]["name"]))
        written = []
        for place in range(120, 0, -1):
            at = moment - timedelta(seconds=place)
            took = latency(at)
            level, note = ("WARNING", " slow prediction, requests queue") if took > _SLOW else ("INFO", "")
            customer = 10_000 + (seed * 31 + int(at.timestamp()) * 7) % 90_000
            written.append(
                f"{stamp(at)} {level} POST /predict customer={customer} 200 in {took * 1000:.0f} ms{note}"
            )
        return "\n".join(written) + "\n"

    return lines


def _revision(
    number: int,
    name: str,
    *,
    namespace: str,
    deployment: str,
    container: Mapping[str, Any],
    made: datetime,
    replicas: int,
) -> KubeObject:
    labels = {"app": deployment}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "creationTimestamp": stamp(made),
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment, "controller": True}
            ],
        },
        "spec": {
            "replicas": replicas,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [dict(container)]}},
        },
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }


def _trainings(namespace: str, now: datetime) -> list[KubeObject]:
    name = "training-pipeline"
    began = now - timedelta(days=_TRAINED_DAYS_AGO)
    ended = began + timedelta(minutes=41)
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"schedule": "0 3 * * 6", "suspend": False, "jobTemplate": _TRAINING},
            "status": {"lastScheduleTime": stamp(began), "lastSuccessfulTime": stamp(ended)},
        },
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": f"{name}-29385300",
                "namespace": namespace,
                "creationTimestamp": stamp(began),
                "ownerReferences": [
                    {"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "controller": True}
                ],
            },
            "spec": {},
            "status": {
                "startTime": stamp(began),
                "completionTime": stamp(ended),
                "succeeded": 1,
                "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": stamp(ended)}],
            },
        },
    ]
