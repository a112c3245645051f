"""A server that answers as it is told: what adapters meet when the other side misbehaves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


_LATE_TURNS = 3


@dataclass(kw_only=True, slots=True)
class StandIn:
    """Its address, what it got, and what it answers."""

    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    url: str = ""
    got: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)


@asynccontextmanager
async def standing_in(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[StandIn]:
    """A server on loopback for as long as the context lasts."""
    held = StandIn(answer=answer)
    transports: set[asyncio.Transport] = set()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            transports.add(request.transport)
        held.got.append((request.method, request.path_qs))
        held.bodies.append(await request.text())
        return await held.answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    server = runner.server
    assert server is not None
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    held.url = f"http://{host}:{port}"
    try:
        yield held
    finally:
        await runner.cleanup()
        # Whoever connected in the last moment, as one that tries again, is served two turns later.
        for _ in range(_LATE_TURNS):
            await asyncio.sleep(0)
        transports.update(late.transport for late in server.connections if late.transport is not None)
        # A transport that has something left to write waits for its reader, also beyond the loop's end.
        for transport in transports:
            transport.abort()
        await asyncio.sleep(0)


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(3600)
    raise AssertionError


async def drop(request: web.Request) -> web.StreamResponse:
    """Take the request and close the connection."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def html(_: web.Request) -> web.StreamResponse:
    """A log-in page with status 200."""
    return web.Response(text="<html>Please log in</html>", content_type="text/html")


async def truncated(request: web.Request) -> web.StreamResponse:
    """Promise more than is sent, then close."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"status":"success","data":{"result":[')
    assert request.transport is not None
    request.transport.close()
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    """A body that never ends."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" " * 65_536)


async def dribble(request: web.Request) -> web.StreamResponse:
    """A byte now and then, so that no single read times out."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


def status(
    code: int, body: Any = None, **headers: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """An answer with this status and JSON."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body if body is not None else {}, status=code, headers=headers)

    return answer
