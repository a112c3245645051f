"""Whoever knocks, what he shows is compared whole and in constant time: no door has a quicker way to a no."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bot.console.delivery import signed_request
from bot.domain.auditing import entry_mac
from tests.doors.alert_bench import TOKEN
from tests.doors.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doors.conftest import Bot

SHOWN = ["", "x", TOKEN[:-1], TOKEN[:-1] + "~", TOKEN + "x", "x" * 5000]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What the real `compare_digest` was given since, by whoever asked."""
    asked: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def watched(one: Any, other: Any) -> bool:
        asked.append((as_bytes(one), as_bytes(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    return asked


def as_bytes(given: str | bytes) -> bytes:
    """Texts and bytes alike."""
    return given.encode() if isinstance(given, str) else given


async def knock(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of the answer."""
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("shown", [*SHOWN, TOKEN], ids=range(len(SHOWN) + 1))
async def test_the_webhook_token_is_compared_whole(
    bot: Bot, shown: str, compared: list[tuple[bytes, bytes]]
) -> None:
    """A token of another length or beginning takes the same way as the right one, and only that is taken."""
    url = bot.url.replace("/slack/events", "/alerts")
    status = await knock(url, {"Authorization": f"Bearer {shown}"}, b"{}")
    assert (status == 401) is (shown != TOKEN)
    assert compared == [(shown.encode(), TOKEN.encode())]


@pytest.mark.parametrize("secret", [SECRET, "other"])
async def test_slack_s_signature_is_compared_whole(
    bot: Bot, secret: str, compared: list[tuple[bytes, bytes]]
) -> None:
    """A signature in time is held against the right one in constant time, whichever it is."""
    made = signed_request(
        {"type": "url_verification", "challenge": "c", "token": "x"},
        kind="events_api",
        signing_secret=secret,
        now=time.time(),
    )
    status = await knock(bot.url, made.headers, made.body)
    assert status == (200 if secret == SECRET else 401)
    (pair,) = compared
    assert made.headers["X-Slack-Signature"].encode() in pair


@pytest.mark.parametrize(
    ("signature", "stamp"),
    [("v0=é", None), ("", None), ("v0=" + "0" * 9000, None), (None, "soon"), (None, "")],
)
async def test_what_is_no_signature_is_refused(bot: Bot, signature: str | None, stamp: str | None) -> None:
    """Neither letters that no signature has nor a time that is none is an error of the bot's."""
    made = signed_request({"type": "x"}, kind="events_api", signing_secret=SECRET, now=time.time())
    headers = {**made.headers}
    if signature is not None:
        headers["X-Slack-Signature"] = signature
    if stamp is not None:
        headers["X-Slack-Request-Timestamp"] = stamp
    assert await knock(bot.url, headers, made.body) in {400, 401}


async def test_the_check_of_the_certificate_does_nothing(bot: Bot) -> None:
    """Bolt lets `ssl_check=1` pass without a signature: it is answered, and nothing beside it is done."""
    body = b"ssl_check=1&command=%2Fchurn&text=ack&user_id=U0ALICE&channel_id=C0CHURN&team_id=T0LOCAL"
    assert await knock(bot.url, {"Content-Type": "application/x-www-form-urlencoded"}, body) == 200
    await bot.work.settled()
    assert bot.engines.asked == []


def test_the_audit_s_signatures_are_compared_whole(compared: list[tuple[bytes, bytes]]) -> None:
    """A forged entry learns nothing of the right signature either; `tests/auditing` tries the whole chain."""
    made = entry_mac(b"key", "entry")
    assert hmac.compare_digest(made, made)
    assert compared == [(made.encode(), made.encode())]
