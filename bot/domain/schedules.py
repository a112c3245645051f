"""Schedules of five fields as cron means them. Pure; called by the settings and `bot.engines.cron`."""

from __future__ import annotations

import re
from typing import Final

_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = 5
_PART: Final = re.compile(r"(?:(\d)(?:-(\d))?|(\*))(?:/(\d+))?", re.ASCII)
_SUNDAY_AGAIN: Final = 7


def with_named_days(schedule: str) -> str:
    """The schedule with its days of the week by name.

    APScheduler counts them from Monday, cron and Kubernetes from Sunday; names mean the same to all. Raises
    ValueError where a day is none.
    """
    fields = schedule.split()
    if len(fields) != _FIELDS or not any(sign.isdigit() for sign in fields[-1]):
        return schedule
    named: dict[str, None] = {}
    for part in fields[-1].split(","):
        named.update(dict.fromkeys(_named(part)))
    return " ".join([*fields[:-1], ",".join(named)])


def _named(part: str) -> list[str]:
    found = _PART.fullmatch(part)
    if found is None:
        return [part]  # by name already; whoever reads the schedule says what is wrong with anything else
    first, last, all_days, step = found.groups()
    begin, end = (0, 6) if all_days else (int(first), int(last or first))
    if max(begin, end) > _SUNDAY_AGAIN or begin > end:
        raise ValueError(f"`{part}` is no day of the week, nor several: 0 is Sunday, 6 Saturday")
    return [_DAYS[day % 7] for day in range(begin, end + 1, int(step or 1) or 1)]
