"""Waiting in asynchronous tests: poll with a bound, and say what was seen last when it is over."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.domain.errors import Temporary

T = TypeVar("T")

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 120.0
"""The limit of what must come: late on a busy machine, and a test that passes pays nothing."""


async def eventually(
    look: Callable[[], Awaitable[T]],
    accept: Callable[[T], bool],
    what: str,
    *,
    seconds: float = PATIENCE_SECONDS,
) -> T:
    """Look until `accept` is true of what is seen, and return that. Raises AssertionError after `seconds`.

    A look that meets `Temporary`, as one at a store under load, has seen nothing yet.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        seen: T | Temporary
        try:
            seen = await look()
        except Temporary as busy:
            seen = busy
        else:
            if accept(seen):
                return seen
        if loop.time() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s; last seen: {seen!r:.500}")
        await asyncio.sleep(POLL_SECONDS)
