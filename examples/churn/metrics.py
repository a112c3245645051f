"""The service's metric families, and the tracker that times predictions.

The names, labels and buckets are those that dashboards and alert rules read. `churn_model_drift_score` is not
here: only Lightship exports it. `churn_high_risk_customers_total` is a gauge with a counter's name, which is
why `promtool check metrics` complains once; renaming it would break the dashboards that exist.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from examples.churn.scoring import Prediction

P = ParamSpec("P")
R = TypeVar("R")

RECENT: Final = 1_000
"""The share of churners and the number at high risk are those among so many newest predictions."""


class Metrics:
    """All families on one registry; one object an app, so that tests do not share counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._recent: deque[tuple[bool, bool]] = deque(maxlen=RECENT)
        registry = self.registry
        self.model = Info("churn_model", "Current model version", registry=registry)
        self.accuracy = Gauge("churn_model_accuracy", "Model accuracy on validation set", registry=registry)
        self.predictions = Counter(
            "churn_predictions_total",
            "Total predictions made",
            ["model_version", "endpoint", "risk_category"],
            registry=registry,
        )
        self.latency = Histogram(
            "churn_prediction_latency_seconds",
            "Prediction latency",
            ["endpoint"],
            buckets=[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0],
            registry=registry,
        )
        self.errors = Counter(
            "churn_prediction_errors_total", "Prediction errors", ["error_type"], registry=registry
        )
        self.quality = Gauge(
            "churn_input_data_quality_score", "Input data quality score", ["check_type"], registry=registry
        )
        self.batch_size = Histogram(
            "churn_batch_size",
            "Batch prediction size",
            buckets=[1, 10, 50, 100, 500, 1000, 5000, 10000],
            registry=registry,
        )
        self.high_risk = Gauge(
            "churn_high_risk_customers_total", "Number of high-risk customers", registry=registry
        )
        self.churn_rate = Gauge("churn_predicted_rate", "Predicted churn rate", registry=registry)

    def serves(self, *, version: str, name: str, accuracy: float | None) -> None:
        """Say which model answers from now on."""
        self.model.info({"name": name, "version": version})
        if accuracy is not None:
            self.accuracy.set(accuracy)

    def predicted(self, predictions: Iterable[Prediction], *, version: str, endpoint: str) -> None:
        """Count what was predicted, and what it says of the business."""
        for prediction in predictions:
            self.predictions.labels(version, endpoint, prediction.risk_category).inc()
            self._recent.append((prediction.risk_category == "high", prediction.will_churn))
        self.high_risk.set(sum(high for high, _ in self._recent))
        self.churn_rate.set(sum(churns for _, churns in self._recent) / max(len(self._recent), 1))

    def track_latency(self, endpoint: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorates a function, sync or async: each call is timed, failing ones too, which are counted."""

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def timed_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                    with self._timed(endpoint):
                        return await function(*args, **kwargs)

                return cast("Callable[P, R]", timed_coroutine)

            @functools.wraps(function)
            def timed(*args: P.args, **kwargs: P.kwargs) -> R:
                with self._timed(endpoint):
                    return function(*args, **kwargs)

            return timed

        return decorate

    @contextmanager
    def _timed(self, endpoint: str) -> Iterator[None]:
        started = self._clock()
        try:
            yield
        except Exception as error:
            self.errors.labels(error_type=type(error).__name__).inc()
            raise
        finally:
            self.latency.labels(endpoint=endpoint).observe(self._clock() - started)
