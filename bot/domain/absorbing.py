"""What a webhook means for an incident: `absorb`, called by the merging engine; pure.

The alerts are merged one by one (`bot.domain.alerts`), then the incident follows from what burns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.alerts import AlertStatus, merge
from bot.domain.drills import titled
from bot.domain.incidents import (
    Incident,
    IncidentState,
    Resolution,
    classify_worst,
    end,
    reclassify,
    reopen,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain.alerts import Alert, AlertGroup, TrackedAlert
    from bot.domain.incidents import Classification, IncidentKey, IntakeRules


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
    drill: str = "",
) -> Intake:
    """Decide what the part of a webhook that belongs to `key` means, given the newest incident with that key.

    Alerts missing from the payload keep what is known of them: absent never means resolved. Where alerts
    were left out of the message (`max_alerts`) nothing tells whether those burn: the reconciliation with
    Alertmanager's own list ends the incident then.
    """
    tracked, fired = _merge_all(last.alerts if last else (), group, received_at=received_at, rules=rules)
    firing = [t for t in tracked if t.status(settle=rules.resolve_settle) is AlertStatus.FIRING]
    if last is None or (last.state is IncidentState.RESOLVED and fired and _is_over(last, now, rules)):
        if not firing:
            return Intake(reason=IntakeReason.NOTHING_FIRING, incident=None)
        return Intake(
            reason=IntakeReason.OPENED,
            incident=_open(
                group, tuple(firing), key=key, channel=channel, now=now, classify=classify, drill=drill
            ),
        )
    seen = replace(last, alerts=tracked, external_url=group.external_url, truncated=group.truncated)
    if last.state is IncidentState.RESOLVED:
        if fired:
            again = reopen(seen, now=now)
            return Intake(reason=IntakeReason.REOPENED, incident=reclassify(again, classify, rules))
    elif not firing and not group.truncated:
        ended = end(seen, Resolution.ALERTS_RESOLVED, now=now)
        return Intake(reason=IntakeReason.RESOLVED, incident=ended)
    seen = reclassify(seen, classify, rules) if firing else seen
    if _looks_alike(seen, last, rules):
        # Kept all the same: the times of the last telling decide over the next one.
        return Intake(reason=IntakeReason.REPEATED, incident=seen)
    return Intake(
        reason=IntakeReason.CHANGED, incident=replace(seen, updated_at=now, revision=seen.revision + 1)
    )


def _merge_all(
    before: tuple[TrackedAlert, ...], group: AlertGroup, *, received_at: datetime, rules: IntakeRules
) -> tuple[tuple[TrackedAlert, ...], bool]:
    """What is known afterwards, and whether something newly fires. One fingerprint may be told twice."""
    known = {t.alert.fingerprint: t for t in before}
    fired = False
    for told in group.alerts:
        merged = merge(
            known.get(told.fingerprint), told, received_at=received_at, settle=rules.resolve_settle
        )
        known[told.fingerprint] = merged.tracked
        fired = fired or merged.newly_fired(settle=rules.resolve_settle)
    kept = (t for t in known.values() if not _is_forgotten(t, received_at, rules))
    return tuple(kept), fired


def _is_forgotten(tracked: TrackedAlert, now: datetime, rules: IntakeRules) -> bool:
    if tracked.status(settle=rules.resolve_settle) is AlertStatus.FIRING or tracked.last_resolve is None:
        return False
    return now - tracked.last_resolve > rules.forget_resolved


def _open(
    group: AlertGroup,
    firing: tuple[TrackedAlert, ...],
    *,
    key: IncidentKey,
    channel: str,
    now: datetime,
    classify: Callable[[Alert], Classification],
    drill: str,
) -> Incident:
    severity, title, runbook, others = classify_worst(tuple(t.alert for t in firing), classify)
    return Incident(
        key=key,
        channel=channel,
        state=IncidentState.TRIGGERED,
        severity=severity,
        title=titled(title, drill),
        drill=drill,
        runbook=runbook,
        other_runbooks=others,
        alerts=firing,
        group_labels=group.group_labels,
        external_url=group.external_url,
        truncated=group.truncated,
        opened_at=now,
        updated_at=now,
    )


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
