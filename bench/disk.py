"""How long this machine's disk takes for a little more of a file: every answer to a webhook waits for it."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import asynccontextmanager
from threading import Event
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECE: Final = bytes(4_096)


def synced(file: int) -> float:
    """Seconds until 4 KiB more in a file are on the disk."""
    began = time.perf_counter()
    os.write(file, PIECE)
    os.fdatasync(file)
    return time.perf_counter() - began


@asynccontextmanager
async def watched_disk(every: float) -> AsyncIterator[list[float]]:
    """The seconds that it took, asked again `every` so many seconds beside whatever else there is."""
    times: list[float] = []
    over = Event()

    def watch() -> None:
        with tempfile.NamedTemporaryFile() as file:
            while not over.wait(every):
                times.append(synced(file.fileno()))

    watching = asyncio.create_task(asyncio.to_thread(watch))
    try:
        yield times
    finally:
        over.set()
        await watching
