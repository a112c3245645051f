"""Incidents: one alert group of one service, from its first firing to its resolve.

Webhooks (`bot.domain.absorbing`), the changes made by hand (acknowledge, resolve) and the reconciliation with
Alertmanager use the same transition table. Called by the engines; pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.alerts import Alert, AlertStatus, TrackedAlert
from bot.domain.drills import titled
from bot.domain.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.domain.actors import Actor


class IncidentState(StrEnum):
    """Where an incident stands."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """How an incident came to its end."""

    ALERTS_RESOLVED = "alerts_resolved"
    BY_HAND = "by_hand"
    GONE = "gone_from_alertmanager"


class Suppression(StrEnum):
    """Why Alertmanager holds an alert and notifies nobody of it."""

    SILENCED = "silenced"
    INHIBITED = "inhibited"


class Turn(StrEnum):
    """What happened to an incident; the input of the transition table."""

    ACKNOWLEDGE = "acknowledge"
    END = "end"
    FIRE_AGAIN = "fire_again"


TRANSITIONS: Mapping[tuple[IncidentState, Turn], IncidentState] = {
    (IncidentState.TRIGGERED, Turn.ACKNOWLEDGE): IncidentState.ACKNOWLEDGED,
    (IncidentState.TRIGGERED, Turn.END): IncidentState.RESOLVED,
    (IncidentState.ACKNOWLEDGED, Turn.END): IncidentState.RESOLVED,
    (IncidentState.RESOLVED, Turn.FIRE_AGAIN): IncidentState.TRIGGERED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentKey:
    """What makes two webhooks speak of the same incident."""

    source: str
    receiver: str
    group_key: str
    service: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """What an alert means to its service: its severity, and the name of its runbook when there is one."""

    severity: Severity
    runbook: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceMark:
    """The Alertmanager silence that was made for an incident."""

    id: str
    by: Actor
    reason: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One incident. `id` is 0 until the store has given it its number; `revision` counts visible changes.

    `missing` (since when) and `suppressed` hold, by fingerprint, what Alertmanager's own list said of firing
    alerts; `bot.domain.reconciling` writes them. `drill` is the id of the
    drill that it is. Below `escalated` the severity does not fall until it is reopened.
    """

    id: int = 0
    key: IncidentKey
    channel: str
    state: IncidentState
    severity: Severity
    title: str
    runbook: str | None
    other_runbooks: tuple[str, ...] = ()
    alerts: tuple[TrackedAlert, ...]
    group_labels: Mapping[str, str]
    external_url: str = ""
    truncated: int = 0
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: Actor | None = None
    resolved_at: datetime | None = None
    resolved_by: Actor | None = None
    resolution: Resolution | None = None
    silence: SilenceMark | None = None
    missing: Mapping[str, datetime] = field(default_factory=dict)
    suppressed: Mapping[str, Suppression] = field(default_factory=dict)
    reopened: int = 0
    escalated: Severity | None = None
    drill: str = ""
    revision: int = 1

    def firing(self, *, settle: timedelta) -> tuple[Alert, ...]:
        """The alerts that fire now, in the order they were first told."""
        return tuple(t.alert for t in self.alerts if t.status(settle=settle) is AlertStatus.FIRING)


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeRules:
    """The configured numbers that decide over webhooks.

    An alert that was resolved for longer than `forget_resolved` is known no more: pods come and go, and an
    incident that stays open for weeks must not grow with them.
    """

    resolve_settle: timedelta
    reopen_within: timedelta
    forget_resolved: timedelta = timedelta(days=1)


def acknowledge(incident: Incident, *, by: Actor, now: datetime) -> Incident | None:
    """The acknowledged incident, or None where its state has no such transition."""
    state = TRANSITIONS.get((incident.state, Turn.ACKNOWLEDGE))
    if state is None:
        return None
    return replace(
        incident,
        state=state,
        acknowledged_at=now,
        acknowledged_by=by,
        updated_at=now,
        revision=incident.revision + 1,
    )


def end(
    incident: Incident, resolution: Resolution, *, now: datetime, by: Actor | None = None
) -> Incident | None:
    """The resolved incident, or None where it is resolved already."""
    state = TRANSITIONS.get((incident.state, Turn.END))
    if state is None:
        return None
    return replace(
        incident,
        state=state,
        resolution=resolution,
        resolved_at=now,
        resolved_by=by,
        updated_at=now,
        revision=incident.revision + 1,
    )


def reopen(incident: Incident, *, now: datetime) -> Incident:
    """The incident triggered anew; who acknowledged it before has to say so again."""
    state = TRANSITIONS[(incident.state, Turn.FIRE_AGAIN)]
    return replace(
        incident,
        state=state,
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        resolved_by=None,
        resolution=None,
        escalated=None,
        reopened=incident.reopened + 1,
        updated_at=now,
        revision=incident.revision + 1,
    )


def reclassify(
    incident: Incident, classify: Callable[[Alert], Classification], rules: IntakeRules
) -> Incident:
    """Severity, title and runbook of the worst firing alert; unchanged where nothing fires."""
    firing = incident.firing(settle=rules.resolve_settle)
    if not firing:
        return incident
    severity, title, runbook, others = classify_worst(firing, classify)
    if incident.escalated is not None:
        severity = Severity.worst(severity, incident.escalated)
    title = titled(title, incident.drill)
    return replace(incident, severity=severity, title=title, runbook=runbook, other_runbooks=others)


def worst_first(
    alerts: tuple[Alert, ...], classify: Callable[[Alert], Classification]
) -> tuple[tuple[Alert, Classification], ...]:
    """Alerts with their classification: by severity, then the longest burning, then by name for stability."""
    rated = ((alert, classify(alert)) for alert in alerts)
    return tuple(
        sorted(rated, key=lambda r: (r[1].severity.rank, r[0].starts_at, r[0].name, r[0].fingerprint))
    )


def classify_worst(
    firing: tuple[Alert, ...], classify: Callable[[Alert], Classification]
) -> tuple[Severity, str, str | None, tuple[str, ...]]:
    """Severity, title and runbook of the worst of the alerts, and the runbooks of the others."""
    rated = worst_first(firing, classify)
    worst, meaning = rated[0]
    others = dict.fromkeys(c.runbook for _, c in rated if c.runbook and c.runbook != meaning.runbook)
    return meaning.severity, worst.name, meaning.runbook, tuple(others)
