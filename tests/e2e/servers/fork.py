"""One press, delivered to several addresses or to one several times: what replicas and replays get."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@asynccontextmanager
async def fork(urls: Sequence[str]) -> AsyncIterator[str]:
    """An address that hands each request of Slack's to all of these at once."""

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        kept = {
            name: value for name, value in request.headers.items() if name not in {"Host", "Content-Length"}
        }

        async def send(url: str) -> tuple[int, bytes]:
            async with session.post(f"{url}/slack/events", data=body, headers=kept) as answer:
                return answer.status, await answer.read()

        answers = await asyncio.gather(*(send(url) for url in urls))
        assert {status for status, _ in answers} == {200}
        return web.Response(status=200, body=answers[0][1])

    application = web.Application()
    application.router.add_post("/", handle)
    runner = web.AppRunner(application)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()
