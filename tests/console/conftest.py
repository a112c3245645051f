"""The stand-in with the demo workspace, a hand-moved clock, and the SDK's own clients against it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.util import find_spec

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.console.demo import demo_commands

BROWSER = ("playwright", "axe_playwright_python", "PIL")
collect_ignore = [] if all(map(find_spec, BROWSER)) else ["test_page_look.py"]
"""Playwright is of the group `examples`; the quick suite runs without it."""

SECRET = "signing-secret-of-the-test"


class HandClock:
    """A clock that moves only by hand, started at the real time so that signatures are fresh."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


@pytest.fixture
def clock() -> HandClock:
    """The clock of the workspace under test."""
    return HandClock()


@pytest.fixture
async def slack(clock: HandClock) -> AsyncIterator[SlackStandIn]:
    """A running stand-in without rate limits, so that only the tests of rates meet them."""
    stand_in = SlackStandIn(
        demo_workspace(clock=clock),
        signing_secret=SECRET,
        commands=demo_commands(),
        subscribed_events=("app_mention", "message.channels"),
        rates=RateLimits(enabled=False),
        ack_timeout=1.0,
        retry_delays=(0.0, 0.0, 0.0),
    )
    async with stand_in:
        yield stand_in


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One client session, closed at the end."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(slack: SlackStandIn, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Slack's own client with the bot's token and no retry handler."""
    return AsyncWebClient(
        token=slack.workspace.app.bot_token,
        base_url=slack.api_url,
        session=session,
        retry_handlers=[],
        timeout=5,
    )


Serving = Callable[[aiohttp.web.Application], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serving]:
    """Serves an application on a free loopback port and gives its base address."""
    runners: list[aiohttp.web.AppRunner] = []

    async def started(application: aiohttp.web.Application) -> str:
        runner = aiohttp.web.AppRunner(application, shutdown_timeout=1.0)
        runners.append(runner)
        await runner.setup()
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield started
    for runner in runners:
        await runner.cleanup()


class Listener:
    """An app that only listens, and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[web.Response | None] = []

    async def take(self, request: web.Request) -> web.Response:
        """Notes the request; None hangs."""
        self.requests.append((dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else web.Response()
        if answer is None:
            await asyncio.Event().wait()
        assert answer is not None
        return answer


@pytest.fixture
async def listener(slack: SlackStandIn, serve: Serving) -> Listener:
    """Stands where the app would."""
    found = Listener()
    application = web.Application()
    application.router.add_post("/", found.take)
    slack.delivery.events_url = await serve(application) + "/"
    return found
