"""The assembled bot with its real engines, store and doors, as people in Slack meet it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.adapters.clock import OrderedIds, SystemClock
from bot.adapters.runbook_files import load_runbooks
from bot.bootstrap import assembly
from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import Surroundings, make_outside
from bot.cli.serving import serving
from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.console.demo import demo_commands
from bot.domain.messages import Pace
from bot.engines.publishing import PublishLimits
from bot.ports.readers import Resource
from bot.settings import load_settings, read_environment
from bot.shipped import shipped
from tests.opening import prepared
from tests.worlds.churn import NAMESPACE, churn_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bot.console.values import Message
    from bot.rehearsal.world import World

QUICK = Pace(
    channel_interval=timedelta(milliseconds=10), edit_interval=timedelta(milliseconds=10), edit_burst=10
)
SECRET, TOKEN, CHANNEL = "signing-secret-of-the-test", "webhook-token-of-the-test", "C0CHURN"


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """The running bot and the stand-in beside it."""

    slack: SlackStandIn
    world: World
    port: int

    async def replicas(self) -> int:
        """How many replicas the world's deployment wants."""
        found = await self.world.readers.cluster.get(
            Resource.DEPLOYMENTS, namespace=NAMESPACE, name="churn-api"
        )
        return int(found["spec"]["replicas"])

    async def alert(self, *, status: str = "firing", labels: Mapping[str, str] | None = None) -> None:
        """Post a webhook as Alertmanager would; it must be taken. `labels` come beside the usual ones."""
        usual = {"alertname": "HighAPILatency", "service": "churn", "severity": "critical"}
        alert = {
            "status": status,
            "labels": {**usual, **(labels or {})},
            "annotations": {"summary": "p99 is 2.3 s"},
            "startsAt": "2026-11-24T08:57:13.611Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "5b3d1b9c8f0a7d2e",
        }
        payload = {
            "version": "4",
            "groupKey": '{}:{alertname="HighAPILatency"}',
            "receiver": "lightship",
            "groupLabels": {"alertname": "HighAPILatency"},
            "externalURL": "http://alertmanager:9093",
            "alerts": [alert],
        }
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://127.0.0.1:{self.port}/alerts"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=payload, headers=headers) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def message(self, words: str, *, only_for: str | None = None) -> Message:
        """Wait for a message with these words in its text or blocks."""

        def found() -> Message | None:
            messages = self.slack.workspace.messages.values()
            fitting = [m for m in messages if m.only_for == only_for and words in f"{m.text} {m.blocks}"]
            return fitting[-1] if fitting else None

        return await self.slack.recording.until(found, timeout=60.0)

    def action(self, message: Message, word: str) -> str:
        """The action id of the message's first button with that word, as it stands now."""
        now = self.slack.workspace.messages[CHANNEL, message.ts]
        ids = [found for block in now.blocks for found in _action_ids(block)]
        return next(found for found in ids if found.partition(":")[0] == word)

    async def press(self, user: str, message: Message, word: str) -> None:
        """Press that button; it must be acknowledged."""
        ack = await self.slack.people.press(user, CHANNEL, message.ts, self.action(message, word))
        assert ack.ok, ack


def _action_ids(block: dict[str, Any]) -> list[str]:
    elements = [*block.get("elements", ()), block.get("accessory") or {}]
    return [str(element["action_id"]) for element in elements if "action_id" in element]


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Embedded]:
    """The shipped configuration and runbooks, a rehearsed world, SQLite, the stand-in for Slack.

    The stand-in takes any number of calls here, so nobody waits a second for the next of a channel.
    """
    monkeypatch.setattr(assembly, "PublishLimits", partial(PublishLimits, pace=QUICK))
    stand_in = SlackStandIn(
        demo_workspace(), signing_secret=SECRET, commands=demo_commands(), rates=RateLimits(enabled=False)
    )
    async with stand_in as slack:
        environment, _ = read_environment({})
        environment = replace(
            environment,
            slack_api_url=slack.api_url,
            slack_bot_token=SecretStr(slack.workspace.app.bot_token),
            slack_signing_secret=SecretStr(SECRET),
            webhook_token=SecretStr(TOKEN),
            database_url=SecretStr(prepared(f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}")),
            http_port=0,
        )
        settings = load_settings(shipped("lightship.yaml"), {}).settings
        assert settings is not None
        world = churn_world(SystemClock(), OrderedIds())
        surroundings = Surroundings(
            readers=world.readers,
            planner=world.planner,
            writers=world.writers,
            silencer=world.alertmanager,
        )
        lightship = Lightship(
            settings=settings,
            runbooks=load_runbooks([shipped("runbooks")]).runbooks,
            outside=make_outside(environment, surroundings),
        )
        async with serving(lightship, environment) as server:
            slack.delivery.events_url = f"http://127.0.0.1:{server.port}/slack/events"
            yield Embedded(slack=slack, world=world, port=server.port)


async def test_an_incident_is_taken_looked_at_and_ended_by_hand(bot: Embedded) -> None:
    """Acknowledge, timeline, status and resolve, by the buttons that were drawn and the command."""
    await bot.alert()
    incident = await bot.message("HighAPILatency")
    await bot.press("U0ALICE", incident, "acknowledge")
    await bot.message("is yours", only_for="U0ALICE")
    await bot.slack.recording.until(lambda: "acknowledged" in _shown(bot, incident))
    await bot.press("U0BOB", incident, "timeline")
    await bot.message("Timeline of #1", only_for="U0BOB")
    assert (await bot.slack.people.command("U0BOB", CHANNEL, "/churn", "status")).ok
    await bot.message("1 open incident", only_for="U0BOB")
    assert (await bot.slack.people.command("U0BOB", CHANNEL, "/churn", "resolve")).ok
    await bot.message("is resolved", only_for="U0BOB")
    await bot.slack.recording.until(lambda: "resolved" in _shown(bot, incident))


async def test_a_scaling_is_asked_for_by_one_and_approved_by_another(bot: Embedded) -> None:
    """The requester's own approval is refused, another approver's is carried out, once."""
    await bot.alert()
    await bot.message("HighAPILatency")
    assert (await bot.slack.people.command("U0ALICE", CHANNEL, "/churn", "scale 6 traffic doubled")).ok
    request = await bot.message("Approval needed")
    await bot.press("U0ALICE", request, "approve")
    await bot.message("somebody else has to approve", only_for="U0ALICE")
    assert await bot.replicas() == 3
    await bot.press("U0BOB", request, "approve")
    await bot.message("Approved.", only_for="U0BOB")
    await bot.slack.recording.until(lambda: "Approved" in _shown(bot, request))
    await bot.slack.recording.until(lambda: '"approve"' not in _shown(bot, request).replace("'", '"'))
    await bot.message("3 → 6")
    async with asyncio.timeout(10.0):
        while await bot.replicas() != 6:  # noqa: ASYNC110 - the world has no event for it
            await asyncio.sleep(0.05)


async def test_a_check_runs_again_when_somebody_presses_it(bot: Embedded) -> None:
    """Whoever asks right after the bot looked by itself is told that the result is there already."""
    await bot.alert()
    incident = await bot.message("HighAPILatency")
    await bot.slack.recording.until(lambda: "run_check" in _shown(bot, incident))
    await bot.press("U0BOB", incident, "run_check")
    await bot.slack.recording.until(
        lambda: any(m.only_for == "U0BOB" and m.text for m in bot.slack.workspace.messages.values())
    )
    assert (await bot.slack.people.command("U0BOB", CHANNEL, "/churn", "pods")).ok
    await bot.message("ready", only_for="U0BOB")


async def test_a_silence_is_made_and_lifted_from_the_same_message(bot: Embedded) -> None:
    """The form is filled in, the message shows the silence, and its own button ends it."""
    await bot.alert()
    incident = await bot.message("HighAPILatency")
    await bot.press("U0ALICE", incident, "silence")
    views = bot.slack.workspace.views
    await bot.slack.recording.until(
        lambda: views.of_user("U0ALICE") and views.of_user("U0ALICE")[-1].body.get("callback_id") == "silence"
    )
    assert (await bot.slack.people.submit("U0ALICE", answers={"duration": {"input": "1h"}})).ok
    await bot.message("is silenced for 1h", only_for="U0ALICE")
    await bot.slack.recording.until(lambda: "undo:silence" in _shown(bot, incident))
    await bot.press("U0BOB", incident, "undo")
    await bot.message("is heard again", only_for="U0BOB")


def _shown(bot: Embedded, message: Message) -> str:
    now = bot.slack.workspace.messages[CHANNEL, message.ts]
    return f"{now.text} {now.blocks}"


@pytest.mark.e2e
@pytest.mark.timeout(180)  # the first picture starts a process that loads matplotlib
async def test_a_graph_follows_in_the_thread(bot: Embedded) -> None:
    """Asked for its numbers, the incident has them at once; the picture comes after, drawn by the process."""
    await bot.alert()
    incident = await bot.message("HighAPILatency")
    await bot.slack.people.command("U0ALICE", CHANNEL, "/churn", "metrics --range 1h")
    await bot.message("follows in the thread of incident #1", only_for="U0ALICE")

    def pictures() -> list[Message]:
        files = bot.slack.workspace.files
        replies = bot.slack.workspace.replies(CHANNEL, incident.ts)
        return [m for m in replies if any(files[one].name == "metrics.png" for one in m.files)]

    await bot.slack.recording.until(pictures, timeout=150.0)
    (name,) = pictures()[-1].files
    file = bot.slack.workspace.files[name]
    assert file.content.startswith(b"\x89PNG")
    assert "P95 latency" in file.alt_text
    assert file.is_complete
