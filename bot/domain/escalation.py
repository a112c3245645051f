"""When an incident becomes more urgent by its runbook's rules, and when people are reminded of it. Pure.

The escalating engine asks Prometheus, hands the answers to `judge` and keeps what comes back. A rule is
armed anew by every reopening (`episode`), and by a change of its expression, span or severity (`rule_key`):
what was known of it then speaks of something else. An incident that opens again has its alerts' severity.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.incidents import IncidentState
from bot.domain.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.domain.incidents import Incident
    from bot.domain.runbooks import EscalationRule

REMINDER: Final = "reminder"
"""What stands in place of a rule's key where a watch counts reminders."""

LONGEST_PAUSE: Final = timedelta(days=1)
"""However often the pause between two reminders was multiplied, it grows no further."""


class Holder(StrEnum):
    """What keeps an escalation or a reminder back."""

    ACKNOWLEDGEMENT = "acknowledgement"
    SILENCE = "silence"


class Answer(StrEnum):
    """What Prometheus said of a rule's expression."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does_not_hold"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One answer, with the largest number where the expression holds."""

    answer: Answer
    value: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What is remembered of one rule (or of the reminders) for one incident, in one of its episodes.

    `since` is when the rule began to hold, or the incident to need a reminder; `told_at` and `told` are the
    last time that people were told, and how often.
    """

    incident_id: int
    rule: str
    episode: int
    since: datetime | None = None
    told_at: datetime | None = None
    told: int = 0


class EscalationReason(StrEnum):
    """Why a rule escalates now, or does not."""

    ESCALATES = "escalates"
    TOLD_BEFORE = "told_before"
    DOES_NOT_HOLD = "does_not_hold"
    NOT_LONG_ENOUGH = "not_long_enough"
    AS_URGENT_ALREADY = "as_urgent_already"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    NO_ANSWER = "no_answer"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The decision over one rule, and what to remember."""

    reason: EscalationReason
    watch: Watch


@dataclass(frozen=True, kw_only=True, slots=True)
class ReminderRules:
    """After how long, by severity, people are reminded, how often at most, and how the pauses grow."""

    after: Mapping[Severity, timedelta]
    at_most: int = 3
    backoff: float = 2.0


class ReminderReason(StrEnum):
    """Why people are reminded now, or not."""

    REMIND = "remind"
    NOT_CONFIGURED = "not_configured"
    SOMEBODY_HAS_IT = "somebody_has_it"
    SILENCED = "silenced"
    NOT_YET = "not_yet"
    OFTEN_ENOUGH = "often_enough"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminding:
    """The decision over a reminder, and what to remember; None where there is nothing."""

    reason: ReminderReason
    watch: Watch | None


def rule_key(rule: EscalationRule) -> str:
    """What a rule is remembered by: a new reason or other people do not arm it anew."""
    text = f"{' '.join(rule.expression.split())}\n{rule.held_for.total_seconds()}\n{rule.severity.value}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def reading_of(values: Sequence[float]) -> Reading:
    """The answer that samples make: any number holds, NaN and no sample at all do not."""
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return Reading(answer=Answer.DOES_NOT_HOLD)
    return Reading(answer=Answer.HOLDS, value=max(numbers))


def is_silent(incident: Incident, *, now: datetime, settle: timedelta) -> bool:
    """Whether a silence made here holds, or Alertmanager keeps every firing alert to itself."""
    if incident.silence is not None and incident.silence.ends_at > now:
        return True
    firing = incident.firing(settle=settle)
    return bool(firing) and all(alert.fingerprint in incident.suppressed for alert in firing)


def judge(
    rule: EscalationRule,
    known: Watch | None,
    reading: Reading,
    incident: Incident,
    *,
    now: datetime,
    silent: bool,
    held_by: frozenset[Holder],
) -> Judgement:
    """Decide over one rule. Without an answer nothing that was known changes, and nothing escalates.

    While an acknowledgement or a silence holds it back the rule's time goes on: where it still holds
    afterwards, it escalates at once.
    """
    watch = _current(known, incident, rule_key(rule))
    if incident.state is IncidentState.RESOLVED:
        return Judgement(reason=EscalationReason.RESOLVED, watch=watch)
    if reading.answer is Answer.UNKNOWN:
        return Judgement(reason=EscalationReason.NO_ANSWER, watch=watch)
    if reading.answer is Answer.DOES_NOT_HOLD:
        return Judgement(reason=EscalationReason.DOES_NOT_HOLD, watch=replace(watch, since=None))
    watch = replace(watch, since=watch.since or now)
    reason = _why_not(rule, watch, incident, now=now, silent=silent, held_by=held_by)
    if reason is not None:
        return Judgement(reason=reason, watch=watch)
    told = replace(watch, told_at=now, told=watch.told + 1)
    return Judgement(reason=EscalationReason.ESCALATES, watch=told)


def _why_not(
    rule: EscalationRule,
    watch: Watch,
    incident: Incident,
    *,
    now: datetime,
    silent: bool,
    held_by: frozenset[Holder],
) -> EscalationReason | None:
    if watch.told:
        return EscalationReason.TOLD_BEFORE
    if watch.since is None or now - watch.since < rule.held_for:
        return EscalationReason.NOT_LONG_ENOUGH
    if not rule.severity.worse_than(incident.severity):
        return EscalationReason.AS_URGENT_ALREADY
    if incident.state is IncidentState.ACKNOWLEDGED and Holder.ACKNOWLEDGEMENT in held_by:
        return EscalationReason.ACKNOWLEDGED
    if silent and Holder.SILENCE in held_by:
        return EscalationReason.SILENCED
    return None


def escalate(incident: Incident, rule: EscalationRule, *, now: datetime) -> Incident:
    """The incident with the rule's severity, which webhooks do not lower while this episode lasts."""
    return replace(
        incident,
        severity=Severity.worst(incident.severity, rule.severity),
        escalated=rule.severity,
        updated_at=now,
        revision=incident.revision + 1,
    )


def remind(
    known: Watch | None, incident: Incident, rules: ReminderRules, *, now: datetime, silent: bool
) -> Reminding:
    """Decide whether people are to be reminded now of an incident that nobody has.

    The time counts from when the incident was first seen to need it, or became more urgent; the pause grows
    by `backoff` after each. Ticks that were missed are made up for by one reminder, not by several.
    """
    after = rules.after.get(incident.severity)
    if after is None:
        return Reminding(reason=ReminderReason.NOT_CONFIGURED, watch=None)
    if incident.state is not IncidentState.TRIGGERED:
        return Reminding(reason=ReminderReason.SOMEBODY_HAS_IT, watch=None)
    watch = _current(known, incident, f"{REMINDER}/{incident.severity.value}")
    watch = replace(watch, since=watch.since or now)
    if watch.told >= rules.at_most:
        return Reminding(reason=ReminderReason.OFTEN_ENOUGH, watch=watch)
    begins = watch.told_at or watch.since or now
    # A large backoff must not overflow what a time span can hold.
    pause = min(after.total_seconds() * rules.backoff**watch.told, LONGEST_PAUSE.total_seconds())
    if (now - begins).total_seconds() < max(pause, after.total_seconds()):
        return Reminding(reason=ReminderReason.NOT_YET, watch=watch)
    if silent:
        return Reminding(reason=ReminderReason.SILENCED, watch=watch)
    return Reminding(reason=ReminderReason.REMIND, watch=replace(watch, told_at=now, told=watch.told + 1))


def _current(known: Watch | None, incident: Incident, rule: str) -> Watch:
    if known is not None and known.episode == incident.reopened and known.rule == rule:
        return known
    return Watch(incident_id=incident.id, rule=rule, episode=incident.reopened)
