"""The alert that always fires: it says that Prometheus and Alertmanager are there, its absence is a signal.

The merging engine cuts it out of webhooks by `take_heartbeats`, the listening one judges by `listen`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.domain.alerts import AlertStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from bot.domain.alerts import AlertGroup


SILENCE_NOTICE: Final = "heartbeat-silence-"
"""How the ids of the notices of a silence begin: they call people as an incident does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A webhook without its heartbeats, and whether one of them beat: a resolved one does not."""

    group: AlertGroup
    beats: bool


def take_heartbeats(group: AlertGroup, is_heartbeat: Callable[[Mapping[str, str]], bool]) -> Heard:
    """Cut the heartbeats out of a group, which may hold other alerts as well."""
    found = [alert for alert in group.alerts if is_heartbeat(alert.labels)]
    if not found:
        return Heard(group=group, beats=False)
    rest = tuple(alert for alert in group.alerts if not is_heartbeat(alert.labels))
    beats = any(alert.status is AlertStatus.FIRING for alert in found)
    return Heard(group=replace(group, alerts=rest), beats=beats)


class Silence(StrEnum):
    """What the absence of heartbeats means."""

    HEARD = "heard"
    WAITING = "waiting"
    SILENT = "silent"
    SILENT_STILL = "silent_still"
    BACK = "back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listened:
    """What is known: the last beat, since when somebody has listened without a gap, the notices' times."""

    beat: datetime | None
    listening_since: datetime
    told: datetime | None
    ended: datetime | None

    @property
    def since(self) -> datetime:
        """Since when nothing was heard, as far as somebody listened."""
        return max(self.beat or self.listening_since, self.listening_since)

    @property
    def is_told(self) -> bool:
        """Whether a notice of silence stands."""
        return self.told is not None and (self.ended is None or self.ended < self.told)


def listen(known: Listened, *, now: datetime, within: timedelta) -> Silence:
    """Judge. A notice that stands ends with the first beat after it, never because nobody listened."""
    if known.is_told:
        heard = known.beat is not None and known.told is not None and known.beat > known.told
        return Silence.BACK if heard else Silence.SILENT_STILL
    if now - known.since > within:
        return Silence.SILENT
    return Silence.WAITING if known.beat is None else Silence.HEARD
