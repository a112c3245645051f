"""A proxy in front of an API server that spoils the answers to real writes; reads and dry runs pass.

Used by the tests of remediations: a server that hangs, refuses, or loses its answer after doing the work.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import asynccontextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.servers.access import Access

_PASSED = ("Authorization", "Content-Type", "Accept")


class Way(Enum):
    """How a real write goes wrong."""

    LOSES_ANSWER = "loses_answer"
    ANSWERS_500_ONCE = "answers_500_once"
    ANSWERS_500_AFTER = "answers_500_after"
    ANSWERS_409_ONCE = "answers_409_once"
    ANSWERS_429 = "answers_429"
    HANGS = "hangs"


class Faulty:
    """One proxy; `kubeconfig` leads through it once it serves. Faults that come `once` come per path."""

    def __init__(self, access: Access, kubeconfig: Path, way: Way) -> None:
        self._access = access
        self._original = kubeconfig
        self._way = way
        self._spoiled: set[str] = set()
        self.kubeconfig = kubeconfig.with_suffix(".faulty")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Faulty]:
        """A server on loopback for as long as the context lasts."""
        trust = (
            ssl.create_default_context(cafile=str(self._access.ca_file)) if self._access.ca_file else False
        )
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
            self._session = session
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(application, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self._write_kubeconfig(f"http://{host}:{port}")
            try:
                yield self
            finally:
                await runner.cleanup()

    def _write_kubeconfig(self, url: str) -> None:
        content: dict[str, Any] = YAML(typ="safe").load(self._original.read_text())
        content["clusters"][0]["cluster"] = {"server": url}
        self.kubeconfig.write_text(json.dumps(content))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET" or "dryRun=All" in request.path_qs:
            return await self._forward(request)
        match self._way:
            case Way.HANGS:
                await asyncio.sleep(3600)
            case Way.ANSWERS_429:
                return _status(429, "TooManyRequests", "the server has too much to do")
            case Way.LOSES_ANSWER:
                await self._forward(request)
                if request.transport is not None:
                    request.transport.close()
            case Way.ANSWERS_500_AFTER:
                await self._forward(request)
                return _status(500, "InternalError", "etcdserver: request timed out")
            case Way.ANSWERS_500_ONCE if self._is_first(request):
                return _status(500, "InternalError", "etcdserver: leader changed")
            case Way.ANSWERS_409_ONCE if self._is_first(request):
                return _status(409, "Conflict", "the object has been modified")
        return await self._forward(request)

    def _is_first(self, request: web.Request) -> bool:
        known = request.path in self._spoiled
        self._spoiled.add(request.path)
        return not known

    async def _forward(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        async with self._session.request(
            request.method,
            f"{self._access.url}{request.path_qs}",
            headers=headers,
            data=await request.read(),
        ) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type="application/json")


def _status(code: int, reason: str, message: str) -> web.Response:
    content = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }
    return web.json_response(content, status=code)
