"""The HTTP server: every route, its limits, and the order in which things end. Made by the command line.

The order on the way out: first unready, then the port is closed, then what was acknowledged is worked off,
then the hooks run (the intake's last commit, the publisher's leases), each bounded in time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from bot.domain.errors import LightshipError
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from handlers.alertmanager import AlertmanagerDoor
    from handlers.health import HealthDoor
    from handlers.slack_app import SlackDoor, SocketDoor
    from handlers.working import Work

_SLACK_BODY_LIMIT: Final = 1024 * 1024
_LONGEST_LINE: Final = 16_384
_KEEP_ALIVE: Final = 75.0
_log = Log("server")


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """Everything that can be knocked at. No `slack` leaves its route out, no `socket` means HTTP alone."""

    alertmanager: AlertmanagerDoor
    health: HealthDoor
    slack: SlackDoor | None
    socket: SocketDoor | None
    work: Work


def make_application(doors: Doors) -> web.Application:
    """The routes. The webhook door bounds its own bodies, everything else takes a megabyte."""
    application = web.Application(client_max_size=_SLACK_BODY_LIMIT)
    application.router.add_post("/alerts", doors.alertmanager.handle)
    application.router.add_get("/healthz", doors.health.healthz)
    application.router.add_get("/readyz", doors.health.readyz)
    application.router.add_get("/metrics", doors.health.metrics)
    if doors.slack is not None:
        application.router.add_post("/slack/events", doors.slack.handle)
    return application


class Server:
    """Listens on an address until it is stopped. `on_stop` hooks run in order, after the last request."""

    def __init__(
        self,
        doors: Doors,
        *,
        host: str,
        port: int,
        on_stop: Sequence[Callable[[], Awaitable[None]]] = (),
        grace: float = 10.0,
    ) -> None:
        self._doors = doors
        self._host = host
        self._port = port
        self._on_stop = tuple(on_stop)
        self._grace = grace
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for. Raises RuntimeError before `start`."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the server is not started")
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen. Raises OSError where the address is taken."""
        self._runner = web.AppRunner(
            make_application(self._doors),
            access_log=None,
            handle_signals=False,
            keepalive_timeout=_KEEP_ALIVE,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            shutdown_timeout=self._grace,
        )
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, self._host, self._port)
        await self._site.start()
        if self._doors.socket is not None:
            await self._doors.socket.start()
        _log.info(LogAction.STARTED, host=self._host, port=self.port)

    async def stop(self) -> None:
        """End in order; a hook that fails or hangs does not keep the others from running."""
        _log.info(LogAction.STOPPING)
        self._doors.health.stopping()
        if self._doors.socket is not None:
            await self._bounded(self._doors.socket.stop)
        if self._site is not None:
            await self._site.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._doors.work.drain(within=self._grace)
        for hook in self._on_stop:
            await self._bounded(hook)
        _log.info(LogAction.STOPPED)

    async def _bounded(self, hook: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._grace):
                await hook()
        except (LightshipError, TimeoutError, OSError) as error:
            _log.error(LogAction.LOOP_FAILED, cause=error, hook=getattr(hook, "__qualname__", "hook"))
