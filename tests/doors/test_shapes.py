"""What is no request of Slack's is refused before anything reads into it, and what is one passes."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console.delivery import signed_request
from handlers.shapes import is_shaped
from tests.doors.conftest import SECRET, Bot

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U0ALICE", "team_id": "T0DEMO"},
    "team": {"id": "T0DEMO", "domain": "demo"},
    "enterprise": None,
    "channel": {"id": "C0CHURN", "name": "churn"},
    "container": {"type": "message", "message_ts": "1.2", "channel_id": "C0CHURN"},
    "message": {"ts": "1.2", "blocks": []},
    "actions": [{"action_id": "approve", "type": "button", "block_id": "b", "value": "{}"}],
}
FORM: dict[str, Any] = {
    "type": "view_submission",
    "user": {"id": "U0ALICE"},
    "view": {"id": "V1", "type": "modal", "callback_id": "scale", "state": {"values": {}}},
    "response_urls": [],
}


@pytest.mark.parametrize(
    "body",
    [
        {},
        PRESS,
        FORM,
        {"command": "/churn", "text": "pods", "user_id": "U0ALICE"},
        {"type": "url_verification", "challenge": "c"},
        {"type": "event_callback", "team_id": "T", "event": {"type": "message"}, "authorizations": []},
    ],
)
def test_what_slack_sends_is_taken(body: dict[str, Any]) -> None:
    """Presses, forms, commands, events, the check of the address, and nothing at all."""
    assert is_shaped(body)


@given(JSON)
def test_any_value_has_an_answer(body: object) -> None:
    """Whatever JSON it is, the question is answered."""
    assert is_shaped(body) in {True, False}


@given(st.sampled_from(sorted(PRESS)), JSON)
def test_a_part_of_another_kind_is_refused_or_harmless(part: str, value: object) -> None:
    """With any one part replaced it is answered as well."""
    assert is_shaped({**PRESS, part: value}) in {True, False}


async def test_a_form_that_is_none_is_no_form(bot: Bot) -> None:
    """A shortcut with an empty `view` is answered as one without."""
    body = {"type": "shortcut", "user": {"id": "U0ALICE"}, "view": None}
    made = signed_request(body, kind="interactive", signing_secret=SECRET, now=time.time())
    async with (
        aiohttp.ClientSession() as session,
        session.post(bot.url, data=made.body, headers=made.headers) as answer,
    ):
        assert answer.status == 404


@pytest.mark.parametrize(
    ("honest", "part", "value"),
    [
        (PRESS, "type", None),
        (PRESS, "actions", "${jndi}"),
        (PRESS, "actions", [{}]),
        (PRESS, "user", []),
        (PRESS, "container", "x"),
        (FORM, "view", ""),
        (FORM, "view", {"id": "V1", "callback_id": "x"}),
        (FORM, "view", {**FORM["view"], "state": {"values": 1e308}}),
    ],
)
@pytest.mark.parametrize("secret", [SECRET, "another"])
async def test_what_is_not_is_the_sender_s_fault(
    bot: Bot, honest: dict[str, Any], part: str, value: object, secret: str
) -> None:
    """Signed or not it is 400, nothing is done, and no error of ours."""
    body = {**honest, part: value}
    made = signed_request(body, kind="interactive", signing_secret=secret, now=time.time())
    async with (
        aiohttp.ClientSession() as session,
        session.post(bot.url, data=made.body, headers=made.headers) as answer,
    ):
        assert answer.status == 400
    assert bot.engines.asked == []
