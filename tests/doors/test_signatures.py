"""Who may knock at /slack/events: only Slack, and only once in five minutes."""

from __future__ import annotations

import io
import json
import logging
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.console.delivery import signed_request
from tests.doors.conftest import SECRET

if TYPE_CHECKING:
    from tests.doors.conftest import Bot

COMMAND = {
    "command": "/churn",
    "text": "ack",
    "user_id": "U0ALICE",
    "team_id": "T0LOCAL",
    "channel_id": "C0CHURN",
    "response_url": "http://127.0.0.1:9/",
    "trigger_id": "1.2.3",
}


async def send(bot: Bot, headers: dict[str, str], body: bytes | io.BytesIO) -> int:
    """The status of the answer to a raw request."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(bot.url, data=body, headers=headers) as answer,
    ):
        return answer.status


@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [
        (SECRET, 0, 200),
        (SECRET, 290, 200),
        (SECRET, 301, 401),
        (SECRET, -301, 401),
        ("other", 0, 401),
        ("", 0, 401),
    ],
)
async def test_a_signature_must_be_right_and_fresh(bot: Bot, secret: str, age: int, status: int) -> None:
    """A wrong secret, a replay after five minutes and a time ahead are refused; nothing is done then."""
    made = signed_request(COMMAND, kind="slash_commands", signing_secret=secret, now=time.time() - age)
    assert await send(bot, made.headers, made.body) == status
    await bot.work.settled()
    assert bool(bot.engines.asked) == (status == 200)


async def test_a_changed_body_or_a_missing_signature_is_refused(bot: Bot) -> None:
    """The signature covers the body and the time; without headers there is no way in."""
    made = signed_request(COMMAND, kind="slash_commands", signing_secret=SECRET, now=time.time())
    assert await send(bot, made.headers, made.body.replace(b"U0ALICE", b"U0BOBBY")) == 401
    later = {**made.headers, "X-Slack-Request-Timestamp": str(int(time.time()) + 1)}
    assert await send(bot, later, made.body) == 401
    assert await send(bot, {"Content-Type": made.headers["Content-Type"]}, made.body) == 401
    await bot.work.settled()
    assert bot.engines.asked == []


async def test_slack_s_check_of_the_address_is_answered(bot: Bot) -> None:
    """url_verification gives the challenge back, when it is signed."""
    payload = {"type": "url_verification", "challenge": "c-1", "token": "x"}
    made = signed_request(payload, kind="events_api", signing_secret=SECRET, now=time.time())
    async with (
        aiohttp.ClientSession() as session,
        session.post(bot.url, data=made.body, headers=made.headers) as answer,
    ):
        assert json.loads(await answer.text()) == {"challenge": "c-1"}


@pytest.mark.parametrize(
    "payload", [{}, {"type": "block_actions"}, {"type": "view_submission"}, {"type": "x"}]
)
async def test_a_signed_but_shapeless_payload_does_no_harm(bot: Bot, payload: dict[str, str]) -> None:
    """Whatever Slack may send one day is answered without an error of ours."""
    made = signed_request(payload, kind="interactive", signing_secret=SECRET, now=time.time())
    assert await send(bot, made.headers, made.body) in {200, 404}
    await bot.work.settled()
    assert bot.engines.asked == []


async def test_a_body_over_a_megabyte_or_undecodable_is_refused(bot: Bot) -> None:
    """Before any of it is worked on."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await send(bot, headers, io.BytesIO(b"a" * 2_000_000)) == 413
    assert await send(bot, headers, b"\xff\xfe\xff") == 400


async def test_bolt_leaves_our_loggers_alone(bot: Bot) -> None:
    """Bolt sets the level of the logger that carries its app's name; none of ours may be that one."""
    assert bot.url
    assert logging.getLogger("lightship").level == logging.NOTSET
