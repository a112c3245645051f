"""Which runs of a CronJob were due by now, by its schedule and its time zone: Kubernetes tells of few misses.

The controller writes an event only where it starts too late; one that did not look at all (it was away, or
the API server was) writes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from bot.checks.reading import created_at, parse_time

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject

GRACE: Final = timedelta(minutes=3)
"""So late a run may begin without being missed: controllers look every ten seconds, clocks differ."""
MOST: Final = 100
_MOMENT: Final = timedelta(seconds=1)
_ANY_ZONE: Final = timedelta(hours=26)
"""From the first time zone to the last."""
_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """The newest run that was due and did not begin, and how many did not, at most MOST."""

    due: datetime
    count: int


def missed_runs(cronjob: KubeObject, *, now: datetime) -> Missed | None:
    """What did not begin since the last run that did; None where nothing did, or that cannot be told.

    Runs that were due before the CronJob was made or last changed are not counted: it was another one then.
    Without `timeZone` the controller's own counts, which nobody tells: it is taken for UTC where the last run
    began at a tick of UTC, and before a first run a day more has to be over.
    """
    spec, status = cronjob.get("spec") or {}, cronjob.get("status") or {}
    last = parse_time(status.get("lastScheduleTime"))
    since = max((one for one in (last, created_at(cronjob), _changed_at(cronjob)) if one), default=None)
    written = str(spec.get("schedule") or "").replace("?", "*")
    schedule, named = _MACROS.get(written, written), str(spec.get("timeZone") or "")
    until = now - GRACE if named or last else now - GRACE - _ANY_ZONE
    if since is None or since >= until:
        return None
    with suppress(CronSimError, KeyError, ValueError, OSError):
        zone = ZoneInfo(named or "UTC")
        if (
            last is not None
            and not named
            and _ticks(schedule, last + _MOMENT, zone, since=last - _MOMENT) == []
        ):
            return None
        due = _ticks(schedule, until, zone, since=since)
        return Missed(due=due[0], count=len(due)) if due else None
    return None


def _ticks(schedule: str, until: datetime, zone: ZoneInfo, *, since: datetime) -> list[datetime]:
    """The ticks after `since` and before `until`, the newest first. Raises CronSimError."""
    backwards = CronSim(schedule, until.astimezone(zone), reverse=True)
    later = takewhile(lambda tick: tick > since, backwards)
    return [tick.astimezone(UTC) for tick in islice(later, MOST)]


def _changed_at(cronjob: KubeObject) -> datetime | None:
    """When somebody last set a field of its spec, such as `suspend`."""
    entries = (cronjob.get("metadata") or {}).get("managedFields") or ()
    times = [parse_time(one.get("time")) for one in entries if one.get("subresource") != "status"]
    return max((one for one in times if one is not None), default=None)
