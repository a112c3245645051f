"""Taking runbooks in that were changed while the bot runs: those that are right, and no others.

Every replica looks for itself, by content, so that a ConfigMap's swap of links is seen like any other change.
A wrong file is refused with one notice for its content; the runbook that it held before stays in force.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final, Protocol

from bot import telemetry
from bot.logs import Log, LogAction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook
    from bot.engines.noticing import Noticing

_SHOWN: Final = 10

_LOG = Log("reloading")


class Shelf(Protocol):
    """The runbooks in force."""

    def all(self) -> Sequence[Runbook]:
        """All of them."""
        ...

    def replace(self, runbooks: Sequence[Runbook]) -> None:
        """These are in force from now on."""
        ...


class Reloading:
    """The loop's step. `fingerprint` and `load` block, so they run in a thread."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        fingerprint: Callable[[], str],
        load: Callable[[], tuple[Sequence[Runbook], Sequence[Fault]]],
        noticing: Noticing,
    ) -> None:
        self._shelf = shelf
        self._fingerprint = fingerprint
        self._load = load
        self._noticing = noticing
        self._seen = fingerprint()

    async def step(self) -> int:
        """Look once; 1 where the content had changed. Raises what the store raises."""
        found = await asyncio.to_thread(self._fingerprint)
        if found == self._seen:
            return 0
        runbooks, faults = await asyncio.to_thread(self._load)
        self._shelf.replace(in_force(self._shelf.all(), runbooks, faults))
        if faults:
            telemetry.RUNBOOK_LOADS.labels(outcome="refused").inc()
            _LOG.warning(LogAction.RUNBOOKS_REFUSED, faults=len(faults))
            await self._tell(faults)
        else:
            telemetry.RUNBOOK_LOADS.labels(outcome="loaded").inc()
            telemetry.RUNBOOKS_LOADED_AT.set_to_current_time()
            _LOG.info(LogAction.RUNBOOKS_LOADED, count=len(runbooks))
        # Remembered last: where the store could not take the notice, the next look tells it.
        self._seen = found
        return 1

    async def _tell(self, faults: Sequence[Fault]) -> None:
        told = "\n".join(map(str, faults[:_SHOWN]))
        rest = len(faults) - _SHOWN
        mark = hashlib.sha256("\n".join(map(str, faults)).encode(errors="replace")).hexdigest()[:16]
        await self._noticing.tell(
            f"runbooks/{mark}",
            title="A changed runbook is wrong and was not loaded",
            text=f"{told}{f' and {rest} more' if rest > 0 else ''}\nWhat these files held before "
            "stays in force; `lightship check` names every fault.",
        )


def in_force(
    before: Sequence[Runbook], loaded: Sequence[Runbook], faults: Sequence[Fault]
) -> tuple[Runbook, ...]:
    """What was loaded, and of the files (or folders) that are wrong now what they held before."""
    wrong = {fault.file for fault in faults}
    names = {runbook.name for runbook in loaded}
    kept = [
        old
        for old in before
        if old.name not in names
        and any(old.source == one or old.source.startswith(f"{one}/") for one in wrong)
    ]
    return (*loaded, *kept)
