"""Ending tasks when the bot stops, within a time, whatever hangs. Called by `bot.bootstrap.assembly`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG = Log("bootstrap")


async def end(tasks: Sequence[asyncio.Task[None]], *, within: float) -> None:
    """Wait for them; what is late is cancelled and left: where the store hangs, its roll-back hangs too."""
    if not tasks:
        return
    done, late = await asyncio.wait(tasks, timeout=within)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.warning(LogAction.LOOP_FAILED, loop=task.get_name(), error=type(error).__name__)
