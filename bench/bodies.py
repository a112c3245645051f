"""The webhooks that the benchmarks send, as Alertmanager writes them, and the alerts that make them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

GROUPS = 200
ALERTNAME = "HighAPILatency"


def labels(service: str, pod: int) -> dict[str, str]:
    """The labels of one alert."""
    return {
        "alertname": ALERTNAME,
        "container": "api",
        "instance": f"10.42.0.{pod % 250}:8000",
        "job": "churn-api",
        "namespace": "churn-mlops",
        "pod": f"churn-api-7d9c5b6f4-{pod:05d}",
        "service": service,
        "severity": "warning",
    }


def notes(pod: int) -> dict[str, str]:
    """Its annotations."""
    return {
        "description": f"The 95th percentile of churn-api-7d9c5b6f4-{pod:05d} is above 1 s for 5 minutes.",
        "runbook_url": "https://runbooks.example.org/high-api-latency",
        "summary": "Predictions are slow",
    }


def group(number: int, *, service: str, alerts: int = 2) -> bytes:
    """The body of a webhook of version 4 about one group; each number is a group of its own."""
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = [
        {
            "status": "firing",
            "labels": labels(service, number * 10 + each),
            "annotations": notes(number * 10 + each),
            "startsAt": started,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=histogram_quantile&g0.tab=1",
            "fingerprint": f"{number * 10 + each:016x}",
        }
        for each in range(alerts)
    ]
    key = {"alertname": ALERTNAME, "service": service, "group": str(number)}
    body: dict[str, Any] = {
        "receiver": "lightship",
        "status": "firing",
        "alerts": told,
        "groupLabels": key,
        "commonLabels": {"alertname": ALERTNAME, "service": service, "severity": "warning"},
        "commonAnnotations": {"summary": "Predictions are slow"},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{ALERTNAME}", group="{number}", service="{service}"}}',
        "truncatedAlerts": 0,
    }
    return json.dumps(body).replace("&", "\\u0026").encode()  # as Go writes it
