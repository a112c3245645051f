"""A whole bot at its doors: the stand-in for Slack, real signatures over HTTP, engines that keep a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.slack import SlackChat
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import SlackDirectory
from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.console.demo import demo_commands
from bot.console.values import User
from bot.rendering.buttons import action_id, encode_value
from bot.testing import FrozenClock
from handlers.actions import ActionDoor
from handlers.answering import Answers
from handlers.authorizing import Gate
from handlers.commands import CommandDoor
from handlers.health import HealthDoor
from handlers.server import Doors, Server
from handlers.services import Services
from handlers.slack_app import SlackDoor
from handlers.views import ViewDoor
from handlers.working import Work
from tests.doors.alert_bench import AlertBench
from tests.doors.engine_bench import CHURN, ListEngines, make_incident

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.console.delivery import Ack
    from bot.rendering.buttons import ActionWord, ButtonValue

SECRET = "signing-secret-of-the-test"


@dataclass(kw_only=True)
class Bot:
    """The stand-in, the engines behind the doors, and what people do."""

    slack: SlackStandIn
    engines: ListEngines
    work: Work
    clock: FrozenClock
    url: str

    async def ask(self, text: str, *, user: str = "U0ALICE", channel: str = "C0CHURN") -> str:
        """Give the command and wait for its answer, which must be private."""
        ack = await self.slack.people.command(user, channel, "/churn", text)
        assert ack.ok, ack
        await self.work.settled()
        return self.whispered(user, channel)

    def whispered(self, user: str, channel: str = "C0CHURN") -> str:
        """The newest private message to a user, its text and blocks in one; empty where there is none."""
        found = [
            message
            for message in self.slack.workspace.messages.values()
            if message.only_for == user and message.channel == channel
        ]
        return f"{found[-1].text} {found[-1].blocks}" if found else ""

    def post(self, *buttons: tuple[ActionWord, str, ButtonValue], channel: str = "C0CHURN") -> str:
        """A message of the bot's with buttons; its timestamp id."""
        elements = [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": word.value},
                "action_id": action_id(word, suffix),
                "value": encode_value(value),
            }
            for word, suffix, value in buttons
        ]
        return self.post_raw(elements, channel=channel)

    def post_raw(self, elements: list[dict[str, Any]], *, channel: str = "C0CHURN") -> str:
        """A message of the bot's with any elements."""
        block = {"type": "actions", "block_id": "b", "elements": elements}
        return self.slack.workspace.post(
            channel, user=self.slack.workspace.app.bot_user_id, text="an incident", blocks=(block,)
        ).ts

    async def press(self, ts: str, action: str, *, user: str = "U0ALICE", channel: str = "C0CHURN") -> str:
        """Press a button and wait for what it does; the private answer."""
        ack = await self.slack.people.press(user, channel, ts, action)
        assert ack.ok, ack
        await self.work.settled()
        return self.whispered(user, channel)

    async def submit(self, answers: Mapping[str, Mapping[str, str]], *, user: str = "U0ALICE") -> Ack:
        """Submit the user's open modal and wait for what it does."""
        ack = await self.slack.people.submit(user, answers=answers)
        await self.work.settled()
        return ack

    def modal(self, user: str = "U0ALICE") -> dict[str, Any]:
        """The body of the user's topmost modal."""
        return self.slack.workspace.views.of_user(user)[-1].body


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    """The demo workspace with somebody of another one."""
    workspace = demo_workspace()
    workspace.users["U0OTHER"] = User(id="U0OTHER", name="other", team_id="T0OTHER")
    stand_in = SlackStandIn(
        workspace,
        signing_secret=SECRET,
        commands=demo_commands(),
        rates=RateLimits(enabled=False),
        retry_delays=(),
    )
    async with stand_in:
        yield stand_in


@pytest.fixture
async def bot(slack: SlackStandIn) -> AsyncIterator[Bot]:
    """Everything between Slack's requests and the engines, as bootstrap puts it together."""
    clock = FrozenClock()
    engines = ListEngines(incidents_known={7: make_incident(7)})
    work = Work(at_most=8)
    async with SlackCalls(
        token=slack.workspace.app.bot_token, base_url=slack.api_url, total_timeout=60.0
    ) as calls:
        shared: dict[str, Any] = {
            "engines": engines.as_engines(),
            "services": Services([CHURN]),
            "gate": Gate(SlackDirectory(calls, clock=clock)),
            "answers": Answers(SlackChat(calls)),
            "work": work,
        }
        door = SlackDoor(
            client=calls.client(),
            signing_secret=SECRET,
            commands=CommandDoor(**shared, clock=clock),
            actions=ActionDoor(**shared, clock=clock),
            views=ViewDoor(**shared),
        )

        async def nothing() -> Any:
            raise AssertionError("no metrics are read in these tests")

        doors = Doors(
            alertmanager=AlertBench().door,
            health=HealthDoor(probes=(), collect=nothing),
            slack=door,
            socket=None,
            work=work,
        )
        server = Server(doors, host="127.0.0.1", port=0)
        await server.start()
        url = f"http://127.0.0.1:{server.port}/slack/events"
        slack.delivery.events_url = url
        yield Bot(slack=slack, engines=engines, work=work, clock=clock, url=url)
        if engines.hanging is not None:
            engines.hanging.set()
        await server.stop()
