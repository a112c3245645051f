"""The ticks of a cron schedule: the one meant by who strikes now, the newest, the next. All in UTC.

Called by `bot.engines.scheduling` and `bot.engines.drifting`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from bot.domain.schedules import with_named_days

CLOSE: Final = timedelta(seconds=60)
"""Who strikes further from a tick than this has a wrong clock."""
_FARTHEST: Final = timedelta(days=366 * 8)


class Cron:
    """A schedule of five fields."""

    def __init__(self, schedule: str) -> None:
        self.schedule = schedule
        self.trigger = CronTrigger.from_crontab(with_named_days(schedule), timezone=UTC)

    def next(self, after: datetime) -> datetime | None:
        """The first tick after that moment; None for a schedule that never comes."""
        found: datetime | None = self.trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
        return found.astimezone(UTC) if found is not None else None

    def latest(self, now: datetime) -> datetime | None:
        """The newest tick that is not later than now."""
        back = timedelta(minutes=1)
        while back <= _FARTHEST:
            found = self._last_within(now - back, now)
            if found is not None:
                return found
            back *= 2
        return None

    def meant(self, now: datetime) -> datetime | None:
        """The tick that is meant by who strikes now, a moment early or late; None where none is close."""
        before, after = self.latest(now), self.next(now)
        close = [one for one in (before, after) if one is not None and abs(one - now) <= CLOSE]
        return min(close, key=lambda one: abs(one - now), default=None)

    def _last_within(self, begin: datetime, end: datetime) -> datetime | None:
        last = None
        tick = self.next(begin)
        while tick is not None and tick <= end:
            last, tick = tick, self.next(tick)
        return last
