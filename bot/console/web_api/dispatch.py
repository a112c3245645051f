"""The door of the Web API: reads a call, lets faults and rate limits speak, runs it, records it.

Routed by `server` for `/api/<method>`; the methods themselves are in the modules beside it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from bot.console.faults import Fault, FaultKind, FaultScript
from bot.console.rates import RateLimits
from bot.console.recording import Call, Recording
from bot.console.values import Json
from bot.console.web_api import chat, conversations, files, marks, people, views
from bot.console.web_api.arguments import Arguments, arguments_of, token_of
from bot.console.web_api.context import Context, Method
from bot.console.web_api.errors import ApiError
from bot.console.web_api.scopes import SCOPES


def connections_open(context: Context, _arguments: Arguments) -> Json:
    """apps.connections.open: a Socket Mode address that serves once."""
    return {"url": context.socket_url()}


METHODS: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **marks.METHODS,
    **people.METHODS,
    **views.METHODS,
    "apps.connections.open": connections_open,
}
_DISTURBING = (FaultKind.DELAY, FaultKind.HOLD, FaultKind.ARCHIVE_CHANNEL, FaultKind.DELETE_MESSAGE)
Run: TypeAlias = Callable[[], tuple[str, web.Response]]
OPEN_TO_ALL = frozenset({"api.test"})
FOR_APP_TOKENS = frozenset({"apps.connections.open"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Everything that stands between a request and the workspace."""

    context: Context
    rates: RateLimits
    faults: FaultScript
    recording: Recording
    closing: asyncio.Event

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answers one Web API call."""
        method = request.match_info["method"]
        try:
            arguments = await arguments_of(request)
        except ApiError as refused:
            self._note(method, {}, refused.code, applied=False)
            return web.json_response(refused.as_json())
        return await self.misbehaving(
            request, method, arguments.plain(), lambda: self._answer(request, method, arguments)
        )

    async def misbehaving(
        self, request: web.Request, method: str, shown: Json, run: Run
    ) -> web.StreamResponse:
        """Runs the call under the fault script; `run` gives (outcome, response)."""
        fault = self.faults.take(method, shown)
        if fault is None:
            outcome, response = run()
            self._note(method, shown, outcome, applied=outcome == "ok")
            return response
        if fault.kind in _DISTURBING:
            await self._disturb(fault, shown)
            outcome, response = run()
            self._note(method, shown, outcome, applied=outcome == "ok")
            return response
        applied = fault.applied and run()[0] == "ok"
        word = fault.error if fault.kind is FaultKind.ERROR else str(fault.kind)
        self._note(method, shown, word, applied=applied)
        return await self._broken(request, fault)

    async def _disturb(self, fault: Fault, shown: Json) -> None:
        workspace = self.context.workspace
        channel, ts = shown.get("channel", ""), shown.get("ts", "")
        if fault.kind is FaultKind.ARCHIVE_CHANNEL and channel in workspace.channels:
            workspace.archive(channel)
        elif fault.kind is FaultKind.DELETE_MESSAGE and (channel, ts) in workspace.messages:
            workspace.remove(channel, ts)
        elif fault.kind is FaultKind.HOLD:
            await self.faults.until_released()
        await asyncio.sleep(fault.seconds)

    async def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind is FaultKind.UNAVAILABLE:
            return web.Response(status=503, text="upstream connect error")
        if fault.kind is FaultKind.RATE_LIMITED:
            return rate_limited(int(fault.seconds))
        if fault.kind is FaultKind.ERROR:
            return web.json_response(ApiError(fault.error).as_json())
        if fault.kind is FaultKind.HANG:
            await self.closing.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _answer(self, request: web.Request, method: str, arguments: Arguments) -> tuple[str, web.Response]:
        try:
            self._authorize(method, token_of(request, arguments))
            delay = self.rates.wait(method, arguments.text("channel") or None, self.context.workspace.clock())
            if delay:
                return "ratelimited", rate_limited(delay)
            answer = {"ok": True, **METHODS[method](self.context, arguments)}
        except ApiError as refused:
            return refused.code, web.json_response(refused.as_json())
        scopes = self.context.workspace.app.scopes
        told = {} if scopes is None else {"X-OAuth-Scopes": ",".join(sorted(scopes))}
        return "ok", web.json_response(answer, headers=told)

    def _authorize(self, method: str, token: str) -> None:
        if method not in METHODS:
            raise ApiError("unknown_method", req_method=method)
        if method in OPEN_TO_ALL:
            return
        app = self.context.workspace.app
        if not token:
            raise ApiError("not_authed")
        wanted, other = app.bot_token, app.app_token
        if method in FOR_APP_TOKENS:
            wanted, other = other, wanted
        if token == other:
            raise ApiError("not_allowed_token_type")
        if token != wanted:
            raise ApiError("invalid_auth")
        needed = SCOPES.get(method)
        if app.scopes is not None and needed and not app.scopes.intersection(needed):
            raise ApiError("missing_scope", needed=needed[0], provided=",".join(sorted(app.scopes)))

    def _note(self, method: str, shown: Json, outcome: str, *, applied: bool) -> None:
        at = self.context.workspace.clock()
        self.recording.add(Call(method=method, arguments=shown, at=at, outcome=outcome, applied=applied))


def rate_limited(seconds: int) -> web.Response:
    """Slack's 429."""
    return web.json_response(
        {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(seconds)}
    )
