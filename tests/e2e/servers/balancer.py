"""A small HTTP balancer on loopback: each request goes to the ready pod that has the fewest unanswered.

What a Service and its endpoints are in a cluster. Used by the tests of the closed loop.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web

from tests.e2e.servers.programs import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_SECONDS = 60


class Balancer:
    """Serves for the time of a block. `backends` names the pods that are ready now, as `host:port`."""

    def __init__(self, backends: Callable[[], list[str]]) -> None:
        self._backends = backends
        self._unanswered: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        """How many requests each backend has answered."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        self._session = aiohttp.ClientSession(timeout=limit, connector=aiohttp.TCPConnector(limit=0))
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        ready = self._backends()
        if not ready:
            return web.Response(status=503, text="no pod is ready")
        chosen = min(ready, key=lambda one: self._unanswered[one])
        self._unanswered[chosen] += 1
        try:
            async with self._session.request(
                request.method,
                f"http://{chosen}{request.path_qs}",
                data=await request.read(),
                headers={"Content-Type": request.content_type},
            ) as answer:
                body = await answer.read()
                self.answered[chosen] += 1
                return web.Response(status=answer.status, body=body, content_type=answer.content_type)
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502, text="the pod went away")
        finally:
            self._unanswered[chosen] -= 1
