"""Alert rules for the tests of `lightship init`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

SHIPPED: Final = Path(__file__).parents[2] / "k8s/monitoring/prometheus-rules.yaml"

PAYMENTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "alert": "PaymentErrors",
        "expr": 'sum(rate(payments_total{outcome="error"}[5m])) / sum(rate(payments_total[5m])) > 0.02',
        "for": "5m",
        "labels": {"severity": "critical", "service": "payments"},
        "annotations": {"summary": "{{ $value }}", "runbook_url": "https://wiki.example/payments"},
    },
    {"alert": "PaymentsDown", "expr": 'up{service="payments"} == 0', "labels": {"severity": "page"}},
    {"alert": "DiskFull", "expr": "node_free < 5", "labels": {"service": "nodes"}},
)
"""Two of a payment service, one by its label and one by its selector, and one of somebody else."""

ODD: Final[tuple[dict[str, Any], ...]] = (
    {"alert": "{{ broken }} \"quoted\" 'both'", "expr": "up > 0"},
    {"alert": "日本", "expr": "up > 0"},
    {
        "alert": "5xxRate",
        "expr": "0.5 < rate(x[5m])",
        "annotations": {"runbook_url": "https://a/{{ $labels.x }}"},
    },
    {"alert": "5xx-rate", "expr": "scalar(up) > 1"},
    {"alert": "NotPromql", "expr": "sum(("},
    {"alert": "Constant", "expr": "1 > 2"},
    {"alert": "Two", "expr": "(a > 1) and on (job) (b > 2)", "for": "1h30m"},
    {"alert": "Absent", "expr": "absent(up)", "for": "later"},
    {"alert": "Number", "expr": 1},
    {"alert": "true", "expr": "up != 1"},
)


def as_file(path: Path, rules: tuple[dict[str, Any], ...]) -> Path:
    """A rule file of one group."""
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump({"groups": [{"name": "all", "rules": list(rules)}]}, stream)
    return path
