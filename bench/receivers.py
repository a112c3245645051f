"""The plain servers that the bot is compared with; each takes a webhook's bytes and parses nothing.

`python -m bench.receivers KIND PORT FILE` serves `POST /alerts` until it is ended, in a process of its own
like the bot. The SQLite ones use the pragmas of the bot's store, but for the one that takes SQLite as it
comes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 200
PRAGMAS = ("busy_timeout=5000", "synchronous=FULL", "foreign_keys=ON", "journal_mode=WAL")


class Kind(StrEnum):
    """What a receiver does before it answers 200."""

    GROUP_COMMIT = "group-commit"
    ONE_COMMIT = "one-commit"
    AS_IT_COMES = "as-it-comes"
    MEMORY = "memory"


class Ledger:
    """A table of bodies with one writer thread. `batch` is how many bodies one commit takes."""

    def __init__(self, file: str, *, batch: int, pragmas: Sequence[str]) -> None:
        self._file = file
        self._batch = batch
        self._pragmas = pragmas
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._work = asyncio.Event()
        self._writer = ThreadPoolExecutor(1)

    async def keep(self, body: bytes) -> None:
        """Return once it is committed."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, kept))
        self._work.set()
        await kept

    async def run(self) -> None:
        """Commit what waits, for ever."""
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(self._writer, self._open)
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
                bodies = [body for body, _ in taken]
                await loop.run_in_executor(self._writer, _commit, connection, bodies)
                for _, kept in taken:
                    if not kept.done():
                        kept.set_result(None)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None)
        for pragma in self._pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE bodies (seq INTEGER PRIMARY KEY, received_at REAL, body BLOB)")
        return connection


def _commit(connection: sqlite3.Connection, bodies: Sequence[bytes]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    rows = [(time.time(), body) for body in bodies]
    connection.executemany("INSERT INTO bodies (received_at, body) VALUES (?, ?)", rows)
    connection.execute("COMMIT")


def make_application(kind: Kind, file: str) -> web.Application:
    """The one route."""
    memory: list[bytes] = []
    ledger = Ledger(
        file,
        batch=BATCH if kind is Kind.GROUP_COMMIT else 1,
        pragmas=() if kind is Kind.AS_IT_COMES else PRAGMAS,
    )
    writers: list[asyncio.Task[None]] = []

    async def alerts(request: web.Request) -> web.Response:
        body = await request.read()
        if kind is Kind.MEMORY:
            memory.append(body)
        else:
            await ledger.keep(body)
        return web.json_response({"stored": 1})

    async def ready(_request: web.Request) -> web.Response:
        return web.Response()

    async def start(_application: web.Application) -> None:
        if kind is not Kind.MEMORY:
            writers.append(asyncio.create_task(ledger.run()))

    application = web.Application()
    application.router.add_post("/alerts", alerts)
    application.router.add_get("/readyz", ready)
    application.on_startup.append(start)
    return application


if __name__ == "__main__":
    web.run_app(
        make_application(Kind(sys.argv[1]), sys.argv[3]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        access_log=None,
        print=None,
    )
