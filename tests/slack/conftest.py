"""The stand-in for Slack with more kinds of people, and the adapters against it, impatient ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.adapters.slack import SlackChat, SlackNotifier
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import SlackDirectory
from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.console.values import User
from bot.testing import FrozenClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STRANGER = User(id="U0OTHER", name="other", team_id="T0OTHER")
GONE = User(id="U0GONE", name="gone", is_deleted=True)


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    """The demo workspace with a stranger and somebody who left."""
    workspace = demo_workspace()
    workspace.users |= {STRANGER.id: STRANGER, GONE.id: GONE}
    async with SlackStandIn(workspace, rates=RateLimits(enabled=False)) as stand_in:
        yield stand_in


@pytest.fixture
async def calls(slack: SlackStandIn) -> AsyncIterator[SlackCalls]:
    """Calls that give up after a moment."""
    async with SlackCalls(
        token=slack.workspace.app.bot_token, base_url=slack.api_url, total_timeout=0.4
    ) as opened:
        yield opened


@pytest.fixture
def notifier(calls: SlackCalls) -> SlackNotifier:
    """The public side."""
    return SlackNotifier(calls)


@pytest.fixture
def chat(calls: SlackCalls) -> SlackChat:
    """The private side."""
    return SlackChat(calls)


@pytest.fixture
def clock() -> FrozenClock:
    """The directory's clock."""
    return FrozenClock()


@pytest.fixture
def directory(calls: SlackCalls, clock: FrozenClock) -> SlackDirectory:
    """The directory."""
    return SlackDirectory(calls, clock=clock)
