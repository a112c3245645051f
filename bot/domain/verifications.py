"""Whether an action helped: the alert's own expression and one named metric, watched for the runbook's time.

Pure. The verifying engine reads the world and asks `judge` what follows; what people see is the outcome with
the numbers from before and after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.measures import Worse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

STEADY_FOR: Final = timedelta(seconds=30)
"""So long nothing of the condition may hold before it counts as over: an expression can waver."""


class VerificationState(StrEnum):
    """Where the watching stands."""

    WATCHING = "watching"
    FIXED = "fixed"
    NO_EFFECT = "no_effect"
    CANNOT_TELL = "cannot_tell"
    NOT_WATCHED = "not_watched"


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedAlert:
    """An alert that fired when the action was done, by its labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedMetric:
    """The runbook's named metric: the number that people are shown, before and after."""

    name: str
    query: str
    title: str = ""
    unit: str = ""
    threshold: float | None = None
    worse: Worse = Worse.ABOVE


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """The watching after one action. `before` is the metric just before it, `after` as last read.

    `clear_since` is when nothing of the alerts' conditions was seen to hold, for as long as that lasts.
    """

    approval_id: str
    incident_id: int | None
    began_at: datetime
    until: datetime
    state: VerificationState = VerificationState.WATCHING
    alerts: tuple[WatchedAlert, ...] = ()
    metric: WatchedMetric | None = None
    before: float | None = None
    after: float | None = None
    clear_since: datetime | None = None
    ended_at: datetime | None = None
    why: str = ""
    revision: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the world says at one time.

    `holds` says of each alert whether its condition holds, None where that cannot be told; `value` is the
    metric's, None likewise. `rollout_over` is False while what was changed still rolls out. `why` says in
    words why something could not be read.
    """

    holds: tuple[bool | None, ...]
    value: float | None
    rollout_over: bool = True
    why: str = ""


def judge(watched: Verification, reading: Reading, *, now: datetime) -> Verification:
    """What follows from a reading: fixed once nothing has held for a while, no effect when the time is up."""
    holds = _holds(watched, reading)
    clear_since = None if holds is not False else watched.clear_since or now
    after = watched.after if reading.value is None else reading.value
    going_on = replace(
        watched, after=after, clear_since=clear_since, why=reading.why, revision=watched.revision + 1
    )
    if clear_since is not None and reading.rollout_over and now - clear_since >= STEADY_FOR:
        return replace(going_on, state=VerificationState.FIXED, ended_at=clear_since)
    if now < watched.until or clear_since is not None:
        return going_on
    late = VerificationState.CANNOT_TELL if holds is None else VerificationState.NO_EFFECT
    return replace(going_on, state=late, ended_at=now)


def _holds(watched: Verification, reading: Reading) -> bool | None:
    """Whether the trouble is there still: as the alerts say, else as the metric beside its threshold does."""
    if any(reading.holds):
        return True
    if reading.holds and all(one is False for one in reading.holds):
        return False
    metric = watched.metric
    if metric is None or metric.threshold is None or reading.value is None:
        return None
    return metric.worse.than(reading.value, metric.threshold)


def is_this_alert(alert: WatchedAlert, sample: Mapping[str, str], added: Mapping[str, str]) -> bool:
    """Whether a sample of a rule's expression is what raises an alert.

    Labels that the rule adds, or that only one side has (relabelling drops some), tell nothing; in doubt the
    condition holds.
    """
    return all(
        alert.labels[name] == value
        for name, value in sample.items()
        if name in alert.labels and name not in added and name != "__name__"
    )
