"""Socket Mode with the SDK's own client."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.console import SlackStandIn


@pytest.fixture
async def requests() -> list[SocketModeRequest]:
    """What came through the socket."""
    return []


@pytest.fixture
async def connected(
    slack: SlackStandIn, client: AsyncWebClient, requests: list[SocketModeRequest]
) -> AsyncIterator[SocketModeClient]:
    """A connected client that acknowledges at once, commands with a text."""
    socket = SocketModeClient(app_token=slack.workspace.app.app_token, web_client=client)

    async def take(found: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        requests.append(request)
        payload = {"text": "through the socket"} if request.type == "slash_commands" else None
        await found.send_socket_mode_response(
            SocketModeResponse(envelope_id=request.envelope_id, payload=payload)
        )

    socket.socket_mode_request_listeners.append(take)
    await socket.connect()  # type: ignore[no-untyped-call]  # the SDK left it unannotated
    yield socket
    await socket.close()  # type: ignore[no-untyped-call]  # the SDK left it unannotated


async def test_a_command_goes_through_the_socket_and_back(
    slack: SlackStandIn, connected: SocketModeClient, requests: list[SocketModeRequest]
) -> None:
    """The envelope's acknowledgement carries the answer; no events URL is needed."""
    assert await connected.is_connected()
    ack = await slack.people.command("U0BOB", "C0CHURN", "/churn", "status")
    assert ack.body == {"text": "through the socket"}
    (request,) = requests
    assert (request.type, request.payload["text"]) == ("slash_commands", "status")
    assert slack.workspace.history("C0CHURN", viewer="U0BOB")[0].text == "through the socket"


async def test_events_and_actions_go_through_the_socket(
    slack: SlackStandIn, connected: SocketModeClient, requests: list[SocketModeRequest]
) -> None:
    """Each kind has its envelope type."""
    assert await connected.is_connected()
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    ts = slack.workspace.post("C0CHURN", user="U0BOT", blocks=[{"type": "actions", "elements": [button]}]).ts
    assert (await slack.people.press("U0BOB", "C0CHURN", ts, "go")).ok
    assert (await slack.people.event({"type": "reaction_added"})).ok
    assert [request.type for request in requests] == ["interactive", "events_api"]
    assert requests[1].retry_attempt == 0


async def test_after_a_refresh_the_client_comes_again(
    slack: SlackStandIn, connected: SocketModeClient, requests: list[SocketModeRequest]
) -> None:
    """Slack's disconnect message makes the client open a new connection, which then serves."""
    await slack.sockets.refresh()
    await slack.recording.until(lambda: slack.sockets.connections, timeout=10)
    assert (await slack.people.command("U0BOB", "C0CHURN", "/churn")).ok
    assert len(requests) == 1
    assert len(slack.recording.of("apps.connections.open")) == 2
    assert await connected.is_connected()


async def test_a_silent_app_shows_the_time_out(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """An envelope without acknowledgement ends as operation_timeout."""
    socket = SocketModeClient(app_token=slack.workspace.app.app_token, web_client=client)
    await socket.connect()  # type: ignore[no-untyped-call]  # the SDK left it unannotated
    ack = await slack.people.command("U0BOB", "C0CHURN", "/churn")
    assert ack.error == "operation_timeout"
    await socket.close()  # type: ignore[no-untyped-call]  # the SDK left it unannotated


async def test_a_bot_token_opens_no_socket(slack: SlackStandIn, client: AsyncWebClient) -> None:
    """apps.connections.open wants the app token."""
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.apps_connections_open(app_token=slack.workspace.app.bot_token)
