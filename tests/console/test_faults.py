"""The fault script: every way in which Slack fails, and whether the call took effect."""

import asyncio
import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import Fault, SlackStandIn

Failure = (SlackApiError, SlackRequestError, aiohttp.ClientError, TimeoutError)


async def post(client: AsyncWebClient) -> None:
    """One post."""
    await client.chat_postMessage(channel="C0CHURN", text="x")


@pytest.mark.parametrize(
    ("fault", "outcome", "posted"),
    [
        (Fault.unavailable(), "http_503", 0),
        (Fault.unavailable(applied=True), "http_503", 1),
        (Fault.drop(), "dropped", 0),
        (Fault.drop(applied=True), "dropped", 1),
        (Fault.failing("internal_error"), "internal_error", 0),
        (Fault.failing("internal_error", applied=True), "internal_error", 1),
        (Fault.token_revoked(times=1), "token_revoked", 0),
        (Fault.channel_archived(), "is_archived", 0),
    ],
)
async def test_a_failed_post_is_there_only_if_slack_took_it(
    slack: SlackStandIn, client: AsyncWebClient, fault: Fault, outcome: str, posted: int
) -> None:
    """The client fails either way; the recording and the channel say what happened."""
    slack.faults.add(fault)
    with pytest.raises(Failure):
        await post(client)
    (call,) = slack.recording.calls
    assert (call.outcome, call.applied) == (outcome, bool(posted))
    assert len(slack.workspace.history("C0CHURN")) == posted


@pytest.mark.parametrize("applied", [False, True])
async def test_a_hanging_call_ends_with_the_clients_patience(
    slack: SlackStandIn, client: AsyncWebClient, applied: bool
) -> None:
    """No answer comes; the client's own time-out ends it."""
    slack.faults.add(Fault.hang(applied=applied))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await post(client)
    assert len(slack.workspace.history("C0CHURN")) == int(applied)
    await post(client)


async def test_a_held_call_is_taken_when_it_is_released(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """Until then nothing is posted and nothing answered."""
    slack.faults.add(Fault.held())
    held = asyncio.create_task(post(client))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(held)
    assert not slack.faults.pending
    assert slack.workspace.history("C0CHURN") == []
    slack.faults.release()
    await held
    assert len(slack.workspace.history("C0CHURN")) == 1


async def test_a_faked_429_says_how_long_to_wait(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """Retry-After is what the script says."""
    slack.faults.add(Fault.rate_limited(retry_after=17))
    with pytest.raises(SlackApiError) as refused:
        await post(client)
    assert refused.value.response.headers["Retry-After"] == "17"


async def test_a_deleted_message_cannot_be_updated(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """Somebody deletes it just before the update."""
    ts = (await client.chat_postMessage(channel="C0CHURN", text="x"))["ts"]
    slack.faults.add(Fault.message_deleted())
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel="C0CHURN", ts=ts, text="y")


async def test_a_slow_call_is_taken_in_the_end(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """The delay is real time."""
    slack.faults.add(Fault.slow(0.15))
    started = time.monotonic()
    await post(client)
    assert time.monotonic() - started >= 0.15


async def test_a_fault_strikes_its_method_so_many_times_after_letting_some_through(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    """`skip` and `times` count matching calls only."""
    slack.faults.add(
        Fault(kind=Fault.failing("").kind, method="chat.postMessage", error="fatal_error", skip=1, times=2)
    )
    outcomes = []
    for _ in range(4):
        await client.auth_test()
        try:
            await post(client)
            outcomes.append("ok")
        except SlackApiError as refused:
            outcomes.append(refused.response["error"])
    assert outcomes == ["ok", "fatal_error", "fatal_error", "ok"]


async def test_waiting_on_the_recording_needs_no_sleep(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """`until` gives what it waited for, or says that it did not come."""
    waiting = asyncio.create_task(slack.recording.until(lambda: slack.recording.of("chat.postMessage")))
    await post(client)
    assert len(await waiting) == 1
    with pytest.raises(TimeoutError):
        await slack.recording.until(lambda: slack.recording.of("chat.delete"), timeout=0.05)
