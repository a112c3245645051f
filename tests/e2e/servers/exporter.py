"""A real exporter with the metric families of the churn service, which a test turns up and down.

Started by the fixture `exporter`. The traffic is not made by a thread: each scrape adds what has come since
the one before, so that rates are right whatever the scrape interval.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tests.e2e.servers.programs import free_port

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

LATENCY_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
MODEL_VERSION = "3"


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """What the service is asked and how it does."""

    calls: float = 10.0  # a second
    latency: float = 0.04  # seconds
    errors: float = 0.0  # the share that fails, 0 to 1
    endpoint: str = "/predict"


class _Moving(Collector):
    """Brings the exporter's counters up to now at the beginning of each scrape."""

    def __init__(self, exporter: "Exporter") -> None:
        self._exporter = exporter

    def describe(self) -> Iterable[Metric]:
        """No family of its own."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Let the exporter catch up; no family of its own."""
        self._exporter.catch_up()
        return []


class Exporter:
    """Serves `/metrics` on `address` (`host:port`) until it is stopped, and again after another `start()`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.registry = CollectorRegistry()
        self.registry.register(_Moving(self))  # first, so that the families after it are up to date
        registry = self.registry
        self.predictions = Counter(
            "churn_predictions_total",
            "Predictions",
            ["model_version", "endpoint", "risk_category"],
            registry=registry,
        )
        self.latency = Histogram(
            "churn_prediction_latency_seconds",
            "Latency",
            ["endpoint"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.errors = Counter("churn_prediction_errors_total", "Errors", ["error_type"], registry=registry)
        self.accuracy = Gauge("churn_model_accuracy", "Accuracy on validation data", registry=registry)
        self.data_quality = Gauge(
            "churn_input_data_quality_score", "Quality of the input", ["check_type"], registry=registry
        )
        self.high_risk = Gauge("churn_high_risk_customers_total", "Customers at high risk", registry=registry)
        self.churn_rate = Gauge("churn_predicted_rate", "Predicted churn rate", registry=registry)
        Info("churn_model", "The model that serves", registry=registry).info({"version": MODEL_VERSION})
        self.accuracy.set(0.9)
        self.data_quality.labels("missing").set(0.99)
        self._traffic = Traffic()
        self._owed = self._owed_errors = 0.0
        self._last = time.monotonic()
        self._lock = threading.Lock()
        self._running: tuple[WSGIServer, threading.Thread] | None = None
        self.catch_up()

    def start(self) -> "Exporter":
        """Serve; the port and the counters stay."""
        server, thread = start_http_server(self.port, "127.0.0.1", self.registry)
        self._running = (server, thread)
        return self

    def stop(self) -> None:
        """Refuse connections, as a service that is down."""
        if self._running:
            server, thread = self._running
            server.shutdown()
            server.server_close()
            thread.join(5)
            self._running = None

    def turn(self, traffic: Traffic) -> None:
        """From now on the service has this traffic."""
        self.catch_up()
        self._traffic = traffic

    def catch_up(self) -> None:
        """Count what has come since the last time."""
        with self._lock:
            now, traffic = time.monotonic(), self._traffic
            elapsed, self._last = now - self._last, now
            self._owed += elapsed * traffic.calls * (1 - traffic.errors)
            self._owed_errors += elapsed * traffic.calls * traffic.errors
            served, failed = int(self._owed), int(self._owed_errors)
            self._owed -= served
            self._owed_errors -= failed
            self.predictions.labels(MODEL_VERSION, traffic.endpoint, "low").inc(served)
            self.errors.labels("ValueError").inc(failed)
            latency = self.latency.labels(traffic.endpoint)
            for _ in range(served):
                latency.observe(traffic.latency)
