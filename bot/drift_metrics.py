"""The published drift scores on `GET /metrics`, as the store has them: every replica says the same.

`handlers.health` reads the store and shows here what it found; the family is made anew at each scrape, so
that a feature that is gone, or a score that cannot be had, leaves no old number behind. Names are
`<prefix>_model_drift_…`, the prefix being the service's. `bot.engines.drift_pushing` takes the same reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CollectorRegistry, GaugeMetricFamily

from bot.domain.drift_runs import DriftRunState
from bot.domain.outside_text import one_line
from bot.telemetry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftRun
    from bot.ports.readers import PublishedDrift
    from bot.ports.stores import Transaction

MOST_FEATURES: Final = 200
"""Features with a series of their own, those that give most to the score first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReading:
    """What the store knows of one service: the newest report, the newest run, what MLflow is still owed."""

    published: PublishedDrift | None
    newest: DriftRun | None
    untold: int = 0


async def read_drift(tx: Transaction, service: str) -> DriftReading:
    """What the store knows of a service."""
    return DriftReading(
        published=await tx.drift_reports.latest(service),
        newest=await tx.drift_runs.newest(service),
        untold=await tx.tracked_runs.waiting(service),
    )


class DriftMetrics:
    """A collector of the prometheus client over the last reading."""

    def __init__(self) -> None:
        self._readings: Mapping[str, DriftReading] = {}

    def show(self, readings: Mapping[str, DriftReading]) -> None:
        """Show these, by the prefix of their names; nothing where the store could not be read."""
        self._readings = readings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families of every service."""
        for prefix, reading in self._readings.items():
            yield from _families(f"{prefix}_model_drift", reading)


def drift_registry(prefix: str, reading: DriftReading) -> CollectorRegistry:
    """A registry of one service's scores and nothing else."""
    registry, metrics = CollectorRegistry(), DriftMetrics()
    metrics.show({prefix: reading})
    registry.register(metrics)
    return registry


DRIFT_METRICS: Final = DriftMetrics()
REGISTRY.register(DRIFT_METRICS)


def _families(name: str, reading: DriftReading) -> Iterator[GaugeMetricFamily]:
    if reading.newest is not None:
        yield from _of_newest(name, reading.newest)
    yield _gauge(
        f"{name}_mlflow_waiting_runs", "Runs that MLflow has not been told of yet.", [((), reading.untold)]
    )
    if reading.published is not None:
        yield from _of_report(name, reading.published.report)
        yield from _of_run(name, reading.published)


def _of_newest(name: str, run: DriftRun) -> Iterator[GaugeMetricFamily]:
    at = run.ended_at or run.started_at
    yield _gauge(
        f"{name}_last_run_timestamp_seconds",
        "When the newest run ended, or began where it is under way, in seconds since the epoch.",
        [((), at.timestamp())],
    )
    yield _gauge(
        f"{name}_last_run_failed",
        "Whether the newest run failed (1): the score is an older one then.",
        [((), float(run.state is DriftRunState.FAILED))],
    )


def _of_run(name: str, published: PublishedDrift) -> Iterator[GaugeMetricFamily]:
    yield _gauge(
        f"{name}_last_success_timestamp_seconds",
        "When the newest run that made a report ended, in seconds since the epoch.",
        [((), published.made_at.timestamp())],
    )
    run, report = published.run, published.report
    labels = (run.id if run else "", run.model_version if run else "", report.verdict.value)
    yield _gauge(
        f"{name}_report_info",
        "The newest report: the run that made it, the model's version, the verdict in a word.",
        [(labels, 1.0)],
        ("run_id", "model_version", "verdict"),
    )


def _of_report(name: str, report: DriftReport) -> Iterator[GaugeMetricFamily]:
    predictions = report.predictions
    single = (
        (name + "_score", "The drift score, from 0 to 1; none with too little data.", report.score),
        (
            name + "_joint_score",
            "How well a classifier tells reference from current rows.",
            report.joint.value,
        ),
        (
            name + "_prediction_score",
            "The drift score of the predictions alone.",
            predictions.score if predictions else None,
        ),
    )
    for metric, words, value in single:
        if value is not None:
            yield _gauge(metric, words, [((), value)])
    worst = sorted(report.features, key=lambda one: (-one.contribution, one.name))[:MOST_FEATURES]
    yield _gauge(
        f"{name}_feature_score",
        f"What each feature alone gives to the score, before its weight; {MOST_FEATURES} features at most.",
        [((one_line(feature.name, limit=100),), feature.effect) for feature in worst],
        ("feature",),
    )
    yield _gauge(
        f"{name}_sample_size",
        "Rows that were compared; by side.",
        [(("reference",), report.reference.rows), (("current",), report.current.rows)],
        ("side",),
    )
    schema = report.schema
    changes = (("missing", schema.missing), ("added", schema.added), ("retyped", schema.retyped))
    yield _gauge(
        f"{name}_schema_changed_columns",
        "Columns that the schema changed in; by change: missing, added, retyped.",
        [((change,), len(columns)) for change, columns in changes],
        ("change",),
    )


def _gauge(
    name: str,
    words: str,
    values: Iterable[tuple[tuple[str, ...], float]],
    labels: tuple[str, ...] = (),
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for held, value in dict(values).items():
        family.add_metric(held, value)
    return family
