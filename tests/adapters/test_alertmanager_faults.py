from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.adapters.alertmanager import AlertmanagerClient
from bot.domain.errors import Ambiguous, NotFound, Permanent, Temporary
from bot.domain.matchers import parse_matchers
from bot.testing import START
from tests.adapters.standin import drop, endless, hang, html, standing_in, status, truncated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def create(client: AlertmanagerClient) -> str:
    """Create a silence of an hour."""
    return await client.create(
        matchers=parse_matchers('alertname="X"'),
        starts_at=START,
        ends_at=START + timedelta(hours=1),
        created_by="U0ALICE",
        comment="known",
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(500, "boom"), Temporary),
        (status(429), Temporary),
        (status(404), NotFound),
        (status(401), Permanent),
        (html, Permanent),
        (status(200, [{"labels": 3}]), Permanent),
        (truncated, Temporary),
        (endless, Temporary),
        (drop, Temporary),
        (hang, Temporary),
    ],
)
async def test_a_read_fails_in_known_words(answer: Answer, error: type[Exception]) -> None:
    """Every misbehaviour of the server is one of our errors and never ambiguous."""
    async with standing_in(answer) as server:
        client = AlertmanagerClient(server.url, timeout=0.5, max_bytes=1_000_000)
        with pytest.raises(error) as raised:
            await client.alerts()
        await client.close()
        assert not isinstance(raised.value, Ambiguous)


@pytest.mark.parametrize("answer", [status(500), html, truncated, endless, drop, hang, status(200, {})])
async def test_a_silence_without_a_clear_answer_is_ambiguous(answer: Answer) -> None:
    """Where the silence may have been created that is said, and the request was sent once."""
    async with standing_in(answer) as server:
        client = AlertmanagerClient(server.url, timeout=0.5, max_bytes=1_000_000)
        with pytest.raises(Ambiguous):
            await create(client)
        await client.close()
        assert server.got == [("POST", "/api/v2/silences")]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(400, "bad matcher format"), Permanent, "bad matcher format"),
        (status(429), Temporary, "429"),
    ],
)
async def test_a_refused_silence_is_not_ambiguous(answer: Answer, error: type[Exception], words: str) -> None:
    """Where the server says no, nothing is left open."""
    async with standing_in(answer) as server:
        client = AlertmanagerClient(server.url)
        with pytest.raises(error, match=words) as raised:
            await create(client)
        await client.close()
        assert not isinstance(raised.value, Ambiguous)


async def test_an_unreachable_server_created_nothing() -> None:
    """No connection is temporary, not ambiguous, and the address is not shown."""
    client = AlertmanagerClient("http://user:secret@127.0.0.1:9")
    with pytest.raises(Temporary) as raised:
        await create(client)
    await client.close()
    assert not isinstance(raised.value, Ambiguous)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("silence_id", ["", "../status", "a/b", "x?y"])
async def test_an_id_cannot_lead_elsewhere(silence_id: str) -> None:
    """Whatever is given as an id is no path."""
    async with standing_in(status(200)) as server:
        client = AlertmanagerClient(server.url)
        with pytest.raises(Permanent):
            await client.expire(silence_id)
        await client.close()
        assert not server.got


async def test_without_an_address_the_setting_is_named() -> None:
    """Not configured is permanent, with the name of the variable."""
    with pytest.raises(Permanent, match="ALERTMANAGER_URL"):
        await AlertmanagerClient("").alerts()
