"""Slack's requests, over HTTP or Socket Mode, verified by Bolt and handed to the three doors.

Bolt does what it is good at: signatures, replays, envelopes. It never waits here: each listener acknowledges
and hands the work on, so an acknowledgement does not depend on any dependency.
"""

from __future__ import annotations

import asyncio
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from handlers.shapes import is_shaped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_sdk.web.async_client import AsyncWebClient

    from handlers.actions import ActionDoor
    from handlers.commands import CommandDoor
    from handlers.views import ViewDoor

_ANY: Final = re.compile(r".*", re.DOTALL)
_SIGNED: Final = {
    "X-Slack-Signature": re.compile(r"v0=[0-9a-f]{64}"),
    "X-Slack-Request-Timestamp": re.compile(r"[0-9]{1,15}"),
}
"""How the two headers look that Slack signs with. Slack's library fails at what is no number or no ASCII."""


class SlackDoor:
    """All of Slack's requests. Without a signing secret nothing is taken over HTTP, only by Socket Mode."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        signing_secret: str | None,
        commands: CommandDoor,
        actions: ActionDoor,
        views: ViewDoor,
    ) -> None:
        self._commands = commands
        self._actions = actions
        self._views = views
        self._has_secret = bool(signing_secret)
        self.app = AsyncApp(
            # Bolt takes the logger of this name and sets its level; ours are called `lightship.…`.
            name="slack_bolt.doors",
            # Without one it makes loggers of its own at the root's level, past what `bot.logs` has set.
            logger=logging.getLogger("slack_bolt.doors"),
            client=client,
            signing_secret=signing_secret or "",
            # Bolt's own authorization asks Slack before the first acknowledgement; we know the token.
            authorize=_authorize(client.token or ""),
            process_before_response=True,
        )
        self.app.command(_ANY)(self._on_command)
        self.app.block_action(_ANY)(self._on_action)
        self.app.view_submission(_ANY)(self._on_view)
        self.app.event(_ANY)(self._on_event)

    async def handle(self, request: web.Request) -> web.Response:
        """`POST /slack/events`: events, slash commands, interactivity."""
        if not self._has_secret:
            return web.Response(status=HTTPStatus.NOT_FOUND, text="this bot uses Socket Mode\n")
        if not all(
            shape.fullmatch(given)
            for name, shape in _SIGNED.items()
            for given in request.headers.getall(name, ())
        ):
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text="the signature cannot be read\n")
        try:
            asked = await to_bolt_request(request)
            shaped = is_shaped(asked.body)
        except (UnicodeDecodeError, LookupError, ValueError, TypeError, AttributeError):
            shaped = False  # Bolt looks for ids in it before it verifies anything
        if not shaped:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="the body cannot be read\n")
        if asked.body.get("view", ...) is None:
            del asked.body["view"]  # Bolt takes it for one
        response: web.Response = await to_aiohttp_response(await self.app.async_dispatch(asked))
        return response

    async def _on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        words = self._commands.take(body)
        await (ack(text=words, response_type="ephemeral") if words else ack())

    async def _on_action(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        if not self._actions.take(body):
            # Slack marks the button then, which is more than silence.
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE, body="")
        await ack()
        return None

    async def _on_view(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(**self._views.take(body))

    @staticmethod
    async def _on_event(ack: AsyncAck) -> None:
        await ack()


class SocketDoor:
    """Socket Mode: keeps a connection to Slack; the same listeners get what comes through it.

    The SDK connects again by itself, every `ping_interval` seconds, whatever the reason of the failure.
    """

    def __init__(
        self, door: SlackDoor, *, app_token: str, client: AsyncWebClient, ping_interval: float = 10.0
    ) -> None:
        self._door = door
        self._app_token = app_token
        self._client = client
        self._ping_interval = ping_interval
        self._handler: AsyncSocketModeHandler | None = None
        self._connecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to connect; returns at once, whether or not Slack can be reached."""
        # Imported here: the websocket client is of no use to a bot that listens over HTTP.
        from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler  # noqa: PLC0415 - said above

        self._handler = AsyncSocketModeHandler(
            self._door.app,
            self._app_token,
            web_client=self._client,
            ping_interval=self._ping_interval,
        )
        self._connecting = asyncio.create_task(self._handler.connect_async())  # type: ignore[no-untyped-call]  # Bolt's

    async def stop(self) -> None:
        """Close the connection, taking nothing more."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]  # Bolt's own

    async def is_connected(self) -> bool:
        """Whether Slack's events reach us now."""
        return self._handler is not None and bool(await self._handler.client.is_connected())


def _authorize(token: str) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    return authorize
