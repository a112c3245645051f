"""Ticks of a schedule: days of the week as cron counts them, and the tick that is meant by who strikes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedules import with_named_days
from bot.engines.cron import Cron

SCHEDULES = ("* * * * *", "0 * * * *", "*/7 3-9 * * 1-5", "30 2 * * 0", "15 6 1 */2 *")
MOMENTS = st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2031, 1, 1)).map(  # noqa: DTZ001 - UTC is put on it
    lambda naive: naive.replace(tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("0 3 * * 1", "0 3 * * mon"),
        ("0 3 * * 0", "0 3 * * sun"),
        ("0 3 * * 7", "0 3 * * sun"),
        ("0 3 * * 1-5", "0 3 * * mon,tue,wed,thu,fri"),
        ("0 3 * * 0-6", "0 3 * * sun,mon,tue,wed,thu,fri,sat"),
        ("0 3 * * 0,6", "0 3 * * sun,sat"),
        ("0 3 * * */2", "0 3 * * sun,tue,thu,sat"),
        ("0 3 * * mon-fri", "0 3 * * mon-fri"),
        ("0 3 * * *", "0 3 * * *"),
    ],
)
def test_days_of_the_week_count_from_sunday(written: str, named: str) -> None:
    """As cron and Kubernetes have them: the same schedule means the same in the bot and in a CronJob."""
    assert with_named_days(written) == named


@pytest.mark.parametrize("wrong", ["0 3 * * 8", "0 3 * * 5-1"])
def test_a_day_that_is_none_is_refused(wrong: str) -> None:
    """With words, at the check of the configuration."""
    with pytest.raises(ValueError, match="no day of the week"):
        with_named_days(wrong)


def test_a_monday_is_a_monday() -> None:
    """The number one is the day after Sunday."""
    tick = Cron("0 3 * * 1").next(datetime(2026, 11, 24, tzinfo=UTC))
    assert tick is not None
    assert (tick.isoweekday(), tick.hour) == (1, 3)


@given(moment=MOMENTS, schedule=st.sampled_from(SCHEDULES))
def test_the_newest_tick_and_the_next_have_none_between_them(moment: datetime, schedule: str) -> None:
    """The next one after the newest is the next one after now."""
    cron = Cron(schedule)
    latest, after = cron.latest(moment), cron.next(moment)
    assert latest is not None
    assert after is not None
    assert latest <= moment < after
    assert cron.next(latest) == after


@given(moment=MOMENTS, off=st.integers(-29, 29), schedule=st.sampled_from(SCHEDULES))
def test_who_strikes_a_moment_early_or_late_means_the_same_tick(
    moment: datetime, off: int, schedule: str
) -> None:
    """So that replicas whose clocks differ by seconds claim the same one."""
    cron = Cron(schedule)
    tick = cron.next(moment)
    assert tick is not None
    assert cron.meant(tick + timedelta(seconds=off)) == tick


def test_who_strikes_far_from_every_tick_means_none() -> None:
    """Its clock is wrong: it must not take a tick from the others."""
    assert Cron("0 * * * *").meant(datetime(2026, 11, 24, 9, 5, tzinfo=UTC)) is None
