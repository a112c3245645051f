"""The scenario of the demo: churn-api is slow because the traffic tripled, and more replicas cure it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.ports.readers import ModelVersion
from bot.rehearsal.rules import AlertRule
from bot.rehearsal.world import World
from tests.worlds.churn_surroundings import P95, REQUESTS, STEADY, log_of, surroundings

if TYPE_CHECKING:
    from datetime import datetime

    from bot.ports.clock import Clock, Ids
    from bot.ports.readers import KubeObject

NAMESPACE: Final = "churn-mlops"
DEPLOYMENT: Final = "churn-api"
LATENCY: Final = (
    "histogram_quantile(0.95, sum by (le, endpoint) (rate(churn_prediction_latency_seconds_bucket[5m])))"
)
TRAFFIC: Final = "sum(rate(churn_predictions_total[5m]))"
ERRORS: Final = (
    "sum(rate(churn_prediction_errors_total[5m])) / (sum(rate(churn_predictions_total[5m])) or vector(0))"
)

_LABELS: Final = {"app": DEPLOYMENT}
_USUAL_TRAFFIC: Final = 30.0
_HIGH_TRAFFIC: Final = 90.0
_WINDOW: Final = timedelta(seconds=20)
_IN_WINDOW: Final = 5
_FLOOR, _SLOPE, _POWER = 0.25, 0.15, 3.273
_THRESHOLD: Final = 1.0
_MEBI: Final = 2.0**20
_CONTAINER: Final[dict[str, Any]] = {
    "name": "api",
    "image": "churn-api:1.8.2",
    "ports": [{"containerPort": 8000}],
    "resources": {
        "requests": {"cpu": "500m", "memory": "512Mi"},
        "limits": {"cpu": "1", "memory": "1Gi"},
    },
}


def churn_world(
    clock: Clock,
    ids: Ids,
    *,
    traffic_rises_in: timedelta = timedelta(0),
    alert_holds_for: timedelta = timedelta(seconds=5),
    autoscaled: bool = False,
) -> World:
    """churn-api with three pods in churn-mlops, whose traffic triples after `traffic_rises_in`.

    With three ready pods the 95th percentile is then 1.7 s and HighAPILatency fires; with six it is 0.4 s,
    and the alert resolves. `autoscaled` adds the HorizontalPodAutoscaler, whose bounds are set then.
    """
    around = surroundings(namespace=NAMESPACE, deployment=DEPLOYMENT, container=_CONTAINER, now=clock.now())
    world = World(clock, ids, manifests=[*_manifests(autoscaled=autoscaled), *around])
    start = clock.now() + traffic_rises_in
    load = _Load(world, start)
    endpoint = {"endpoint": "/predict"}
    world.metrics.define(LATENCY, load.latency, endpoint)
    world.metrics.define(TRAFFIC, load.traffic)
    world.metrics.define(ERRORS, lambda _: 0.002)
    world.metrics.define(P95, load.latency)
    world.metrics.define(REQUESTS, load.traffic)
    for query, value in STEADY.items():
        world.metrics.define(query, lambda _, value=value: value)  # type: ignore[misc]  # bound on purpose
    world.state.written = log_of(load.latency)
    world.metrics.define("up", lambda _: 1.0, {"job": DEPLOYMENT, "namespace": NAMESPACE, "service": "churn"})
    world.state.usage = load.usage
    world.models.register(
        ModelVersion(
            name="churn-model",
            version="7",
            aliases=("Production",),
            created_at=clock.now() - timedelta(days=12),
            run_id="5c1f0e6d8a2b4c3f9e7d6b5a4c3f2e1d",
            metrics={"accuracy": 0.914, "roc_auc": 0.957},
        )
    )
    world.watch([_latency_rule(load, alert_holds_for)])
    return world


class _Load:
    """How busy the pods are, and what that does to latency: steep, because requests queue."""

    def __init__(self, world: World, start: datetime) -> None:
        self._world = world
        self._start = start

    def traffic(self, moment: datetime) -> float:
        """Requests a second."""
        return _HIGH_TRAFFIC if moment >= self._start else _USUAL_TRAFFIC

    def latency(self, moment: datetime) -> float:
        """The 95th percentile in seconds, over the last twenty seconds, as a rate would smooth it."""
        moments = [moment - place * _WINDOW / _IN_WINDOW for place in range(_IN_WINDOW)]
        return round(sum(self._latency_then(then) for then in moments) / _IN_WINDOW, 3)

    def usage(self, _: KubeObject, moment: datetime) -> tuple[float, float]:
        """CPU in cores and memory in bytes of one pod."""
        return min(0.03 * self._per_pod(moment), 0.97), 380 * _MEBI + 2 * _MEBI * self._per_pod(moment)

    def _latency_then(self, moment: datetime) -> float:
        queueing: float = (self._per_pod(moment) / 15) ** _POWER
        return min(_FLOOR + _SLOPE * queueing, 5.0)

    def _per_pod(self, moment: datetime) -> float:
        ready = self._world.state.controller.ready_at(NAMESPACE, DEPLOYMENT, moment)
        return self.traffic(moment) / max(ready, 1)


def _latency_rule(load: _Load, holds_for: timedelta) -> AlertRule:
    def breach(moment: datetime) -> float | None:
        latency = load.latency(moment)
        return latency if latency > _THRESHOLD else None

    return AlertRule(
        name="HighAPILatency",
        value=breach,
        expression=f"{LATENCY} > {_THRESHOLD}",
        holds_for=holds_for,
        labels={
            "severity": "warning",
            "component": "api",
            "service": "churn",
            "namespace": NAMESPACE,
            "endpoint": "/predict",
        },
        annotations={
            "summary": "High API latency detected",
            "description": "P95 latency is {value}s (threshold: 1.0s)",
            "value": "{value}",
            "threshold": "1.0",
        },
        generator_url="http://prometheus.rehearsal/graph?g0.expr=histogram_quantile",
    )


def _manifests(*, autoscaled: bool) -> list[KubeObject]:
    deployment: KubeObject = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE, "labels": dict(_LABELS)},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": dict(_LABELS)},
            "template": {"metadata": {"labels": dict(_LABELS)}, "spec": {"containers": [_CONTAINER]}},
        },
    }
    budget: KubeObject = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": dict(_LABELS)}},
        "status": {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3},
    }
    return [deployment, budget, *([_autoscaler()] if autoscaled else [])]


def _autoscaler() -> KubeObject:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    now = {"name": "cpu", "current": {"averageUtilization": 42, "averageValue": "210m"}}
    well = (
        ("AbleToScale", "True", "ReadyForNewScale"),
        ("ScalingActive", "True", "ValidMetricFound"),
        ("ScalingLimited", "False", "DesiredWithinRange"),
    )
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "churn-api-hpa", "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT},
            "minReplicas": 3,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
        "status": {
            "currentReplicas": 3,
            "desiredReplicas": 3,
            "currentMetrics": [{"type": "Resource", "resource": now}],
            "conditions": [
                {"type": kind, "status": status, "reason": reason} for kind, status, reason in well
            ],
        },
    }
