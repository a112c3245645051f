"""Runs of a CronJob that were due and did not begin, told by the schedule where no event tells of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.checks.modes.due_runs import MOST, missed_runs
from bot.rehearsal.objects import stamp

NOW = datetime(2026, 11, 24, 9, 10, tzinfo=UTC)  # a Tuesday


def cron_job(
    schedule: str, *, last: datetime | None, zone: str = "", changed: datetime | None = None
) -> dict[str, Any]:
    """A CronJob of a month ago."""
    managed = [
        {"manager": "kubectl", "time": stamp(changed)} if changed else {},
        {"manager": "kube-controller-manager", "subresource": "status", "time": stamp(NOW)},
    ]
    made = {"name": "nightly", "creationTimestamp": stamp(NOW - timedelta(days=30)), "managedFields": managed}
    spec = {"schedule": schedule, **({"timeZone": zone} if zone else {})}
    return {"metadata": made, "spec": spec, "status": {"lastScheduleTime": stamp(last)} if last else {}}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A time of that month."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "last", "zone", "due", "count"),
    [
        pytest.param("0 * * * *", at(24, 7), "", at(24, 9), 2, id="hourly"),
        pytest.param("@daily", at(22, 0), "", at(24, 0), 2, id="macro"),
        pytest.param("0 3 * * 6", at(14, 3), "", at(21, 3), 1, id="weekly"),
        pytest.param("0 3 * * 6", at(21, 3), "", None, 0, id="in-time"),
        pytest.param("0 6 * * *", at(22, 5), "Europe/Berlin", at(24, 5), 2, id="zone"),
        pytest.param("0 0 1 * 1", at(16, 0), "", at(23, 0), 1, id="either-day"),
        pytest.param("* * * * *", at(1, 0), "", at(24, 9, 6), MOST, id="many"),
        pytest.param("0 9 * * *", at(23, 9), "", at(24, 9), 1, id="just-now"),
        pytest.param("8 9 * * *", at(23, 9, 8), "", None, 0, id="within-grace"),
    ],
)
def test_the_newest_run_that_was_due(
    schedule: str, last: datetime, zone: str, due: datetime | None, count: int
) -> None:
    """As cron means the schedule, in its time zone; a run that may still begin is not missed."""
    found = missed_runs(cron_job(schedule, last=last, zone=zone), now=NOW)
    assert (found.due if found else None, found.count if found else 0) == (due, count)


def test_what_cannot_be_told_is_not_told() -> None:
    """A schedule nobody can read, an unknown zone, a controller that lives in another zone than UTC."""
    unreadable: tuple[dict[str, Any], ...] = (
        cron_job("every night", last=at(22, 3)),
        cron_job("0 3 * * *", last=at(22, 3), zone="Mars/Base"),
        cron_job("0 3 * * *", last=at(24, 2)),
        {"metadata": {}, "spec": {}, "status": {}},
    )
    for wrong in unreadable:
        assert missed_runs(wrong, now=NOW) is None


def test_only_runs_since_the_last_change_count() -> None:
    """A CronJob that was resumed at nine did not miss the run of three; its status changes nothing."""
    assert missed_runs(cron_job("0 3 * * *", last=at(20, 3), changed=at(24, 9)), now=NOW) is None
    assert missed_runs(cron_job("0 3 * * *", last=at(20, 3), changed=at(23, 9)), now=NOW) is not None


def test_before_the_first_run_a_day_more_has_to_be_over() -> None:
    """Whatever the zone of the controller: it began nothing for longer than zones are apart."""
    made = cron_job("0 3 * * *", last=None)
    made["metadata"]["creationTimestamp"] = stamp(at(23, 8))
    assert missed_runs(made, now=NOW) is None
    made["metadata"]["creationTimestamp"] = stamp(at(22, 8))
    assert missed_runs(made, now=NOW) is not None
