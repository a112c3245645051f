"""What a real Alertmanager tells twice, in parts or in heaps: each incident is shown once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.incidents import Resolution
from tests.adapters.standin import standing_in, status
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.eventually import eventually
from tests.e2e.watched import (
    SETTLE,
    TOKEN,
    config,
    ended,
    firing,
    nothing_changes,
    now,
    open_of,
    starting,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.e2e.watched import Start, StartAlertmanager


@pytest.fixture
async def start(tmp_path: Path, start_alertmanager: StartAlertmanager) -> AsyncIterator[Start]:
    """Starts an Alertmanager and the bot behind it."""
    async with starting(tmp_path, start_alertmanager) as begin:
        yield begin


async def test_two_alertmanagers_that_send_the_same_group(
    start: Start,
    start_alertmanager: StartAlertmanager,
) -> None:
    """One incident, opened and resolved once, whichever of them is heard first."""
    watched, since = await start(), now()
    pair = (watched.alertmanager, await asyncio.to_thread(start_alertmanager, config(watched.port)))
    for one in pair:
        one.fire(firing(since=since))
    await watched.until_open()
    await nothing_changes(watched, seconds=3)
    for one in pair:
        one.fire(ended(since=since))
    await watched.until_closed()
    await nothing_changes(watched, seconds=4)
    (incident,) = await watched.incidents()
    assert (incident.resolution, incident.reopened) == (Resolution.ALERTS_RESOLVED, 0)
    await watched.shown_once()


async def test_another_alertmanager_is_not_judged_by_the_one_that_is_asked(
    start: Start,
    start_alertmanager: StartAlertmanager,
) -> None:
    """An alert of `?source=east` is in no list that the bot sees, and stays open until its webhook."""
    watched, since = await start(), now()
    east = posting_to(f"{watched.url}?source=east", token=TOKEN, repeat="1h")
    other = await asyncio.to_thread(start_alertmanager, east)
    other.fire(firing(since=since))
    await watched.until_open()
    await nothing_changes(watched)
    other.fire(ended(since=since))
    (incident,) = await watched.until_closed()
    assert (incident.key.source, incident.resolution) == ("east", Resolution.ALERTS_RESOLVED)


async def test_a_group_that_spans_two_services(start: Start) -> None:
    """One incident for each in its own channel; each ends by its own alerts."""
    watched = await start()
    watched.alertmanager.fire(firing(), firing(service="billing"))
    await watched.until_open(2)
    watched.alertmanager.fire(ended())
    (still,) = open_of(
        await watched.until(lambda found: len(open_of(found)) == 1, "the first service's has ended")
    )
    assert (still.key.service, still.channel) == ("billing", "C0OPS")
    await nothing_changes(watched, seconds=4)
    watched.alertmanager.fire(ended(service="billing"))
    await watched.until_closed()
    await watched.shown_once()


async def test_a_group_that_grows_to_500_alerts_and_back(start: Start) -> None:
    """One message throughout, which says how many burn."""
    watched, since = await start(), now()
    pods = [f"api-{number}" for number in range(500)]
    watched.alertmanager.fire(firing(pods[0], since=since))
    await watched.until_open()
    watched.alertmanager.fire(*(firing(pod, since=since) for pod in pods))
    await watched.until(lambda found: len(watched.burning(found[0])) == 500, "all 500 burn")
    assert "and 495 more" in (await watched.shown_once())[1]
    watched.alertmanager.fire(*(ended(pod, since=since) for pod in pods[1:]))
    await watched.until(lambda found: watched.burning(found[0]) == {pods[0]}, "one burns")
    await watched.shown_once()
    watched.alertmanager.fire(ended(pods[0], since=since))
    (incident,) = await watched.until_closed()
    assert incident.resolution is Resolution.ALERTS_RESOLVED
    await watched.shown_once()


async def test_five_repeats_out_of_order(
    start: Start,
    start_alertmanager: StartAlertmanager,
) -> None:
    """Payloads of a real Alertmanager, late and mixed up: the newest start counts, and nothing reopens."""
    watched = await start()
    async with standing_in(status(200)) as recorder:
        recording = await asyncio.to_thread(start_alertmanager, posting_to(recorder.url, repeat="1h"))

        async def recorded(alert: dict[str, Any]) -> dict[str, Any]:
            count = len(recorder.bodies)
            recording.fire(alert)
            await eventually(_length(recorder.bodies), lambda found: found > count, "a payload")
            payload: dict[str, Any] = json.loads(recorder.bodies[-1])
            return payload

        first, second = now(), None
        burns = await recorded(firing(since=first))
        over = await recorded(ended(since=first))
        second = now()
        again = await recorded(firing(since=second))
    watched.alertmanager.fire(firing(since=second))
    for payload in (again, over, burns, again, burns, over):
        await watched.post(payload)
    await watched.until_open()
    await nothing_changes(watched, seconds=4)
    (incident,) = await watched.incidents()
    assert incident.reopened == 0
    assert [one.starts_at.isoformat() for one in incident.firing(settle=SETTLE)] == [second]
    await watched.shown_once()


def _length(found: list[str]) -> Callable[[], Awaitable[int]]:
    async def look() -> int:
        return len(found)

    return look
