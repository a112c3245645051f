"""The page's side of the server: what it serves, to whom, and how it is kept from doing harm."""

import json

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import Channel, SlackStandIn


async def test_the_page_comes_with_a_strict_policy_and_nothing_inline(
    slack: SlackStandIn, session: aiohttp.ClientSession
) -> None:
    """Scripts and styles come from own files only, and no inline script or handler is in the page."""
    async with session.get(f"{slack.base_url}/") as response:
        policy, text = response.headers["Content-Security-Policy"], await response.text()
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "<script>" not in text
    assert " on" + "click" not in text
    assert "http://" not in text


@pytest.mark.parametrize("path", ["app.js", "frame.css", "icon.svg"])
async def test_assets_are_served_with_their_type(
    slack: SlackStandIn, session: aiohttp.ClientSession, path: str
) -> None:
    """Each has a content type that a browser takes under nosniff."""
    async with session.get(f"{slack.base_url}/assets/{path}") as response:
        assert response.status == 200
        assert response.content_type in {"text/javascript", "text/css", "image/svg+xml"}
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["..%2fserver.py", "server.py", "nothing.js", "%2e%2e%2fdemo.py"])
async def test_only_assets_are_served(slack: SlackStandIn, session: aiohttp.ClientSession, path: str) -> None:
    """No path leads out of the folder of assets."""
    async with session.get(f"{slack.base_url}/assets/{path}") as response:
        assert response.status == 404


async def test_a_strange_host_name_is_refused(slack: SlackStandIn, session: aiohttp.ClientSession) -> None:
    """A website whose name was pointed at this machine cannot read the console."""
    async with session.get(f"{slack.base_url}/page/state", headers={"Host": "evil.example"}) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 200),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
    ],
)
async def test_only_the_page_itself_may_act(
    slack: SlackStandIn, session: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    """Another website's form or fetch does nothing."""
    body = json.dumps({"user": "U0BOB", "channel": "C0CHURN", "text": "hi"})
    async with session.post(f"{slack.base_url}/page/say", data=body, headers=headers) as response:
        assert response.status == status
    assert len(slack.workspace.history("C0CHURN")) == int(status == 200)


async def state_of(
    slack: SlackStandIn, session: aiohttp.ClientSession, user: str
) -> dict[str, list[dict[str, str]]]:
    """What the page of that user draws."""
    async with session.get(f"{slack.base_url}/page/state", params={"user": user}) as response:
        found: dict[str, list[dict[str, str]]] = await response.json()
    return found


async def test_a_user_sees_own_ephemerals_and_open_channels_only(
    slack: SlackStandIn, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    """Neither another's ephemeral message nor a private channel is sent to the page."""
    slack.workspace.put_channel(
        Channel(id="C0SECRET", name="secret", is_private=True, members=frozenset({"U0BOB"}))
    )
    slack.workspace.post("C0SECRET", user="U0BOB", text="hidden")
    await client.chat_postEphemeral(channel="C0CHURN", user="U0BOB", text="for bob")
    bob, alice = await state_of(slack, session, "U0BOB"), await state_of(slack, session, "U0ALICE")
    assert [m["text"] for m in bob["messages"]] == ["for bob", "hidden"]
    assert alice["messages"] == []
    assert [c["id"] for c in alice["channels"]] == ["C0CHURN", "C0OPS"]


async def test_changes_are_streamed_to_those_who_may_see_them(
    slack: SlackStandIn, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    """A whisper to Bob goes past Alice's page; the next public message reaches it."""
    async with session.get(f"{slack.base_url}/page/stream", params={"user": "U0ALICE"}) as stream:
        assert (await stream.content.readline()).startswith(b": welcome")
        await slack.recording.until(lambda: len(slack.workspace.listeners) > 1)
        await client.chat_postEphemeral(channel="C0CHURN", user="U0BOB", text="for bob")
        await client.chat_postMessage(channel="C0CHURN", text="for all")
        await stream.content.readline()
        line = await stream.content.readline()
    told = json.loads(line.removeprefix(b"data: "))
    assert (told["kind"], told["message"]["text"]) == ("message", "for all")


@pytest.mark.parametrize(
    ("text", "thread", "said"),
    [
        ("/nothing", None, "/nothing is not a valid command."),
        ("/churn status", "1.000000", "/churn is not supported in threads. Sorry!"),
    ],
)
async def test_slack_itself_refuses_some_commands(
    slack: SlackStandIn, session: aiohttp.ClientSession, text: str, thread: str | None, said: str
) -> None:
    """An unknown command, and one in a thread, never reach the app."""
    body = {"user": "U0BOB", "channel": "C0CHURN", "text": text, "thread_ts": thread}
    async with session.post(f"{slack.base_url}/page/say", json=body) as response:
        assert (await response.json())["error"] == said
    assert list(slack.delivery.sent) == []


async def test_a_file_that_is_no_picture_is_only_downloaded(
    slack: SlackStandIn, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    """An uploaded HTML page cannot run on the console's origin."""
    await client.files_upload_v2(channel="C0CHURN", filename="a.html", content=b"<script>alert(1)</script>")
    (file,) = slack.workspace.files.values()
    async with session.get(f"{slack.base_url}/page/files/{file.id}") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == 'attachment; filename="a.html"'
