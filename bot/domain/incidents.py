"""Incidents: one alert group of one service, from its first firing to its resolve.

`absorb` says what a webhook means for an incident; the hand-made changes (acknowledge, resolve) and the
reconciliation with Alertmanager use the same transition table. Called by the engines; pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.alerts import Alert, AlertGroup, AlertStatus, TrackedAlert, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from bot.domain.actors import Actor
    from bot.domain.severity import Severity


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
    """One incident. `id` is 0 until the store has given it its number; `revision` counts visible changes."""

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
    reopened: int = 0
    revision: int = 1

    def firing(self, *, settle: timedelta) -> tuple[Alert, ...]:
        """The alerts that fire now, in the order they were first told."""
        return tuple(t.alert for t in self.alerts if t.status(settle=settle) is AlertStatus.FIRING)


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeRules:
    """The configured numbers that decide over webhooks."""

    resolve_settle: timedelta
    reopen_within: timedelta


class IntakeReason(StrEnum):
    """What a webhook meant for one incident."""

    OPENED = "opened"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    CHANGED = "changed"
    REPEATED = "repeated"
    NOTHING_FIRING = "nothing_firing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """The outcome: why, and the incident to keep; None when there is nothing to keep.

    With `OPENED` the incident is a new one (id 0), even where an older one with the same key was given.
    """

    reason: IntakeReason
    incident: Incident | None


def absorb(
    last: Incident | None,
    group: AlertGroup,
    *,
    key: IncidentKey,
    channel: str,
    received_at: datetime,
    now: datetime,
    rules: IntakeRules,
    classify: Callable[[Alert], Classification],
) -> Intake:
    """Decide what the part of a webhook that belongs to `key` means, given the newest incident with that key.

    Alerts missing from the payload keep what is known of them: absent never means resolved.
    """
    known = {t.alert.fingerprint: t for t in last.alerts} if last else {}
    merges = {
        told.fingerprint: merge(
            known.get(told.fingerprint), told, received_at=received_at, settle=rules.resolve_settle
        )
        for told in group.alerts
    }
    tracked = tuple({**known, **{name: m.tracked for name, m in merges.items()}}.values())
    fired = any(m.newly_fired(settle=rules.resolve_settle) for m in merges.values())
    firing = [t for t in tracked if t.status(settle=rules.resolve_settle) is AlertStatus.FIRING]
    if last is None or (last.state is IncidentState.RESOLVED and fired and _is_over(last, now, rules)):
        if not firing:
            return Intake(reason=IntakeReason.NOTHING_FIRING, incident=None)
        return Intake(
            reason=IntakeReason.OPENED,
            incident=_open(group, tuple(firing), key=key, channel=channel, now=now, classify=classify),
        )
    seen = replace(last, alerts=tracked, external_url=group.external_url, truncated=group.truncated)
    if last.state is IncidentState.RESOLVED:
        if fired:
            again = reopen(seen, now=now)
            return Intake(reason=IntakeReason.REOPENED, incident=reclassify(again, classify, rules))
    elif not firing:
        ended = end(seen, Resolution.ALERTS_RESOLVED, now=now)
        return Intake(reason=IntakeReason.RESOLVED, incident=ended)
    seen = reclassify(seen, classify, rules) if firing else seen
    if _looks_alike(seen, last, rules):
        # Kept all the same: the times of the last telling decide over the next one.
        return Intake(reason=IntakeReason.REPEATED, incident=seen)
    return Intake(
        reason=IntakeReason.CHANGED, incident=replace(seen, updated_at=now, revision=seen.revision + 1)
    )


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
    severity, title, runbook, others = _classified(firing, classify)
    return replace(incident, severity=severity, title=title, runbook=runbook, other_runbooks=others)


def _open(
    group: AlertGroup,
    firing: tuple[TrackedAlert, ...],
    *,
    key: IncidentKey,
    channel: str,
    now: datetime,
    classify: Callable[[Alert], Classification],
) -> Incident:
    severity, title, runbook, others = _classified(tuple(t.alert for t in firing), classify)
    return Incident(
        key=key,
        channel=channel,
        state=IncidentState.TRIGGERED,
        severity=severity,
        title=title,
        runbook=runbook,
        other_runbooks=others,
        alerts=firing,
        group_labels=group.group_labels,
        external_url=group.external_url,
        truncated=group.truncated,
        opened_at=now,
        updated_at=now,
    )


def worst_first(
    alerts: tuple[Alert, ...], classify: Callable[[Alert], Classification]
) -> tuple[tuple[Alert, Classification], ...]:
    """Alerts with their classification: by severity, then the longest burning, then by name for stability."""
    rated = ((alert, classify(alert)) for alert in alerts)
    return tuple(
        sorted(rated, key=lambda r: (r[1].severity.rank, r[0].starts_at, r[0].name, r[0].fingerprint))
    )


def _classified(
    firing: tuple[Alert, ...], classify: Callable[[Alert], Classification]
) -> tuple[Severity, str, str | None, tuple[str, ...]]:
    rated = worst_first(firing, classify)
    worst, meaning = rated[0]
    others = dict.fromkeys(c.runbook for _, c in rated if c.runbook and c.runbook != meaning.runbook)
    return meaning.severity, worst.name, meaning.runbook, tuple(others)


def _is_over(last: Incident, now: datetime, rules: IntakeRules) -> bool:
    return last.resolved_at is not None and now - last.resolved_at > rules.reopen_within


def _looks_alike(a: Incident, b: Incident, rules: IntakeRules) -> bool:
    return _face(a, rules) == _face(b, rules)


def _face(incident: Incident, rules: IntakeRules) -> tuple[object, ...]:
    alerts = tuple(
        (
            t.alert.fingerprint,
            t.status(settle=rules.resolve_settle),
            t.alert.starts_at,
            tuple(sorted(t.alert.annotations.items())),
        )
        for t in incident.alerts
    )
    return (alerts, incident.severity, incident.runbook, incident.truncated, incident.external_url)
