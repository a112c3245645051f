"""Posting, editing, finding and removing messages, and what every way to fail is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.adapters.slack import EVENT_TYPE, SlackNotifier
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_errors import read_delay
from bot.console.faults import Fault
from bot.domain.errors import (
    Ambiguous,
    ContentRefused,
    Forbidden,
    LightshipError,
    NotFound,
    Permanent,
    Temporary,
)
from bot.ports.notifier import RenderedMessage
from bot.telemetry import SLACK_CALLS
from tests.adapters.standin import html, standing_in, status, truncated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.adapters.slack import SlackChat
    from bot.console import SlackStandIn

CHANNEL = "C0CHURN"
MESSAGE = RenderedMessage(
    text="high latency",
    blocks=({"type": "section", "text": {"type": "mrkdwn", "text": "high latency"}},),
)


async def post(notifier: SlackNotifier, message_id: str = "m-1", **changes: Any) -> str:
    """Post the message with an id."""
    arguments: dict[str, Any] = {"channel": CHANNEL, "thread": None, "message": MESSAGE} | changes
    return await notifier.post(**arguments, metadata={"message_id": message_id})


def long_ago() -> datetime:
    """Before anything in these tests."""
    return datetime.now(UTC) - timedelta(hours=1)


async def test_a_post_carries_its_id_and_unfurls_nothing(
    notifier: SlackNotifier, slack: SlackStandIn
) -> None:
    """The timestamp comes back, the metadata is kept, and links are not unfolded."""
    ts = await post(notifier)
    kept = slack.workspace.messages[CHANNEL, ts]
    assert kept.text == "high latency"
    assert kept.metadata == {"event_type": EVENT_TYPE, "event_payload": {"message_id": "m-1"}}
    arguments = slack.recording.of("chat.postMessage")[0].arguments
    assert not arguments["unfurl_links"]
    assert not arguments["unfurl_media"]


async def test_an_edit_without_blocks_takes_the_old_ones_away(
    notifier: SlackNotifier, slack: SlackStandIn
) -> None:
    """What is shown is exactly what was rendered last, and the id stays findable."""
    ts = await post(notifier)
    await notifier.update(channel=CHANNEL, ts=ts, message=RenderedMessage(text="over"))
    assert (slack.workspace.messages[CHANNEL, ts].text, slack.workspace.messages[CHANNEL, ts].blocks) == (
        "over",
        (),
    )
    assert await notifier.find(channel=CHANNEL, thread=None, message_id="m-1", since=long_ago()) == (ts,)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.hang("chat.postMessage", applied=True),
        Fault.drop("chat.postMessage", applied=True),
        Fault.failing("internal_error", "chat.postMessage", applied=True),
        Fault.failing("fatal_error", "chat.postMessage", applied=True),
        Fault.failing("service_unavailable", "chat.postMessage", applied=True),
        Fault.failing("request_timeout", "chat.postMessage", applied=True),
        Fault.unavailable("chat.postMessage", applied=True),
    ],
    ids=lambda fault: f"{fault.kind.value}-{fault.error}",
)
async def test_a_post_whose_answer_is_lost_is_ambiguous_and_found_again(
    notifier: SlackNotifier, slack: SlackStandIn, fault: Fault
) -> None:
    """One request is sent, never a second; the message is found by its id, in a thread too."""
    parent = await post(notifier, "parent")
    slack.faults.add(fault)
    with pytest.raises(Ambiguous):
        await post(notifier, "m-2", thread=parent)
    assert len(slack.recording.of("chat.postMessage")) == 2
    found = await notifier.find(channel=CHANNEL, thread=parent, message_id="m-2", since=long_ago())
    assert len(found) == 1
    assert await notifier.find(channel=CHANNEL, thread=parent, message_id="m-3", since=long_ago()) == ()


@pytest.mark.parametrize("fault", [Fault.drop("chat.update"), Fault.failing("internal_error", "chat.update")])
async def test_an_edit_whose_answer_is_lost_can_simply_be_repeated(
    notifier: SlackNotifier, slack: SlackStandIn, fault: Fault
) -> None:
    """It is temporary and not ambiguous."""
    ts = await post(notifier)
    slack.faults.add(fault)
    with pytest.raises(Temporary) as caught:
        await notifier.update(channel=CHANNEL, ts=ts, message=MESSAGE)
    assert not isinstance(caught.value, Ambiguous)


def with_body(body: bytes, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """An answer of status 200 with this body."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        html,
        with_body(b"ok", "text/plain"),
        with_body(b"", "application/json"),
        with_body(b"{", "application/json"),
        with_body(b'{"ok": true, "ts": "\xff"}', "application/json"),
        with_body(b"\x1f\x8b", "application/gzip"),
        *(status(200, body) for body in ([], [1], "ok", 1, {"ok": True}, {"ok": True, "ts": 1.5})),
        truncated,
    ],
)
async def test_an_answer_that_is_none_may_have_been_a_message(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    """Whatever comes with status 200 in place of Slack's JSON: the post is looked up before the next."""
    async with standing_in(answer) as side, SlackCalls(token="xoxb-1", base_url=f"{side.url}/") as calls:
        with pytest.raises(Ambiguous):
            await post(SlackNotifier(calls))
        assert len(side.bodies) == 1


@pytest.mark.parametrize("answer", [with_body(b"ok", "text/plain"), with_body(b'"\xff"', "application/json")])
async def test_an_edit_whose_answer_is_none_is_simply_repeated(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    """And never taken for shown."""
    async with standing_in(answer) as side, SlackCalls(token="xoxb-1", base_url=f"{side.url}/") as calls:
        with pytest.raises(Temporary, match="cannot be read") as caught:
            await SlackNotifier(calls).update(channel=CHANNEL, ts="1.0", message=MESSAGE)
    assert not isinstance(caught.value, Ambiguous)


async def test_a_rate_limit_says_for_how_long(notifier: SlackNotifier, slack: SlackStandIn) -> None:
    """429 is temporary with Slack's own delay, and certainly nothing was posted."""
    slack.faults.add(Fault.rate_limited("chat.postMessage", retry_after=7))
    with pytest.raises(Temporary) as caught:
        await post(notifier)
    assert caught.value.delay == 7.0
    assert not isinstance(caught.value, Ambiguous)


@pytest.mark.parametrize(
    ("said", "delay"),
    [
        ("0", 1.0),
        ("-7", 1.0),
        ("2.5", 2.5),
        ("99999", 3600.0),
        ("inf", 3600.0),
        ("1e400", 3600.0),
        (None, 30.0),
        ("soon", 30.0),
        ("nan", 30.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
    ],
)
def test_retry_after_is_bounded(said: object, delay: float) -> None:
    """Whatever the header says, the wait is between a second and an hour."""
    assert read_delay(said) == delay


async def test_a_slack_that_cannot_be_reached_took_nothing() -> None:
    """Where no connection was made, a post is temporary and not ambiguous."""
    async with SlackCalls(token="xoxb-1", base_url="http://127.0.0.1:9/api/", total_timeout=2.0) as calls:
        with pytest.raises(Temporary) as caught:
            await calls.call("chat.postMessage", {}, repeatable=False)
    assert not isinstance(caught.value, Ambiguous)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("channel_not_found", Permanent, "invite"),
        ("not_in_channel", Permanent, "invite it"),
        ("is_archived", Permanent, "unarchive"),
        ("invalid_auth", Permanent, "SLACK_BOT_TOKEN"),
        ("token_revoked", Permanent, "install the app again"),
        ("account_inactive", Permanent, "install the app again"),
        ("missing_scope", Forbidden, "scope"),
        ("msg_too_long", ContentRefused, "msg too long"),
        ("msg_blocks_too_long", ContentRefused, "msg blocks too long"),
        ("no_text", ContentRefused, "no text"),
        ("thread_not_found", NotFound, "thread not found"),
        ("message_not_found", NotFound, "message not found"),
        ("invalid_blocks", ContentRefused, "invalid blocks"),
        ("some_new_error", Permanent, "some_new_error"),
    ],
)
async def test_each_refusal_says_what_to_do(
    notifier: SlackNotifier, slack: SlackStandIn, code: str, kind: type[LightshipError], words: str
) -> None:
    """Slack's code becomes our word, with advice and without the token."""
    slack.faults.add(Fault.failing(code, "chat.postMessage"))
    with pytest.raises(kind, match=words) as caught:
        await post(notifier)
    assert not isinstance(caught.value, Temporary)
    assert slack.workspace.app.bot_token not in str(caught.value)


async def test_editing_what_is_gone_is_not_found_and_removing_it_is_no_error(
    notifier: SlackNotifier, slack: SlackStandIn
) -> None:
    """A message that somebody deleted is told apart from everything else."""
    ts = await post(notifier)
    slack.faults.add(Fault.message_deleted())
    with pytest.raises(NotFound):
        await notifier.update(channel=CHANNEL, ts=ts, message=MESSAGE)
    await notifier.delete(channel=CHANNEL, ts=ts)


async def test_removing_takes_one_s_own_message_away(notifier: SlackNotifier, slack: SlackStandIn) -> None:
    """After a lost lease the duplicate disappears."""
    ts = await post(notifier)
    await notifier.delete(channel=CHANNEL, ts=ts)
    assert (CHANNEL, ts) not in slack.workspace.messages


async def test_a_private_answer_uses_the_response_address_once(chat: SlackChat, slack: SlackStandIn) -> None:
    """A used-up address is permanent, so that the caller can take another way."""
    with pytest.raises(Permanent):
        await chat.respond(url=f"{slack.base_url}/actions/T0LOCAL/unknown", thread=None, message=MESSAGE)
    assert len(slack.recording.of("response_url")) == 1


async def test_calls_are_counted_by_a_bounded_outcome(notifier: SlackNotifier, slack: SlackStandIn) -> None:
    """A code that we do not know is counted as `other`, never by its own name."""

    def count(outcome: str) -> float:
        return float(SLACK_CALLS.labels(method="chat.postMessage", outcome=outcome)._value.get())

    before = count("ok"), count("other"), count("ratelimited")
    await post(notifier)
    slack.faults.add(Fault.failing("an_error_of_tomorrow", "chat.postMessage"), Fault.rate_limited())
    for _ in range(2):
        with pytest.raises(LightshipError):
            await post(notifier)
    assert (count("ok"), count("other"), count("ratelimited")) == tuple(n + 1 for n in before)
