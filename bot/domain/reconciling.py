"""What Alertmanager's own list of alerts means for an incident; called by the reconciling engine, pure.

Some resolves never come: of an alert that ends while it is silenced, with `send_resolved: false`, after the
route was changed. So incidents are compared with what Alertmanager holds. An alert that is missing there for
longer than `resolve_timeout` has ended when it went missing, and an incident of which nothing burns closes.
Only what was looked at counts: an Alertmanager that has just started knows less than there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.alerts import AlertStatus
from bot.domain.incidents import IncidentState, Resolution, Suppression, end, reclassify, reopen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.domain.alerts import Alert, TrackedAlert
    from bot.domain.incidents import Classification, Incident, IntakeRules, SilenceMark

LEFT_OUT: Final = ""
"""The name, in `Incident.missing`, of the alerts that were left out of a message (`max_alerts`)."""

_MARGIN: Final = 1.5
_SAME_TIME: Final = timedelta(seconds=1)
"""Alertmanager's API cuts times to milliseconds, its webhooks do not."""
_NEW_SILENCE: Final = timedelta(minutes=1)
"""A silence may be made after the list was asked for, and takes a moment to reach Alertmanager's peers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconcileRules:
    """The configured numbers, and the `source` of the webhooks of the Alertmanager that is asked."""

    resolve_timeout: timedelta
    intake: IntakeRules
    source: str = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldAlert:
    """An alert that Alertmanager holds. No `receivers` means that they are not known."""

    labels: Mapping[str, str]
    starts_at: datetime
    receivers: tuple[str, ...] = ()
    suppression: Suppression | None = None

    def is_for(self, receiver: str) -> bool:
        """Whether its routes lead to that receiver now."""
        return not self.receivers or receiver in self.receivers


class Trust(StrEnum):
    """Whether Alertmanager's list may close anything."""

    FULL = "full"
    JUST_STARTED = "just_started"


class ReconcileReason(StrEnum):
    """What the list meant for one incident."""

    OTHER_SOURCE = "other_source"
    UNCHANGED = "unchanged"
    NOTED = "noted"
    CHANGED = "changed"
    GONE = "gone"
    FIRES_AGAIN = "fires_again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """The outcome. `NOTED` is to be kept but shows nothing new; the revision counts what shows."""

    reason: ReconcileReason
    incident: Incident


def trust(started_at: datetime, *, now: datetime, rules: ReconcileRules) -> Trust:
    """Prometheus tells a fresh Alertmanager of its alerts within minutes, not at once."""
    young = now - started_at < rules.resolve_timeout * _MARGIN
    return Trust.JUST_STARTED if young else Trust.FULL


def reconcile(
    incident: Incident,
    held: Mapping[str, HeldAlert],
    *,
    now: datetime,
    rules: ReconcileRules,
    classify: Callable[[Alert], Classification],
    is_own: Callable[[HeldAlert], bool],
) -> Reconciliation:
    """Compare one incident with what Alertmanager holds, by fingerprint.

    `is_own` says whether an alert would go to the incident's service; it is asked only where Alertmanager
    left alerts out of its message, so that they keep the incident open although they have no names here.
    """
    if incident.key.source != rules.source:
        return Reconciliation(reason=ReconcileReason.OTHER_SOURCE, incident=incident)
    looked = _look(incident, held, now=now, rules=rules)
    seen = replace(incident, alerts=looked.alerts, missing=looked.missing, suppressed=looked.suppressed)
    if incident.state is IncidentState.RESOLVED:
        return _of_resolved(incident, seen, looked, now=now, rules=rules, classify=classify)
    if not seen.firing(settle=rules.intake.resolve_settle):
        since = _burns_unnamed(seen, held, is_own=is_own, before=incident.missing, now=now)
        if not incident.truncated or (since is not None and now - since > rules.resolve_timeout):
            ended = end(replace(seen, missing={}, suppressed={}), Resolution.GONE, now=now)
            return Reconciliation(reason=ReconcileReason.GONE, incident=ended or seen)
        seen = replace(seen, missing={} if since is None else {LEFT_OUT: since})
    if looked.turned or dict(seen.suppressed) != dict(incident.suppressed):
        return _changed(reclassify(seen, classify, rules.intake), now)
    return _noted(incident, seen)


def _of_resolved(
    before: Incident,
    seen: Incident,
    looked: _Looked,
    *,
    now: datetime,
    rules: ReconcileRules,
    classify: Callable[[Alert], Classification],
) -> Reconciliation:
    seen = replace(seen, suppressed={})
    if looked.burns_again:
        again = reclassify(reopen(seen, now=now), classify, rules.intake)
        return Reconciliation(reason=ReconcileReason.FIRES_AGAIN, incident=again)
    return _changed(seen, now) if looked.turned else _noted(before, seen)


def _changed(seen: Incident, now: datetime) -> Reconciliation:
    shown = replace(seen, updated_at=now, revision=seen.revision + 1)
    return Reconciliation(reason=ReconcileReason.CHANGED, incident=shown)


def _noted(before: Incident, seen: Incident) -> Reconciliation:
    if dict(seen.missing) == dict(before.missing) and dict(seen.suppressed) == dict(before.suppressed):
        return Reconciliation(reason=ReconcileReason.UNCHANGED, incident=before)
    return Reconciliation(reason=ReconcileReason.NOTED, incident=seen)


@dataclass(kw_only=True, slots=True)
class _Looked:
    """What the list says of an incident's alerts; `turned` where one ended or burns again."""

    alerts: tuple[TrackedAlert, ...] = ()
    missing: dict[str, datetime] = field(default_factory=dict)
    suppressed: dict[str, Suppression] = field(default_factory=dict)
    turned: bool = False
    burns_again: bool = False


def _look(
    incident: Incident, held: Mapping[str, HeldAlert], *, now: datetime, rules: ReconcileRules
) -> _Looked:
    looked, settle = _Looked(), rules.intake.resolve_settle
    alerts = []
    for known in incident.alerts:
        name = known.alert.fingerprint
        found = held.get(name)
        if found is not None and not found.is_for(incident.key.receiver):
            found = None
        tracked = known
        if _burns_again(incident, known, found, now=now, rules=rules):
            tracked = replace(known, last_firing=now)
            looked.turned = looked.burns_again = True
        if tracked.status(settle=settle) is AlertStatus.FIRING:
            if found is None:
                # A webhook that told of it later than it was missed says that it was there then.
                since = max(incident.missing.get(name, now), tracked.last_firing or known.alert.starts_at)
                if now - since > rules.resolve_timeout:
                    tracked, looked.turned = replace(tracked, last_resolve=since), True
                else:
                    looked.missing[name] = since
            elif found.suppression is not None:
                looked.suppressed[name] = found.suppression
        alerts.append(tracked)
    looked.alerts = tuple(alerts)
    return looked


def _burns_again(
    incident: Incident, known: TrackedAlert, found: HeldAlert | None, *, now: datetime, rules: ReconcileRules
) -> bool:
    """Whether an alert that counts as ended burns, so that no webhook may come before the next repeat.

    Either the last firing came so soon after the resolve that it was taken for a late repeat, and yet
    Alertmanager still holds the alert; or it went missing, and is there again.
    """
    settle = rules.intake.resolve_settle
    if known.last_resolve is None or known.status(settle=settle) is AlertStatus.FIRING:
        return False
    if found is None or found.suppression or found.starts_at < known.alert.starts_at - _SAME_TIME:
        return False
    if incident.resolution is Resolution.BY_HAND or now <= known.last_resolve + settle:
        return False
    last_firing = known.last_firing or known.alert.starts_at
    if last_firing > known.last_resolve:
        return now - last_firing > rules.resolve_timeout
    # Nobody told of a resolve: it was we who ended it, because it was missing.
    return known.alert.status is AlertStatus.FIRING


def _burns_unnamed(
    seen: Incident,
    held: Mapping[str, HeldAlert],
    *,
    is_own: Callable[[HeldAlert], bool],
    before: Mapping[str, datetime],
    now: datetime,
) -> datetime | None:
    """None while Alertmanager holds alerts of the group that it never named, else since when it does not."""
    known = {tracked.alert.fingerprint for tracked in seen.alerts}
    for name, alert in held.items():
        in_group = seen.group_labels.items() <= alert.labels.items() and alert.is_for(seen.key.receiver)
        if name not in known and in_group and alert.suppression is None and is_own(alert):
            return None
    return before.get(LEFT_OUT, now)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldSilence:
    """A silence that Alertmanager knows, whether it still holds or not."""

    ends_at: datetime
    is_over: bool


class SilenceTurn(StrEnum):
    """What became of the silence that was made for an incident."""

    UNCHANGED = "unchanged"
    MOVED = "moved"
    ENDED = "ended"
    LIFTED = "lifted"


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceReview:
    """The outcome: what happened, and the mark to keep."""

    turn: SilenceTurn
    mark: SilenceMark | None


def review_silence(mark: SilenceMark, found: HeldSilence | None, *, now: datetime) -> SilenceReview:
    """Compare the mark of an incident with Alertmanager's silence, None where it knows no such."""
    if found is None and now - mark.starts_at < _NEW_SILENCE:
        return SilenceReview(turn=SilenceTurn.UNCHANGED, mark=mark)
    if found is None or found.is_over:
        turn = SilenceTurn.ENDED if mark.ends_at <= now + _SAME_TIME else SilenceTurn.LIFTED
        return SilenceReview(turn=turn, mark=None)
    if abs(found.ends_at - mark.ends_at) > _SAME_TIME:
        return SilenceReview(turn=SilenceTurn.MOVED, mark=replace(mark, ends_at=found.ends_at))
    return SilenceReview(turn=SilenceTurn.UNCHANGED, mark=mark)
