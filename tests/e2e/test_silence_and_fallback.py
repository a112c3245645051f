"""Silence is a signal: of Alertmanager, told in Slack; and of Slack, told elsewhere."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from bot.console import Fault
from bot.settings import FallbackSettings, HeartbeatSettings
from tests.adapters.standin import standing_in, status
from tests.e2e.servers.chat import read
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.programs import free_port
from tests.e2e.watched import firing, now, starting, watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.servers.postgres import Postgres
    from tests.e2e.watched import Start, StartAlertmanager

HEARTBEAT = HeartbeatSettings.model_validate({"match": ['alertname="Watchdog"'], "within": "10s"})
"""Several beats long, so that a busy machine is not silent."""

CALLED_AFTER = timedelta(seconds=5)
"""What Slack does not show for so long is told elsewhere."""


@pytest.fixture
async def start(tmp_path: Path, start_alertmanager: StartAlertmanager) -> AsyncIterator[Start]:
    """Starts an Alertmanager and the bot behind it."""
    async with starting(tmp_path, start_alertmanager) as begin:
        yield begin


async def test_the_silence_of_alertmanager_is_told_once_and_ends(start: Start) -> None:
    """Its heartbeat opens no incident; without it one notice stands until it is back."""
    watched = await start(lambda content: content["route"].update(repeat_interval="1s"), heartbeat=HEARTBEAT)
    watched.alertmanager.fire(firing(alertname="Watchdog"))
    await asyncio.sleep(13)  # longer than the limit, while it beats
    assert list(watched.slack.workspace.messages.values()) == []
    await asyncio.to_thread(watched.alertmanager.stop)
    notice = await watched.until_shown("Alertmanager has been silent since", channel="C0OPS")
    await asyncio.sleep(12)  # the silence goes on
    assert len(watched.slack.workspace.messages) == 1
    await asyncio.to_thread(watched.alertmanager.start)
    watched.alertmanager.fire(firing(alertname="Watchdog"))
    again = await watched.until_shown("Alertmanager is heard again", channel="C0OPS")
    assert again.ts == notice.ts
    assert await watched.incidents() == ()


async def test_two_replicas_tell_it_once(start: Start, tmp_path: Path, postgres: Postgres) -> None:
    """Both listen and both look for what Slack does not show, and each is told by one of them."""
    database = postgres.create_database()
    async with standing_in(status(202)) as pager:
        fallback = FallbackSettings(url=SecretStr(f"{pager.url}/call"), after=CALLED_AFTER)
        settings: dict[str, Any] = {"database": database, "heartbeat": HEARTBEAT, "fallback": fallback}
        one = await start(**settings)
        async with watching(tmp_path, one.alertmanager, free_port(), **settings) as other:
            both = (one, other)
            down = replace(Fault.unavailable("chat.postMessage", times=None), channel="C0CHURN")
            for each in both:
                each.slack.faults.add(down)
            one.alertmanager.fire(firing())

            async def told() -> tuple[int, int]:
                return len(pager.bodies), sum(len(each.slack.workspace.messages) for each in both)

            await eventually(told, lambda found: min(found) > 0, "the fallback and the silence are told")
            await asyncio.sleep(12)  # long enough for either to be told again
            assert await told() == (1, 1)


async def test_while_slack_is_down_the_fallback_is_told_once(start: Start) -> None:
    """With what a pager needs and why Slack failed; afterwards Slack shows the incident all the same."""
    async with standing_in(status(202)) as pager:
        fallback = FallbackSettings(url=SecretStr(f"{pager.url}/call"), after=CALLED_AFTER)
        watched = await start(fallback=fallback)
        watched.slack.faults.add(Fault.unavailable("chat.postMessage", times=None))
        watched.alertmanager.fire(firing(since=now()))

        async def calls() -> int:
            return len(pager.bodies)

        await eventually(calls, bool, "the fallback is told")
        await asyncio.sleep(7)  # long enough for a second call
        (document,) = [json.loads(body) for body in pager.bodies]
        assert (document["reason"], document["service"], document["title"]) == (
            "opened",
            "churn",
            "HighLatency",
        )
        assert [alert["labels"]["pod"] for alert in document["alerts"]] == ["api-1"]
        assert "503" in document["why"]
        watched.slack.faults.clear()
        assert "P3 firing" in (await watched.shown_once())[document["incident"]]
        watched.alertmanager.fire(firing(alertname="Other"))
        message = await watched.until_shown("Other")
        assert "P3 firing" in read(message)
        await asyncio.sleep(7)  # long enough for a call
        assert len(pager.bodies) == 1
