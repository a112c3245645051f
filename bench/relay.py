"""Stands between Alertmanager and the bot and notes how long the bot takes to answer; a process of its own.

`python -m bench.relay PORT URL` passes every POST on as it is. `GET /times` gives `[[status, seconds], …]`.
"""

from __future__ import annotations

import sys
import time

import aiohttp
from aiohttp import web

KEPT_HEADERS = ("Authorization", "Content-Type")


def make_application(url: str) -> web.Application:
    """The two routes."""
    times: list[tuple[int, float]] = []
    sessions: list[aiohttp.ClientSession] = []

    async def pass_on(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
        began = time.perf_counter()
        async with sessions[0].post(url, data=body, headers=headers) as answer:
            content = await answer.read()
        times.append((answer.status, time.perf_counter() - began))
        return web.Response(status=answer.status, body=content)

    async def told(_request: web.Request) -> web.Response:
        return web.json_response(times)

    async def start(_application: web.Application) -> None:
        sessions.append(aiohttp.ClientSession())

    async def stop(_application: web.Application) -> None:
        await sessions[0].close()

    application = web.Application()
    application.router.add_post("/alerts", pass_on)
    application.router.add_get("/times", told)
    application.on_startup.append(start)
    application.on_cleanup.append(stop)
    return application


if __name__ == "__main__":
    web.run_app(
        make_application(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None
    )
