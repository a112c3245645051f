"""The fault script: how the stand-in misbehaves on purpose, call by call.

Tests add faults; the Web API takes at most one for each call. Where Slack's answer could be lost *after* it
took the call, `applied=True` says that it did.
"""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from bot.console.values import Json


class FaultKind(StrEnum):
    """What goes wrong."""

    UNAVAILABLE = "http_503"
    RATE_LIMITED = "http_429"
    HANG = "hang"
    DROP = "dropped"
    ERROR = "error"
    DELAY = "delay"
    HOLD = "hold"
    ARCHIVE_CHANNEL = "archive_channel"
    DELETE_MESSAGE = "delete_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault for calls of `method` (`*` for any; also `response_url` and `upload`).

    It strikes `times` calls (None: all of them), after letting `skip` matching calls through. `seconds` is
    the delay, or the Retry-After. `applied`: the call took effect before its answer was lost.
    """

    kind: FaultKind
    method: str = "*"
    times: int | None = 1
    skip: int = 0
    channel: str | None = None
    seconds: float = 0.0
    error: str = ""
    applied: bool = False

    @classmethod
    def unavailable(cls, method: str = "*", *, times: int | None = 1, applied: bool = False) -> Self:
        """HTTP 503 with a text body."""
        return cls(kind=FaultKind.UNAVAILABLE, method=method, times=times, applied=applied)

    @classmethod
    def rate_limited(cls, method: str = "*", *, retry_after: int = 1, times: int | None = 1) -> Self:
        """HTTP 429 with `Retry-After`."""
        return cls(kind=FaultKind.RATE_LIMITED, method=method, times=times, seconds=retry_after)

    @classmethod
    def hang(cls, method: str = "*", *, times: int | None = 1, applied: bool = False) -> Self:
        """No answer until the client gives up or the stand-in closes."""
        return cls(kind=FaultKind.HANG, method=method, times=times, applied=applied)

    @classmethod
    def drop(cls, method: str = "*", *, times: int | None = 1, applied: bool = False) -> Self:
        """The connection breaks, before or (`applied`) after the call took effect."""
        return cls(kind=FaultKind.DROP, method=method, times=times, applied=applied)

    @classmethod
    def failing(cls, error: str, method: str = "*", *, times: int | None = 1, applied: bool = False) -> Self:
        """`ok: false` with that error code, such as internal_error after a call that was applied."""
        return cls(kind=FaultKind.ERROR, method=method, times=times, error=error, applied=applied)

    @classmethod
    def slow(cls, seconds: float, method: str = "*", *, times: int | None = 1) -> Self:
        """The call is taken after so many real seconds."""
        return cls(kind=FaultKind.DELAY, method=method, times=times, seconds=seconds)

    @classmethod
    def held(cls, method: str = "*", *, times: int | None = 1) -> Self:
        """The call is taken when the script is told to `release`."""
        return cls(kind=FaultKind.HOLD, method=method, times=times)

    @classmethod
    def token_revoked(cls, method: str = "*", *, times: int | None = None) -> Self:
        """`token_revoked`, for every call until the fault is removed."""
        return cls.failing("token_revoked", method, times=times)

    @classmethod
    def channel_archived(cls, method: str = "*") -> Self:
        """Somebody archives the call's channel just before it is taken."""
        return cls(kind=FaultKind.ARCHIVE_CHANNEL, method=method)

    @classmethod
    def message_deleted(cls, method: str = "chat.update") -> Self:
        """Somebody deletes the call's message just before it is taken."""
        return cls(kind=FaultKind.DELETE_MESSAGE, method=method)

    def fits(self, method: str, arguments: Json) -> bool:
        """Whether it is meant for this call."""
        return self.method in ("*", method) and self.channel in (None, arguments.get("channel"))


class FaultScript:
    """Faults in the order in which they strike."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._released = asyncio.Event()

    def add(self, *faults: Fault) -> None:
        """Appends faults to the script."""
        self._faults.extend(faults)

    def clear(self) -> None:
        """Ends all misbehaviour."""
        self._faults.clear()

    @property
    def pending(self) -> int:
        """How many faults have still to strike."""
        return len(self._faults)

    def release(self) -> None:
        """Lets every call that is held be taken now, and holds none from now on."""
        self._released.set()

    async def until_released(self) -> None:
        """Returns when held calls are to be taken."""
        await self._released.wait()

    def take(self, method: str, arguments: Json) -> Fault | None:
        """The first fault that fits this call, used up by one."""
        for index, fault in enumerate(self._faults):
            if not fault.fits(method, arguments):
                continue
            if fault.skip:
                self._faults[index] = replace(fault, skip=fault.skip - 1)
                return None
            if fault.times == 1:
                del self._faults[index]
            elif fault.times is not None:
                self._faults[index] = replace(fault, times=fault.times - 1)
            return fault
        return None
