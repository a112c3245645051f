"""A thousand alert groups at once through a real Alertmanager while Slack is slow and the bot is killed.

Everything is visible within a minute, in the digest or in a message of its own, at most one call a second in
the channel, and nothing is lost. Run by `make e2e`.
"""

from __future__ import annotations

import asyncio
import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from bot.console.faults import Fault
from tests.e2e.deployed import CHURN, deployed, headline
from tests.e2e.scenes import TOKEN
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.chat import buttons, read
from tests.e2e.servers.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bot.console.values import Message
    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.alertmanager import Alertmanager

GROUPS = 1_000
CRITICAL = 3
SLACK_SECONDS = 0.25
GOAL_SECONDS = 60.0
PACE_SECONDS = 1.0
IN_A_ROW = 10
"""Over so many calls the pace holds; one alone may be late on its way, and the next one in time."""

JITTER_SECONDS = 0.5
CALLS = ("chat.postMessage", "chat.update")


@pytest.mark.alone  # it holds the bot against a minute
@pytest.mark.timeout(240)
async def test_a_thousand_groups_are_visible_within_a_minute_through_a_kill(
    tmp_path: Path, database: str, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> None:
    """1,000 groups, Slack at 250 ms a call, SIGKILL in the middle: all visible within 60 s, none lost."""
    async with deployed(tmp_path, database) as world:
        world.slack.faults.add(*(Fault.slow(SLACK_SECONDS, call, times=None) for call in CALLS))
        bot = world.add()
        told = posting_to(f"{bot.url}/alerts", token=TOKEN, group_by=("group",), repeat="5m")
        alertmanager = await asyncio.to_thread(start_alertmanager, told)
        bot.environment["ALERTMANAGER_URL"] = alertmanager.url
        await asyncio.to_thread(bot.start)
        began = time.monotonic()
        await asyncio.to_thread(alertmanager.fire, *(_alert(number) for number in range(GROUPS)))
        await eventually(lambda: _visible(world), lambda seen: seen > 0, "the first are visible")
        await asyncio.to_thread(bot.kill)
        await asyncio.to_thread(bot.start)
        await eventually(lambda: _visible(world), lambda seen: seen >= GROUPS, "all are visible", seconds=120)
        took = time.monotonic() - began
        assert took <= GOAL_SECONDS, f"visible after {took:.1f} s"
        await eventually(world.waiting, lambda count: not count, "nothing waits")
        assert len(await world.rows("SELECT id FROM incidents")) == GROUPS
        assert await world.counted(bot, "lightship_undelivered_messages") == 0
        messages = _messages(world)
        (digest,) = [one for one in messages if "Storm" in headline(one)]
        assert sum("P1 firing" in headline(one) for one in messages) == CRITICAL
        text = read(digest)
        assert "🟡" in text
        assert "checks of these incidents are skipped" in text
        assert any(name.startswith("open_incident:") for name in buttons(digest))
        calls = sorted(one.at for call in CALLS for one in world.slack.recording.of(call))
        assert all(
            late - soon >= IN_A_ROW * PACE_SECONDS - JITTER_SECONDS
            for soon, late in zip(calls, calls[IN_A_ROW:], strict=False)
        )
        assert all(late - soon >= PACE_SECONDS - JITTER_SECONDS for soon, late in pairwise(calls))
        assert world.chat.complaints() == []


def _alert(number: int) -> dict[str, dict[str, str]]:
    severity = "critical" if number % (GROUPS // CRITICAL + 1) == 0 else "warning"
    labels = {"alertname": f"Faulty{number % 7}", "service": "churn", "severity": severity}
    return {
        "labels": {**labels, "group": str(number)},
        "annotations": {"summary": f"something is wrong with {number}"},
    }


def _messages(world: Deployed) -> list[Message]:
    found = world.slack.workspace.messages.values()
    return [one for one in found if one.thread_ts is None and one.channel == CHURN and one.only_for is None]


async def _visible(world: Deployed) -> int:
    """How many incidents the channel shows: what the digests count, and the messages of their own."""
    seen = 0
    for message in _messages(world):
        words = headline(message)
        storm = re.search(r"Storm: (\d+) incident", words)
        seen += int(storm[1]) if storm else "· #" in words
    return seen
