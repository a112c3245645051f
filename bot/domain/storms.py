"""When a channel's new incidents are gathered in one digest, and when each has its own message again. Pure.

The gathering engine counts what is new by the clock and asks `weather`; with two bounds and a time of calm in
between, so that a channel at the edge does not change its mind with every look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StormRules:
    """More than `begins_above` new incidents in `window` begin a storm; `ends_at` or fewer for `calm` end it.

    The first `own_critical` P1 of a storm have their own messages all the same.
    """

    window: timedelta = timedelta(minutes=1)
    begins_above: int = 10
    ends_at: int = 3
    calm: timedelta = timedelta(minutes=3)
    own_critical: int = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Storm:
    """One storm of one channel; `id` is that of its digest's subject.

    `calm_since` is set while few are new, `ended_at` once it is over, `closed_at` once nothing that
    it gathered can change what the digest says. `pulse` is what was shown, as a number that changes move.
    """

    id: str
    channel: str
    began_at: datetime
    calm_since: datetime | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    pulse: int = -1


class Weather(StrEnum):
    """What a look means for a channel."""

    QUIET = "quiet"
    BEGINS = "begins"
    RAGES = "rages"
    CALMS = "calms"
    ENDS = "ends"


def weather(
    storm: Storm | None, new: int, *, now: datetime, rules: StormRules
) -> tuple[Weather, Storm | None]:
    """What `new` incidents in the window mean, and the storm to keep; one that begins still lacks its id."""
    if storm is None or storm.ended_at is not None:
        return (Weather.BEGINS if new > rules.begins_above else Weather.QUIET), storm
    if new > rules.ends_at:
        return Weather.RAGES, replace(storm, calm_since=None)
    calm = replace(storm, calm_since=storm.calm_since or now)
    if now - (calm.calm_since or now) < rules.calm:
        return Weather.CALMS, calm
    return Weather.ENDS, replace(calm, ended_at=now)
