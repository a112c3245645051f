"""Alerts as Alertmanager tells them, and the merge of what was told more than once, late or out of order.

Called by the intake engine. The merge is a join of a semilattice (commutative, associative, idempotent), so
replicas may see the same tellings in any order and agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


class AlertStatus(StrEnum):
    """What Alertmanager says of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One alert of a webhook. Texts are data from outside: never a template, never unescaped."""

    fingerprint: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The `alertname` label, or words that say it is missing."""
        return self.labels.get("alertname") or "alert without a name"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertGroup:
    """One webhook's content: the alerts of one Alertmanager group for one receiver."""

    source: str
    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    external_url: str
    truncated: int
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackedAlert:
    """What is known of one alert: its newest start, and when each status was last received for that start."""

    alert: Alert
    last_firing: datetime | None
    last_resolve: datetime | None

    def status(self, *, settle: timedelta) -> AlertStatus:
        """Resolved, unless a firing came in more than `settle` after the last resolve."""
        if self.last_resolve is None:
            return AlertStatus.FIRING
        if self.last_firing is not None and self.last_firing > self.last_resolve + settle:
            return AlertStatus.FIRING
        return AlertStatus.RESOLVED


class MergeReason(StrEnum):
    """Why a telling changed what is known, or did not."""

    NEW = "new"
    NEWER_START = "newer_start"
    OLDER_START = "older_start"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    SETTLED = "settled"
    FIRES_AGAIN = "fires_again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """The outcome of one telling: why, and what is known from now on."""

    reason: MergeReason
    tracked: TrackedAlert

    def newly_fired(self, *, settle: timedelta) -> bool:
        """Whether this telling is news of something that burns, not a repeat of it."""
        began = self.reason in {MergeReason.NEW, MergeReason.NEWER_START, MergeReason.FIRES_AGAIN}
        return began and self.tracked.status(settle=settle) is AlertStatus.FIRING


def track(alert: Alert, *, received_at: datetime) -> TrackedAlert:
    """What one telling alone says."""
    firing = alert.status is AlertStatus.FIRING
    return TrackedAlert(
        alert=alert,
        last_firing=received_at if firing else None,
        last_resolve=None if firing else received_at,
    )


def merge(known: TrackedAlert | None, told: Alert, *, received_at: datetime, settle: timedelta) -> Merge:
    """Join one telling, received at `received_at`, into what is known of the same fingerprint."""
    incoming = track(told, received_at=received_at)
    if known is None:
        return Merge(reason=MergeReason.NEW, tracked=incoming)
    if told.starts_at < known.alert.starts_at:
        return Merge(reason=MergeReason.OLDER_START, tracked=known)
    if told.starts_at > known.alert.starts_at:
        return Merge(reason=MergeReason.NEWER_START, tracked=incoming)
    joined = _join_same_start(known, incoming)
    before, after = known.status(settle=settle), joined.status(settle=settle)
    match before, after, told.status:
        case AlertStatus.FIRING, AlertStatus.RESOLVED, _:
            reason = MergeReason.RESOLVED
        case AlertStatus.RESOLVED, AlertStatus.FIRING, _:
            reason = MergeReason.FIRES_AGAIN
        case AlertStatus.RESOLVED, AlertStatus.RESOLVED, AlertStatus.FIRING:
            reason = MergeReason.SETTLED
        case _:
            reason = MergeReason.REPEAT
    return Merge(reason=reason, tracked=joined)


def _join_same_start(a: TrackedAlert, b: TrackedAlert) -> TrackedAlert:
    # The newer telling's words win; equal times are broken by the words, so that the order never counts.
    newest = max((a, b), key=_recency)
    return replace(
        newest,
        last_firing=_later(a.last_firing, b.last_firing),
        last_resolve=_later(a.last_resolve, b.last_resolve),
    )


def _recency(tracked: TrackedAlert) -> tuple[datetime, str]:
    times = [t for t in (tracked.last_firing, tracked.last_resolve) if t is not None]
    alert = tracked.alert
    words = repr((sorted(alert.annotations.items()), alert.status, alert.ends_at, alert.generator_url))
    return max(times), words


def _later(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return max(a, b)
