"""`lightship doctor --send`: a test alert through a real Alertmanager to the bot, and what is said if not."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.servers.chat import read
from tests.e2e.servers.programs import REPOSITORY
from tests.e2e.watched import TOKEN, starting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.watched import Start, Watched

pytestmark = pytest.mark.e2e


@pytest.fixture
async def start(
    tmp_path: Path, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> AsyncIterator[Start]:
    """Starts the bot behind an Alertmanager."""
    async with starting(tmp_path, start_alertmanager) as begin:
        yield begin


async def doctor(folder: Path, watched: Watched, *words: str) -> tuple[str, str]:
    """What the command says on its two outputs, run beside the bot and in its environment."""
    told = {
        "PATH": os.environ["PATH"],
        "ALERTMANAGER_URL": watched.alertmanager.url,
        "LIGHTSHIP_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'lightship.db'}",
        "LIGHTSHIP_WEBHOOK_TOKEN": TOKEN,
        "LIGHTSHIP_CONFIG": str(REPOSITORY / "lightship.yaml"),
        "SLACK_API_URL": watched.slack.api_url,
        "SLACK_BOT_TOKEN": watched.slack.workspace.app.bot_token,
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", "doctor", *words],
        cwd=REPOSITORY,
        env=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1, done.stderr  # there is no cluster
    return done.stdout, done.stderr


async def last_of(folder: Path, watched: Watched, *words: str) -> dict[str, str]:
    """What is said of the test alert, for programs."""
    said, aside = await doctor(folder, watched, "--send", "--yes", "--json", *words)
    assert "Alertmanager would send this alert to:" in aside
    found: dict[str, str] = json.loads(said.splitlines()[-1])
    assert found["name"] == "test alert"
    return found


async def test_a_test_alert_arrives_as_a_drill_and_ends(start: Start, tmp_path: Path) -> None:
    """The receiver is named first; the incident is a drill in Slack, and is over when the command is."""
    watched = await start()
    said, _ = await doctor(tmp_path, watched, "--send", "--yes")
    head, announced, rest = said.partition("Alertmanager would send this alert to:\n  lightship (webhook)\n")
    assert announced, said
    assert "receiver " in head
    assert "as incident #1 in C0CHURN" in rest
    message = await watched.until_shown("Drill")
    assert "Drill" in read(message)
    (incident,) = await watched.until_closed()
    assert incident.drill


async def test_nothing_is_sent_unless_it_is_asked_for(start: Start, tmp_path: Path) -> None:
    """Without --send, and with a no to the question, Alertmanager holds nothing and no incident opens."""
    watched = await start()
    said, _ = await doctor(tmp_path, watched)
    assert "test alert" not in said
    refused, _ = await doctor(tmp_path, watched, "--send")  # and nobody is there to say yes
    assert "nothing was sent" in refused
    assert await asyncio.to_thread(watched.alertmanager.get, "/api/v2/alerts") == []
    assert await watched.incidents() == ()


async def test_a_route_to_another_receiver_is_told_with_what_mends_it(start: Start, tmp_path: Path) -> None:
    """The bot's receiver is there, and the alert goes to the pager: that is said, with its labels."""

    def to_the_pager(config: dict[str, Any]) -> None:
        config["receivers"].append({"name": "pager", "webhook_configs": [{"url": "http://127.0.0.1:9/page"}]})
        config["route"]["routes"] = [{"receiver": "pager", "matchers": ['service="churn"']}]

    watched = await start(to_the_pager)
    found = await last_of(tmp_path, watched, "--within", "2s")
    assert found["health"] == "fault"
    assert found["said"] == "Alertmanager sends it to `pager`, which has no webhook that ends in /alerts"
    assert 'service="churn"' in found["mend"]
    assert await watched.incidents() == ()


async def test_a_webhook_that_is_refused_is_told_apart_from_one_that_waits(
    start: Start, tmp_path: Path
) -> None:
    """A wrong token: Alertmanager's attempts failed. A long group_wait: it has not tried."""

    def wrong_token(config: dict[str, Any]) -> None:
        (hook,) = config["receivers"][0]["webhook_configs"]
        hook["http_config"]["authorization"]["credentials"] = "another"

    def patient(config: dict[str, Any]) -> None:
        config["route"]["group_wait"] = "1h"

    refused = await last_of(tmp_path, watched := await start(wrong_token), "--within", "4s")
    assert "failed" in refused["said"], refused
    assert "LIGHTSHIP_WEBHOOK_TOKEN" in refused["mend"]
    config = json.loads((watched.alertmanager.directory / "alertmanager.yml").read_text())
    patient(config)
    await asyncio.to_thread(watched.alertmanager.reload, config)
    waits = await last_of(tmp_path, watched, "--within", "2s")
    assert "has not sent it within 2s" in waits["said"], waits
    assert "group_wait" in waits["mend"]
