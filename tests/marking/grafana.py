"""Grafana's annotations in memory, over HTTP: what its documentation says of `/api/annotations`."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.adapters.standin import standing_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "glsa_hunter2"


@dataclass(kw_only=True)
class Grafana:
    """What it holds, and how it misbehaves: `away` answers 503, `forgetful` loses the next answer."""

    url: str = ""
    held: dict[int, dict[str, Any]] = field(default_factory=dict)
    writes: int = 0
    away: bool = False
    forgetful: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        if self.away:
            return web.Response(status=503)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "Invalid API key"}, status=401)
        if request.method == "GET":
            return web.json_response(self._listed(request))
        self.writes += 1
        body = json.loads(await request.text())
        if request.method == "POST":
            number = len(self.held) + 1
            # Of one moment, an annotation ends when it begins.
            self.held[number] = {"timeEnd": body["time"], **body, "id": number}
        else:
            self.held[int(request.path.rpartition("/")[2])].update(body)
        if self.forgetful:
            self.forgetful = False
            return web.Response(status=504)
        return web.json_response({"message": "Annotation added"})

    def _listed(self, request: web.Request) -> list[dict[str, Any]]:
        wanted = set(request.query.getall("tags"))
        begin, end = int(request.query["from"]), int(request.query["to"])
        return [
            one
            for one in self.held.values()
            if wanted <= set(one["tags"]) and one["timeEnd"] >= begin and one["time"] <= end
        ]


@asynccontextmanager
async def grafana() -> AsyncIterator[Grafana]:
    """A running one."""
    made = Grafana()
    async with standing_in(made.answer) as side:
        made.url = side.url
        yield made
