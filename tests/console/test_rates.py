"""Rate limits under a clock moved by hand."""

import pytest
from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import RateLimits, SlackStandIn, demo_workspace
from tests.console.conftest import HandClock


def test_a_channel_takes_a_short_burst_and_then_one_post_a_second() -> None:
    """Five at once, then a wait of one second; another channel is not held up."""
    rates = RateLimits()
    assert [rates.wait("chat.postMessage", "C1", 0.0) for _ in range(6)] == [0, 0, 0, 0, 0, 1]
    assert rates.wait("chat.postMessage", "C2", 0.0) == 0
    assert rates.wait("chat.postMessage", "C1", 1.0) == 0
    assert rates.wait("chat.postMessage", "C1", 1.0) == 1


def test_updates_are_fifty_a_minute_for_the_whole_workspace() -> None:
    """The fifty-first waits until the first is a minute old, whichever the channel."""
    rates = RateLimits()
    assert {rates.wait("chat.update", f"C{n}", float(n)) for n in range(50)} == {0}
    assert rates.wait("chat.update", "C99", 50.0) == 10
    assert rates.wait("chat.update", "C99", 60.0) == 0


def test_a_refused_call_does_not_count() -> None:
    """Trying again and again does not push the end of the wait away."""
    rates = RateLimits(per_minute={"views.open": 1})
    rates.wait("views.open", None, 0.0)
    assert [rates.wait("views.open", None, float(n)) for n in (10, 30, 59)] == [50, 30, 1]
    assert rates.wait("views.open", None, 60.0) == 0


async def test_beyond_the_rate_slack_answers_429_with_retry_after(session: ClientSession) -> None:
    """The client sees `ratelimited` and the seconds to wait; after them the call passes."""
    clock = HandClock()
    async with SlackStandIn(demo_workspace(clock=clock), rates=RateLimits(burst=1)) as slack:
        client = AsyncWebClient(
            token="xoxb-local", base_url=slack.api_url, session=session, retry_handlers=[]
        )
        await client.chat_postMessage(channel="C0CHURN", text="1")
        with pytest.raises(SlackApiError) as refused:
            await client.chat_postMessage(channel="C0CHURN", text="2")
        answer = refused.value.response
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        clock.now += 1
        await client.chat_postMessage(channel="C0CHURN", text="2")
        assert [call.outcome for call in slack.recording.calls] == ["ok", "ratelimited", "ok"]
