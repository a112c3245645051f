"""Faults that a rehearsal switches on: what every outside system does one day.

Met by every port of the rehearsal world, under the names of the calls (`cluster.list.pods`, `writer.edit`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.errors import DryRunUnsupported, Forbidden, NotFound, Permanent, Temporary


class Fault(StrEnum):
    """What goes wrong with a call."""

    HANG = "hang"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    NO_DRY_RUN = "no_dry_run"
    LOST_ANSWER = "lost_answer"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Switched:
    call: str
    fault: Fault
    times: int | None


class Faults:
    """The faults that are on. A name stands for itself and all calls below it: `cluster` for all reads."""

    def __init__(self) -> None:
        self._on: list[_Switched] = []

    def switch_on(self, call: str, fault: Fault, *, times: int | None = None) -> None:
        """Let the next `times` such calls fail; all of them without it."""
        self._on.append(_Switched(call=call, fault=fault, times=times))

    def switch_off(self, call: str = "") -> None:
        """End the faults of that name; all of them without one."""
        self._on = [one for one in self._on if call and one.call != call]

    async def meet(self, call: str, *, right: str = "") -> bool:
        """Fail if a fault is on for this call; True where the call works and its answer gets lost."""
        fault = self._next(call)
        if fault is Fault.HANG:
            await asyncio.Event().wait()
        if fault is None or fault is Fault.LOST_ANSWER:
            return fault is not None
        raise _error(fault, right)

    def _next(self, call: str) -> Fault | None:
        for place, one in enumerate(self._on):
            if call != one.call and not call.startswith(f"{one.call}."):
                continue
            if one.times is not None:
                left = replace(one, times=one.times - 1)
                self._on[place : place + 1] = [left] if left.times else []
            return one.fault
        return None


def _error(fault: Fault, right: str) -> Exception:
    match fault:
        case Fault.FORBIDDEN:
            return Forbidden(f"Lightship may not `{right}` in the rehearsal", right=right)
        case Fault.NOT_FOUND:
            return NotFound("the rehearsal says that it does not exist")
        case Fault.THROTTLED:
            return Temporary("too many requests (429)", delay=1.0)
        case Fault.REFUSED:
            return Permanent("admission webhook `rehearsal` denied the request")
        case Fault.NO_DRY_RUN:
            return DryRunUnsupported("admission webhook `rehearsal` does not support dry run")
        case _:
            return Temporary("internal error (500)")
