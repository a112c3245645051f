"""Values that tests start from; each takes what the test is about and fills in the rest."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from bot.domain.actors import user
from bot.domain.alerts import Alert, AlertGroup, AlertStatus, TrackedAlert
from bot.domain.approvals import Approval, plan_digest
from bot.domain.deliveries import Delivery
from bot.domain.drift import (
    ALERT_ABOVE,
    ColumnSummary,
    DriftReport,
    DriftSide,
    DriftTest,
    FeatureDrift,
    JointDrift,
    NotCompared,
    SchemaChanges,
    verdict_of,
)
from bot.domain.incidents import Incident, IncidentKey, IncidentState
from bot.domain.messages import Message, MessageKind
from bot.domain.remedies import Action, Change, Plan, Target
from bot.domain.severity import Severity
from bot.testing import START

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_NUMBERS = count(1)


def make_alert(
    name: str = "HighLatency",
    *,
    pod: str = "api-1",
    status: AlertStatus = AlertStatus.FIRING,
    starts_at: datetime = START,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Alert:
    """An alert of the churn service; its fingerprint follows from name and pod."""
    told = {"alertname": name, "pod": pod, "service": "churn", "severity": "warning", **(labels or {})}
    return Alert(
        fingerprint=f"{name}/{pod}",
        status=status,
        labels=told,
        annotations=annotations or {},
        starts_at=starts_at,
        ends_at=None,
    )


def make_group(*alerts: Alert, key: str = '{}:{alertname="HighLatency"}', source: str = "") -> AlertGroup:
    """A webhook's group."""
    return AlertGroup(
        source=source,
        receiver="lightship",
        group_key=key,
        group_labels={"alertname": "HighLatency"},
        external_url="http://alertmanager.example:9093",
        truncated=0,
        alerts=alerts or (make_alert(),),
    )


def make_delivery(group: AlertGroup | None = None, *, received_at: datetime = START) -> Delivery:
    """An accepted webhook."""
    return Delivery(id=f"delivery-{next(_NUMBERS)}", received_at=received_at, group=group or make_group())


def make_key(group_key: str = "{}:{}", service: str = "churn") -> IncidentKey:
    """An incident's key."""
    return IncidentKey(source="", receiver="lightship", group_key=group_key, service=service)


def make_incident(**changes: Any) -> Incident:
    """An incident that was not kept yet."""
    values: dict[str, Any] = {
        "key": make_key(),
        "channel": "C0CHURN",
        "state": IncidentState.TRIGGERED,
        "severity": Severity.P3,
        "title": "HighLatency",
        "runbook": "high-latency",
        "alerts": (TrackedAlert(alert=make_alert(), last_firing=START, last_resolve=None),),
        "group_labels": {"alertname": "HighLatency"},
        "opened_at": START,
        "updated_at": START,
    }
    return Incident(**{**values, **changes})


def make_message(subject: str = "1", **changes: Any) -> Message:
    """A notice that is to be posted."""
    values: dict[str, Any] = {
        "id": f"message-{next(_NUMBERS)}",
        "kind": MessageKind.NOTICE,
        "subject": subject,
        "channel": "C0CHURN",
        "thread_of": None,
        "incident_id": None,
        "urgency": 3,
        "desired_revision": 1,
        "created_at": START,
    }
    return Message(**{**values, **changes})


def make_plan(*, service: str = "churn") -> Plan:
    """A plan to scale from three replicas to six."""
    return Plan(
        action=Action.SCALE,
        service=service,
        target=Target(kind="Deployment", namespace="churn-mlops", name="churn-api"),
        arguments={"replicas": 6, "factor": 2.0, "note": "2"},
        changes=(Change(field="replicas", before="3", after="6"),),
        resource_version="41",
        observed={"replicas": 3},
        notes=("no budget",),
    )


def make_approval(*, service: str = "churn") -> Approval:
    """A request for approval."""
    number = f"approval-{next(_NUMBERS)}"
    plan, alice = make_plan(service=service), user("U0ALICE")
    return Approval(
        id=number,
        incident_id=None,
        plan=plan,
        digest=plan_digest(plan, approval_id=number, requester=alice),
        requester=alice,
        reason="traffic",
        requested_at=START,
        expires_at=START + timedelta(minutes=30),
    )


def make_drift_report(*, score: float | None = 0.42, **changes: Any) -> DriftReport:
    """A report over four columns, two of which moved."""
    moved = score is not None and score > ALERT_ABOVE
    values: dict[str, Any] = {
        "verdict": verdict_of(score),
        "score": score,
        "reason": "" if score is not None else "150 rows are fewer than the 200 that a verdict needs",
        "seed_score": 0.5,
        "joint": JointDrift(value=0.2),
        "features": (
            make_feature_drift("tenure", effect=0.8 if moved else 0.0),
            make_feature_drift("monthly_charges", effect=0.3 if moved else 0.0),
            make_feature_drift("contract", test=DriftTest.CHI2, effect=0.0),
        ),
        "not_compared": (NotCompared(name="customer_id", reason="excluded"),),
        "schema": SchemaChanges(added=("referrer",)),
        "reference": DriftSide(name="reference.parquet", rows=7000, model_version="7"),
        "current": DriftSide(name="current", rows=1200),
    }
    return DriftReport(**{**values, **changes})


def make_feature_drift(name: str, *, test: DriftTest = DriftTest.KS, effect: float = 0.5) -> FeatureDrift:
    """A compared column with what a report knows of both sides."""
    categories = test is DriftTest.CHI2

    def side(rows: int, shift: float) -> ColumnSummary:
        if categories:
            levels = (("monthly", 0.6 - shift), ("yearly", 0.4 + shift))
            return ColumnSummary(rows=rows, missing=0.0, top=levels)
        return ColumnSummary(rows=rows, missing=0.01, minimum=0.0, median=30 - 20 * shift, maximum=72.0)

    return FeatureDrift(
        name=name,
        test=test,
        statistic=0.31,
        p_value=0.0001,
        q_value=0.0004,
        distance=effect / 2.5,
        bracket=(effect / 2.5, effect / 2.5),
        unseen=0.0,
        unseen_content=(),
        effect=effect,
        weight=1.0,
        reason="the median fell from 30 to 14" if effect else "no difference that matters",
        reference=side(7000, 0.0),
        current=side(1200, effect),
    )
