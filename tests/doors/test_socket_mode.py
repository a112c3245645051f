"""Socket Mode: the same doors, through a connection that the bot opens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.adapters.slack import SlackChat
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import SlackDirectory
from bot.console.faults import Fault
from bot.testing import FrozenClock
from handlers.actions import ActionDoor
from handlers.answering import Answers
from handlers.authorizing import Gate
from handlers.commands import CommandDoor
from handlers.services import Services
from handlers.slack_app import SlackDoor, SocketDoor
from handlers.views import ViewDoor
from handlers.working import Work
from tests.doors.engine_bench import CHURN, ListEngines, make_incident

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.console import SlackStandIn


class SocketBot:
    """A bot without an address of its own."""

    def __init__(self, slack: SlackStandIn, calls: SlackCalls) -> None:
        self.engines = ListEngines(incidents_known={7: make_incident(7)})
        self.work = Work()
        self.clock = FrozenClock()
        gate, answers = Gate(SlackDirectory(calls, clock=self.clock)), Answers(SlackChat(calls))
        engines, services = self.engines.as_engines(), Services([CHURN])
        self.door = SlackDoor(
            client=calls.client(),
            signing_secret=None,
            commands=CommandDoor(
                engines=engines,
                services=services,
                gate=gate,
                answers=answers,
                work=self.work,
                clock=self.clock,
            ),
            actions=ActionDoor(
                engines=engines,
                services=services,
                gate=gate,
                answers=answers,
                work=self.work,
                clock=self.clock,
            ),
            views=ViewDoor(engines=engines, services=services, gate=gate, answers=answers, work=self.work),
        )
        self.socket = SocketDoor(
            self.door, app_token=slack.workspace.app.app_token, client=calls.client(), ping_interval=0.2
        )


@pytest.fixture
async def bot(slack: SlackStandIn) -> AsyncIterator[SocketBot]:
    """Connecting."""
    async with SlackCalls(token=slack.workspace.app.bot_token, base_url=slack.api_url) as calls:
        made = SocketBot(slack, calls)
        yield made
        await made.socket.stop()


async def connected(bot: SocketBot) -> None:
    """Wait until Slack's envelopes reach the bot."""
    async with asyncio.timeout(10.0):
        while not await bot.socket.is_connected():  # noqa: ASYNC110 - the SDK has no event for it
            await asyncio.sleep(0.01)


async def test_a_command_comes_through_the_socket(slack: SlackStandIn, bot: SocketBot) -> None:
    """It is acknowledged through the connection, and the answer is private."""
    await bot.socket.start()
    await connected(bot)
    ack = await slack.people.command("U0ALICE", "C0CHURN", "/churn", "status")
    await bot.work.settled()
    assert ack.ok
    whispers = [m.text for m in slack.workspace.messages.values() if m.only_for == "U0ALICE"]
    assert len(whispers) == 1
    assert "1 open incident" in whispers[0]


async def test_a_bot_starts_while_slack_is_away_and_connects_later(
    slack: SlackStandIn, bot: SocketBot
) -> None:
    """Starting does not wait for Slack; it is tried again after a pause."""
    slack.faults.add(Fault.unavailable("apps.connections.open", times=2))
    await bot.socket.start()
    assert not await bot.socket.is_connected()
    await connected(bot)
    assert len(slack.recording.of("apps.connections.open")) == 3
