"""The HTTP server: every route, its limits, and the order in which things end. Made by the command line.

The order on the way out: first unready, then the port is closed, then what was acknowledged is worked off,
then the hooks run (the intake's last commit, the publisher's leases). All of it together is bounded in time.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

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
STOP_WITHIN: Final = 8.5
"""Seconds for the whole way out: the process has to be gone after ten."""

_HOOKS_SHARE: Final = 0.5
"""The part of that time which is kept for the hooks: what was accepted is committed there."""

_REQUESTS_SHARE: Final = 0.2
_SOCKET_SHARE: Final = 0.1
_log = Log("server")


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """Everything that can be knocked at. No `slack` leaves its route out, no `socket` means HTTP alone."""

    alertmanager: AlertmanagerDoor
    health: HealthDoor
    slack: SlackDoor | None
    socket: SocketDoor | None
    work: Work


class _NoFaultsOfClients(logging.Filter):
    """Leaves out of the log what is a client's fault: anybody who can connect could fill it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


logging.getLogger("aiohttp.server").addFilter(_NoFaultsOfClients())


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
    """Listens on an address until it is stopped. `on_stop` hooks run in order, after the last request.

    `grace` is the time that all of the stopping may take.
    """

    def __init__(
        self,
        doors: Doors,
        *,
        host: str,
        port: int,
        on_stop: Sequence[Callable[[], Awaitable[None]]] = (),
        grace: float = STOP_WITHIN,
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
            shutdown_timeout=self._grace * _REQUESTS_SHARE,
            auto_decompress=False,  # `handlers.unpacking` says why
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
        loop = asyncio.get_running_loop()
        end = loop.time() + self._grace
        hooks_begin = end - self._grace * _HOOKS_SHARE
        self._doors.health.stopping()
        if self._site is not None:
            await self._site.stop()
        if self._doors.socket is not None:
            await self._bounded(self._doors.socket.stop, until=loop.time() + self._grace * _SOCKET_SHARE)
        if self._runner is not None:
            await self._bounded(self._runner.cleanup, until=hooks_begin)
        await self._doors.work.drain(within=max(hooks_begin - loop.time(), 0.0))
        for hook in self._on_stop:
            await self._bounded(hook, until=end)
        _log.info(LogAction.STOPPED)

    async def _bounded(self, step: Callable[[], Awaitable[None]], *, until: float) -> None:
        task = asyncio.ensure_future(step())
        loop = asyncio.get_running_loop()
        # Not by a time-out around it: what does not let go when it is cancelled is left.
        await asyncio.wait({task}, timeout=max(until - loop.time(), 0.0))
        late = not task.done()
        if late:
            task.cancel()
        error = TimeoutError() if late else task.exception()
        if isinstance(error, LightshipError | TimeoutError | OSError):
            _log.error(LogAction.LOOP_FAILED, cause=error, hook=getattr(step, "__qualname__", "hook"))
        elif error is not None:
            raise error
