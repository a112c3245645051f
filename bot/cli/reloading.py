"""Runbooks that change while a bot runs: what `lightship run` and the demo keep looking for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bot.adapters.runbook_files import fingerprint, load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.domain.errors import LightshipError
from bot.engines.looping import keep_going
from bot.engines.reloading import Reloading
from bot.engines.waking import Waker
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.bootstrap.assembly import Lightship
    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook
    from bot.extensions import Extension

_SHOWN: Final = 10
_LOG = Log("run")


async def keep_runbooks(lightship: Lightship, folders: Sequence[Path], *, every: float) -> None:
    """Take changed runbooks in until cancelled, looking every so many seconds."""

    def load() -> tuple[tuple[Runbook, ...], tuple[Fault, ...]]:
        found = load_runbooks(folders, vocabulary_of(lightship.settings))
        return found.runbooks, found.faults

    reloading = Reloading(
        shelf=lightship.runbooks,
        fingerprint=lambda: fingerprint(folders),
        load=load,
        noticing=lightship.noticing,
    )
    clock = lightship.outside.clock
    await keep_going("reloading", reloading.step, waker=Waker(clock), clock=clock, poll=every)


async def tell_broken(lightship: Lightship, broken: Sequence[Extension]) -> None:
    """Say once in the log and in the operators' channel which packages do not work; the bot goes on.

    Where the store cannot be had now, the log has it.
    """
    if not broken:
        return
    told = [f"{one.package}, {one.group}: {one.name}: {one.broken}" for one in broken]
    for line in told:
        _LOG.warning(LogAction.EXTENSION_BROKEN, extension=line)
    mark = hashlib.sha256("\n".join(told).encode(errors="replace")).hexdigest()[:16]
    try:
        await lightship.noticing.tell(
            f"extensions/{mark}",
            title="A package beside Lightship does not work",
            text="\n".join(told[:_SHOWN]),
        )
    except LightshipError as error:
        _LOG.warning(LogAction.EXTENSION_BROKEN, error=str(error))
