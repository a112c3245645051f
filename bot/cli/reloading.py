"""Runbooks that change while a bot runs: what `lightship run` and the demo keep looking for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.adapters.runbook_files import fingerprint, load_runbooks
from bot.bootstrap.runbooks import vocabulary_of
from bot.engines.looping import keep_going
from bot.engines.reloading import Reloading
from bot.engines.waking import Waker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.bootstrap.assembly import Lightship
    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook


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
