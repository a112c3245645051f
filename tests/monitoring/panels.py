"""What the dashboard shows: a table of panels and marks, drawn by `tests.monitoring.dashboard`.

Queries are those of the alert rules wherever a rule asks the same, so that a panel's threshold is the line
where its alert fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One panel with the query `asks`; `limits` are the values from which it is orange, then red."""

    title: str
    says: str
    asks: str
    legend: str
    unit: str
    kind: str = "timeseries"
    wide: int = 8
    limits: tuple[float, ...] = ()
    falling: bool = False
    least: float | None = 0
    most: float | None = None
    decimals: int | None = None
    alerts: tuple[str, ...] = ()
    instant: bool = False
    nothing: str = ""
    """What stands there while there is no data."""


_MEAN: Final = "sum(increase({name}_sum[$__range])) / (sum(increase({name}_count[$__range])) > 0)"

SERVICE: Final = (
    Panel(
        title="Predictions Per Minute",
        says="Predictions answered, by endpoint and risk.",
        asks="60 * sum by (endpoint, risk_category) (rate(churn_predictions_total[5m]))",
        legend="{{endpoint}} {{risk_category}}",
        unit="cpm",
    ),
    Panel(
        title="P95 Latency",
        says="The rule's own quantile. 5 s is the largest bucket: 5 s there means 5 s or more.",
        asks=(
            "histogram_quantile(0.95, sum by (le, endpoint) "
            "(rate(churn_prediction_latency_seconds_bucket[5m])))"
        ),
        legend="{{endpoint}}",
        unit="s",
        limits=(1.0,),
        alerts=("HighAPILatency",),
    ),
    Panel(
        title="Error Rate",
        says="Errors as a share of the predictions.",
        asks=(
            "clamp_max((sum(rate(churn_prediction_errors_total[5m])) or vector(0)) "
            "/ (sum(rate(churn_predictions_total[5m])) or vector(0)), 1)"
        ),
        legend="errors",
        unit="percentunit",
        limits=(0.05,),
        alerts=("HighErrorRate",),
    ),
    Panel(
        title="High Risk Customers",
        says="Among the newest thousand predictions of each pod.",
        asks="sum(churn_high_risk_customers_total)",
        legend="high risk",
        unit="short",
        kind="stat",
        decimals=0,
    ),
    Panel(
        title="Predicted Churn Rate",
        says="The share of the newest predictions that leave; the highest of the pods.",
        asks="max(churn_predicted_rate)",
        legend="churn rate",
        unit="percentunit",
        kind="gauge",
        limits=(0.4,),
        most=1,
        alerts=("HighChurnRate",),
    ),
    Panel(
        title="API Availability",
        says="The share of the instances that answer Prometheus.",
        asks='avg(up{job="churn-api"}) or vector(0)',
        legend="available",
        unit="percentunit",
        kind="stat",
        limits=(0.5, 1.0),
        falling=True,
        alerts=("APIDown",),
    ),
    Panel(
        title="Pod CPU Usage",
        says="Cores in use, by pod.",
        asks=(
            'sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="$namespace", '
            'pod=~"churn-api-.*", container!=""}[5m]))'
        ),
        legend="{{pod}}",
        unit="suffix: cores",
        wide=12,
        alerts=("HighAPILatency",),
    ),
    Panel(
        title="Pod Memory Usage",
        says="The working set, by pod.",
        asks=(
            'sum by (pod) (container_memory_working_set_bytes{namespace="$namespace", '
            'pod=~"churn-api-.*", container!=""})'
        ),
        legend="{{pod}}",
        unit="bytes",
        wide=12,
        alerts=("PodCrashLooping",),
    ),
)

MODEL: Final = (
    Panel(
        title="Model Drift Score",
        says="0 is no drift. From 0.3 the alert fires, above 0.5 it escalates.",
        asks="max without (instance, pod) (churn_model_drift_score)",
        legend="drift score",
        unit="none",
        wide=12,
        limits=(0.3, 0.5),
        most=1,
        decimals=2,
        alerts=("DataDriftDetected", "DriftScoreStale", "DriftScoreMissing"),
    ),
    Panel(
        title="Drift Per Feature",
        says="What each feature alone gives to the score; what is not significant is 0.",
        asks="max by (feature) (churn_model_drift_feature_score)",
        legend="{{feature}}",
        unit="none",
        wide=12,
        limits=(0.3, 0.5),
        most=1,
        decimals=2,
        alerts=("DataDriftDetected",),
    ),
)

LIGHTSHIP: Final = (
    Panel(
        title="Open Incidents",
        says="By severity; every replica tells the same of the store.",
        asks="max by (severity) (lightship_incidents_open)",
        legend="{{severity}}",
        unit="short",
        decimals=0,
    ),
    Panel(
        title="MTTA",
        says="Mean time from an incident's opening to its acknowledgement, in the time shown.",
        asks=_MEAN.format(name="lightship_incident_acknowledge_seconds"),
        legend="MTTA",
        unit="s",
        kind="stat",
        wide=4,
        limits=(300.0, 900.0),
        instant=True,
        nothing="none in this time",
    ),
    Panel(
        title="MTTR",
        says="Mean time from an incident's opening to its resolve, in the time shown.",
        asks=_MEAN.format(name="lightship_incident_resolve_seconds"),
        legend="MTTR",
        unit="s",
        kind="stat",
        wide=4,
        limits=(3600.0, 14400.0),
        instant=True,
        nothing="none in this time",
    ),
    Panel(
        title="Undelivered Messages",
        says="Messages that Slack does not show in their latest state.",
        asks="max(lightship_undelivered_messages)",
        legend="messages",
        unit="short",
        kind="stat",
        wide=4,
        decimals=0,
        alerts=("LightshipSlackFailing",),
    ),
    Panel(
        title="Oldest Undelivered",
        says="The age of the oldest message that Slack does not show; 0 where there is none.",
        asks="max(lightship_undelivered_oldest_age_seconds)",
        legend="age",
        unit="s",
        kind="stat",
        wide=4,
        limits=(60.0, 300.0),
        alerts=("LightshipUndelivered",),
    ),
)

MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "Alerts": ("red", 'ALERTS{alertstate="firing", service=~"churn|lightship"}'),
    "Remediations": (
        "blue",
        # A counter that appears has no increase yet: its first value counts as well.
        (
            "sum by (action, outcome) (increase(lightship_remediations_total[2m]) > 0 "
            "or (lightship_remediations_total unless lightship_remediations_total offset 2m) > 0)"
        ),
    ),
}
"""What is marked in every panel over time: its colour, and where the query has a value."""

ROWS: Final = (("Service", SERVICE), ("Model", MODEL), ("Incidents", LIGHTSHIP))
