"""The running server: the Web API, response URLs, uploads, Socket Mode and the page on one port.

Started by the demo, by `python -m bot.console`, and by tests: `async with SlackStandIn(workspace) as slack`.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.console.delivery import Delivery
from bot.console.faults import FaultScript
from bot.console.page import Knowing, Page
from bot.console.people import People
from bot.console.rates import RateLimits
from bot.console.recording import Recording
from bot.console.responses import response_url
from bot.console.sockets import Sockets
from bot.console.tickets import Tickets
from bot.console.values import Change, SlashCommand
from bot.console.web_api.context import Context
from bot.console.web_api.dispatch import Door
from bot.console.web_api.files import LARGEST
from bot.console.workspace import Workspace


class SlackStandIn:
    """One workspace served over HTTP on `host`:`port` (0 picks a free one).

    The app under test gets `api_url` as SLACK_API_URL; its own address may come later, by
    `delivery.events_url = …`. `knowing` tells the page's panel what the app knows. `people` acts for the
    users, `recording` and `faults` serve tests.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        events_url: str | None = None,
        signing_secret: str = "local-signing-secret",  # noqa: S107 (of the stand-in, which guards nothing)
        commands: Iterable[SlashCommand] = (),
        subscribed_events: Iterable[str] = (),
        rates: RateLimits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        ack_timeout: float = 3.0,
        retry_delays: Sequence[float] = (0.0, 60.0, 300.0),
    ) -> None:
        self.workspace = workspace
        self.signing_secret = signing_secret
        self.faults = FaultScript()
        self.recording = Recording()
        self.rates = rates or RateLimits()
        self.sockets = Sockets(workspace.app.id, moved=self.recording.moved)
        self.delivery = Delivery(
            events_url=events_url,
            signing_secret=signing_secret,
            clock=workspace.clock,
            sockets=self.sockets,
            moved=self.recording.moved,
            ack_timeout=ack_timeout,
            retry_delays=retry_delays,
        )
        self.base_url = ""
        self.knowing: Knowing | None = None
        self._commands = tuple(commands)
        self._subscribed = frozenset(subscribed_events)
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self.people: People

    def __repr__(self) -> str:
        return f"<SlackStandIn {self.base_url or 'not started'}>"

    @property
    def api_url(self) -> str:
        """What the app takes as SLACK_API_URL."""
        return f"{self.base_url}/api/"

    async def start(self) -> None:
        """Binds the port and serves; raises OSError when the port is taken."""
        application = web.Application(client_max_size=LARGEST)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        # The port is known only once it is bound, and everything that hands out addresses needs it.
        application.router.add_route("*", "/api/{method}", self._call)
        application.router.add_post("/{kind:actions|commands}/{team}/{secret}", self._respond)
        application.router.add_post("/upload/v1/{file}", self._upload)
        application.router.add_get("/files-pri/{file}/{name}", self._download)
        application.router.add_get("/files-pri/{file}/download/{name}", self._download)
        application.router.add_get("/archives/{channel}/{place}", self._permalink)
        application.router.add_get("/socket", self.sockets.connect)
        page = Page(
            self.workspace,
            commands=self._commands,
            bound_host=self._host,
            closing=self._closing,
            knowing=lambda: self.knowing,
        )
        page.add_routes(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        shown = "127.0.0.1" if self._host in ("0.0.0.0", "::") else self._host
        self.base_url = f"http://{shown}:{self._port}"
        context = Context(
            workspace=self.workspace,
            tickets=Tickets(self.workspace.clock),
            base_url=self.base_url,
            socket_url=lambda: self.sockets.new_url(self.base_url),
        )
        self._door = Door(
            context=context,
            rates=self.rates,
            faults=self.faults,
            recording=self.recording,
            closing=self._closing,
        )
        self.people = People(
            context, self.delivery, commands=self._commands, subscribed_events=self._subscribed
        )
        page.people = self.people
        self.workspace.listeners.append(self._moved)
        await self.delivery.start()

    def _moved(self, _change: Change) -> None:
        self.recording.moved()

    async def stop(self) -> None:
        """Closes sockets, waiting answers and the port."""
        self._closing.set()
        self.faults.release()
        if self._moved in self.workspace.listeners:
            self.workspace.listeners.remove(self._moved)
        await self.sockets.close()
        await self.delivery.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        return await self._door.call(request)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        return await response_url(self._door, request)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        file = self.workspace.files.get(request.match_info["file"])
        content = await _uploaded(request)

        def run() -> tuple[str, web.Response]:
            if file is None:
                return "file_not_found", web.Response(status=404, text="file not found")
            if str(len(content)) != request.query.get("length"):
                return "length_mismatch", web.Response(status=400, text="length mismatch")
            self.workspace.files[file.id] = replace(file, content=content)
            return "ok", web.Response(text=f"OK - {len(content)}")

        return await self._door.misbehaving(request, "upload", {"file": request.match_info["file"]}, run)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self.workspace.app.bot_token:
            raise web.HTTPFound("/")
        file = self.workspace.files.get(request.match_info["file"])
        if file is None:
            raise web.HTTPNotFound
        return web.Response(body=file.content, content_type=file.mimetype)

    async def _permalink(self, request: web.Request) -> web.StreamResponse:
        place = re.fullmatch(r"p(\d+)(\d{6})", request.match_info["place"])
        if place is None or request.match_info["channel"] not in self.workspace.channels:
            raise web.HTTPNotFound
        raise web.HTTPFound(f"/#{request.match_info['channel']}/{place[1]}.{place[2]}")


async def _uploaded(request: web.Request) -> bytes:
    """The file's bytes, sent raw or as the first file of a form."""
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
