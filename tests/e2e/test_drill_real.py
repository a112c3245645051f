"""`lightship test-alert --send` on a real Alertmanager: whom it would reach, how its alert is known."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.alertmanager import AlertmanagerClient
from bot.adapters.clock import SystemClock
from bot.adapters.database import open_store
from tests.e2e.servers.programs import REPOSITORY, installed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bot.ports.readers import SeenAlert
    from tests.e2e.servers.alertmanager import Alertmanager

pytestmark = pytest.mark.e2e

HOOK = {"webhook_configs": [{"url": "http://127.0.0.1:9/alerts"}]}
CONFIGURATION: dict[str, Any] = {
    "route": {
        "receiver": "rest",
        "group_wait": "1h",
        "routes": [
            {"receiver": "pager", "matchers": ['severity=~"warning|critical"'], "continue": True},
            {"match": {"service": "churn"}, "receiver": "lightship", "continue": False},
            {"match_re": {"service": "ch.*"}, "receiver": "never"},
        ],
    },
    "receivers": [{"name": name, **HOOK} for name in ("rest", "pager", "lightship", "never")],
}


def drill(*words: str, environment: Mapping[str, str], answer: str = "") -> str:
    """What the command says; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "test-alert", *words],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        input=answer,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def amtool_says(folder: Path, labels: Mapping[str, str]) -> list[str]:
    """The receivers by Alertmanager's own tool."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    command = [installed("amtool", "prometheus-alertmanager"), "config", "routes", "test"]
    said = subprocess.run(
        [*command, f"--config.file={folder}", *pairs], capture_output=True, text=True, check=True, timeout=60
    )
    return said.stdout.strip().split(",")


async def eventually(client: AlertmanagerClient, count: int) -> tuple[SeenAlert, ...]:
    """The alerts that Alertmanager holds, once they are so many."""
    async with asyncio.timeout(120):
        while True:
            found = await client.alerts()
            if len(found) == count:
                return found
            await asyncio.sleep(0.05)


async def test_a_drill_through_alertmanager_says_whom_it_reaches_and_is_known_by_its_fingerprint(
    tmp_path: Path, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> None:
    """The receivers are those that amtool names, the fingerprint is registered, and `--end` ends it."""
    alertmanager = start_alertmanager(CONFIGURATION)
    url = f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    environment = {"ALERTMANAGER_URL": alertmanager.url, "LIGHTSHIP_DATABASE_URL": url}
    said = await asyncio.to_thread(drill, "HighAPILatency", "--send", environment=environment, answer="y\n")
    client = AlertmanagerClient(alertmanager.url)
    (alert,) = await eventually(client, 1)
    config = alertmanager.directory / "alertmanager.yml"
    assert re.findall(r"^  (\w+) \(webhook\)$", said, re.MULTILINE) == amtool_says(config, alert.labels)
    (drill_id,) = re.findall(r"--end ([0-9a-f]{12})", said)
    async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
        assert await tx.drills.known({alert.fingerprint}) == {alert.fingerprint: drill_id}
    await asyncio.to_thread(drill, "--end", drill_id, environment=environment)
    await eventually(client, 0)
    await client.close()
