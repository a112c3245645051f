"""Socket Mode from Slack's side: the websockets that apps open, and the envelopes that go through them.

`server` routes `/socket` here; `delivery` prefers a connected socket to the events URL, as Slack does.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from bot.console.values import Json

MOST_CONNECTIONS = 10
MOST_TICKETS = 100


class NoSocketError(Exception):
    """No app is connected."""


class Sockets:
    """The open connections; each envelope goes through one of them and waits for its acknowledgement."""

    def __init__(self, app_id: str, *, moved: Callable[[], None]) -> None:
        self._app_id = app_id
        self._moved = moved
        self._tickets: list[str] = []
        self._open: list[web.WebSocketResponse] = []
        self._leaving: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._turn = itertools.count()
        self.acknowledged: deque[str] = deque(maxlen=1000)

    @property
    def connections(self) -> int:
        """How many apps' connections are open."""
        return len(self._open)

    def new_url(self, base_url: str) -> str:
        """An address for one connection."""
        ticket = secrets.token_urlsafe(16)
        self._tickets = [*self._tickets[-MOST_TICKETS:], ticket]
        return f"ws{base_url.removeprefix('http')}/socket?ticket={ticket}&app_id={self._app_id}"

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serves one connection until either side ends it."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="invalid ticket")
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        if len(self._open) >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self._open.append(socket)
        self._moved()
        try:
            await socket.send_json(self._hello())
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            for held in (self._open, self._leaving):
                if socket in held:
                    held.remove(socket)
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "stand-in", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _take(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except json.JSONDecodeError:
            return
        envelope_id = answer.get("envelope_id") if isinstance(answer, dict) else None
        if not isinstance(envelope_id, str):
            return
        self.acknowledged.append(envelope_id)
        waiting = self._waiting.pop(envelope_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    async def send(self, kind: str, payload: Json, *, timeout: float, **more: Any) -> Any:  # noqa: ASYNC109 (Slack's 3 s)
        """Sends an envelope and gives the acknowledgement's payload; raises TimeoutError or NoSocketError."""
        if not self._open:
            raise NoSocketError
        socket = self._open[next(self._turn) % len(self._open)]
        envelope_id = secrets.token_hex(16)
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload, **more}
        envelope["accepts_response_payload"] = kind != "events_api"
        try:
            async with asyncio.timeout(timeout):
                try:
                    await socket.send_json(envelope)
                except (ConnectionError, RuntimeError) as broken:
                    raise NoSocketError from broken
                return await waiting
        finally:
            self._waiting.pop(envelope_id, None)

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Tells every connection to come again, as Slack does every few hours; nothing more goes through it.

        The old connection stays open until the app leaves it, so that what it still acknowledges arrives.
        """
        for socket in tuple(self._open):
            self._open.remove(socket)
            self._leaving.append(socket)
            with contextlib.suppress(ConnectionError, RuntimeError):
                await socket.send_json(
                    {"type": "disconnect", "reason": reason, "debug_info": {"host": "stand-in"}}
                )

    async def close(self) -> None:
        """Closes every connection for good."""
        for socket in (*self._open, *self._leaving):
            await socket.close()
