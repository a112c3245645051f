"""The page's side of the server: its assets, the state it draws, the live changes, and what the user does.

Only loopback names (or the bound host) are served and posts must come from the page itself, because a browser
would let any website reach a server on this machine.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.console.people import People
from bot.console.values import Change, Json, Message, SlashCommand
from bot.console.workspace import Workspace

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
ASSET_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
SHOWN_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
QUEUED_CHANGES = 1000
SHOWN_MESSAGES = 500
KEEP_ALIVE = 15.0

Knowing = Callable[[], Awaitable[Json]]
"""What the app knows, for the panel; Slack itself has no such thing."""


class Page:
    """The console's page; `people` is set once the stand-in knows its address."""

    people: People

    def __init__(
        self,
        workspace: Workspace,
        *,
        commands: tuple[SlashCommand, ...],
        bound_host: str,
        closing: asyncio.Event,
        knowing: Callable[[], Knowing | None] = lambda: None,
    ) -> None:
        self._workspace = workspace
        self._commands = {command.name: command for command in commands}
        self._hosts = LOOPBACK | {bound_host}
        self._closing = closing
        self._knowing = knowing
        self._assets = _loaded_assets()

    def add_routes(self, application: web.Application) -> None:
        """Adds `/`, `/assets`, and `/page/…`."""
        router = application.router
        router.add_get("/", self._guarded(self._index))
        router.add_get("/assets/{name}", self._guarded(self._asset))
        router.add_get("/page/state", self._guarded(self._state))
        router.add_get("/page/stream", self._guarded(self._stream))
        router.add_get("/page/files/{file}", self._guarded(self._file))
        router.add_get("/page/knowledge", self._guarded(self._knowledge))
        for name, act in (
            ("say", self._say),
            ("press", self._press),
            ("submit", self._submit),
            ("close", self._close),
            ("home", self._home),
        ):
            router.add_post(f"/page/{name}", self._acting(act))

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if urlsplit(f"//{request.host}").hostname not in self._hosts:
                raise web.HTTPForbidden(text="the console answers to its own host name only")
            return await handler(request)

        return guarded

    def _acting(
        self, act: Callable[[Json], Awaitable[Json]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def acting(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            own = origin is None or urlsplit(origin).netloc == request.host
            if not own or request.content_type != "application/json":
                raise web.HTTPForbidden(text="only the console's own page may act")
            try:
                asked = await request.json()
                return web.json_response(await act(asked))
            except (KeyError, ValueError, TypeError, AttributeError):
                return web.json_response({"error": "That is no longer there."}, status=400)

        return self._guarded(acting)

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        return self._asset_named("index.html")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return self._asset_named(request.match_info["name"])

    def _asset_named(self, name: str) -> web.Response:
        kind = ASSET_TYPES.get(name.rpartition(".")[2])
        if kind is None or name not in self._assets:
            raise web.HTTPNotFound
        return web.Response(
            body=self._assets[name],
            content_type=kind,
            charset=None if kind == "font/woff2" else "utf-8",
            headers={
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-cache",
            },
        )

    async def _knowledge(self, _request: web.Request) -> web.StreamResponse:
        knowing = self._knowing()
        if knowing is None:
            raise web.HTTPNotFound
        return web.json_response(await knowing(), headers={"Cache-Control": "no-store"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._workspace.files.get(request.match_info["file"])
        if file is None:
            raise web.HTTPNotFound
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        if file.mimetype in SHOWN_IMAGES:
            return web.Response(body=file.content, content_type=file.mimetype, headers=headers)
        safe = "".join(c if c.isalnum() or c in "._- " else "_" for c in file.name if c.isascii())
        headers["Content-Disposition"] = f'attachment; filename="{safe or "file"}"'
        return web.Response(body=file.content, content_type="application/octet-stream", headers=headers)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request.query.get("user"))
        workspace = self._workspace
        channels = [
            c for c in workspace.channels.values() if user in c.members or not (c.is_private or c.is_direct)
        ]
        people = [u.as_json(workspace.team_id) for u in workspace.users.values()]
        return web.json_response(
            {
                "me": user,
                "team": workspace.team_name,
                "app": {"name": workspace.app.name, "user": workspace.app.bot_user_id},
                "users": people,
                "groups": [g.as_json(workspace.team_id) for g in workspace.usergroups.values()],
                "channels": [c.as_json(user) for c in channels],
                "knows": self._knowing() is not None,
                "commands": [command.as_json() for command in self._commands.values()],
                "messages": [
                    self._message(m)
                    for c in channels
                    for m in workspace.visible(c.id, viewer=user)[-SHOWN_MESSAGES:]
                ],
                "views": self._views(user),
                "home": self._home_view(user),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _user(self, asked: str | None) -> str:
        people = [
            user.id for user in self._workspace.users.values() if not user.is_bot and not user.is_deleted
        ]
        return asked if asked in people else people[0]

    def _message(self, message: Message) -> Json:
        found = self._workspace.message_json(message, "", with_metadata=False)
        return {**found, "channel": message.channel, "only_for": message.only_for}

    def _views(self, user: str) -> list[Json]:
        workspace = self._workspace
        return [v.as_json(workspace.app, workspace.team_id) for v in workspace.views.of_user(user)]

    def _home_view(self, user: str) -> Json | None:
        workspace = self._workspace
        found = workspace.views.homes.get(user)
        return workspace.views.by_id[found].as_json(workspace.app, workspace.team_id) if found else None

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: what changes for this user from now on."""
        user = self._user(request.query.get("user"))
        queue: asyncio.Queue[Json | None] = asyncio.Queue(maxsize=QUEUED_CHANGES)

        def listen(change: Change) -> None:
            if change.only_for not in (None, user):
                return
            if queue.full():
                # A page that cannot follow starts over: it loads the state again when it reconnects.
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
                return
            queue.put_nowait(self._told(change, user))

        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        self._workspace.listeners.append(listen)
        try:
            await self._feed(response, queue)
        except ConnectionError:
            pass
        finally:
            self._workspace.listeners.remove(listen)
        return response

    async def _feed(self, response: web.StreamResponse, queue: "asyncio.Queue[Json | None]") -> None:
        await response.write(b": welcome\n\n")
        closing = asyncio.create_task(self._closing.wait())
        try:
            while not self._closing.is_set():
                change = asyncio.create_task(queue.get())
                done, _ = await asyncio.wait(
                    {change, closing}, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED
                )
                if change not in done:
                    change.cancel()
                    await response.write(b": still here\n\n")
                    continue
                told = change.result()
                if told is None:
                    return
                await response.write(b"data: " + json.dumps(told).encode() + b"\n\n")
        finally:
            closing.cancel()

    def _told(self, change: Change, user: str) -> Json:
        told: Json = {"kind": change.kind, **change.payload}
        if change.kind == "message":
            message = self._workspace.messages.get((told["channel"], told["ts"]))
            told["message"] = self._message(message) if message else None
        elif change.kind == "channel":
            told["channel"] = self._workspace.channels[told["channel"]].as_json(user)
        elif change.kind == "views":
            told["views"] = self._views(user)
        elif change.kind == "home":
            told["home"] = self._home_view(user)
        return told

    async def _say(self, asked: Json) -> Json:
        user, channel, text = self._user(asked["user"]), str(asked["channel"]), str(asked["text"])
        thread = asked.get("thread_ts")
        if not text.startswith("/"):
            if self._workspace.channels[channel].is_archived:
                return {"error": "This channel has been archived."}
            await self.people.say(user, channel, text, thread_ts=thread)
            return {}
        command, _, rest = text.partition(" ")
        if command not in self._commands:
            return {"error": f"{command} is not a valid command."}
        if thread:
            return {"error": f"{command} is not supported in threads. Sorry!"}
        await self.people.command(user, channel, command, rest.strip())
        return {}

    async def _press(self, asked: Json) -> Json:
        user = self._user(asked["user"])
        more: dict[str, Any] = {key: asked.get(key) for key in ("block_id", "chosen", "answers")}
        if asked.get("view_id"):
            await self.people.press_in_view(user, asked["view_id"], asked["action_id"], **more)
        else:
            await self.people.press(user, asked["channel"], asked["ts"], asked["action_id"], **more)
        return {}

    async def _submit(self, asked: Json) -> Json:
        ack = await self.people.submit(self._user(asked["user"]), asked["view_id"], asked.get("answers"))
        body = ack.body if isinstance(ack.body, dict) else {}
        return {"errors": body.get("errors", {})} if body.get("response_action") == "errors" else {}

    async def _close(self, asked: Json) -> Json:
        await self.people.close(self._user(asked["user"]), is_cleared=bool(asked.get("all")))
        return {}

    async def _home(self, asked: Json) -> Json:
        await self.people.open_home(self._user(asked["user"]))
        return {}


def _loaded_assets() -> dict[str, bytes]:
    """Every asset by name, read once at start-up so that no request touches the disk."""
    folder = resources.files("bot.console").joinpath("assets")
    return {found.name: found.read_bytes() for found in folder.iterdir() if found.is_file()}
