"""What runbook text can see: an alert, its incident and service, and what the checks found.

Built by whoever renders a runbook; `bot.rendering.evidence` gives evidence its findings. `CONTEXT_NAMES` of
`bot.rendering.templates` has the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.domain.alerts import Alert
    from bot.domain.findings import Finding
    from bot.domain.incidents import Incident
    from bot.domain.runbooks import Runbook


def text_context(
    *,
    runbook: Runbook,
    alert: Alert | None = None,
    incident: Mapping[str, object] | None = None,
    service: Mapping[str, object] | None = None,
    findings: Iterable[Finding] = (),
) -> dict[str, object]:
    """The context of one rendering; without an alert there are no labels, and naming one is a fault."""
    labels = dict(alert.labels) if alert else {}
    annotations = dict(alert.annotations) if alert else {}
    return {
        "alert": {
            "name": alert.name if alert else runbook.name,
            "status": str(alert.status) if alert else "",
            "starts_at": alert.starts_at if alert else None,
            "labels": labels,
            "annotations": annotations,
        },
        "labels": labels,
        "annotations": annotations,
        "incident": dict(incident or {}),
        "service": dict(service or {}),
        "findings": {finding.check: finding_values(finding) for finding in findings},
        "runbook": {
            "name": runbook.name,
            "title": runbook.title,
            "severity": str(runbook.severity or ""),
        },
    }


def finding_values(finding: Finding) -> dict[str, object]:
    """The facts of a finding beside its `verdict`, `summary` and `target`.

    A fact named `p95_latency.value` is read as `findings.metrics.p95_latency.value`.
    """
    values: dict[str, Any] = {}
    for name, fact in finding.facts.items():
        if fact is None:
            continue  # not measured is not known: evidence that names it is neither for nor against
        *around, last = name.split(".")
        inner = values
        for part in around:
            below = inner.get(part)
            deeper: dict[str, Any] = below if isinstance(below, dict) else {}
            inner[part] = deeper
            inner = deeper
        inner[last] = fact
    return {
        **values,
        "verdict": str(finding.verdict),
        "summary": finding.summary,
        "target": finding.target,
    }


def incident_words(incident: Incident) -> dict[str, object]:
    """What a runbook's text can name of its incident."""
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": incident.severity.value,
        "state": incident.state.value,
        "opened_at": incident.opened_at,
        "reopened": incident.reopened,
        "alerts": len(incident.alerts),
    }
