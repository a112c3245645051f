"""How long to wait before the next try: doubled each time, up to a limit, and scattered.

Called by the engines that try again for ever. The scatter comes from what is tried, not from chance, so that
a rehearsal runs the same twice and a hundred messages that failed together do not come back together.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

_FARTHEST = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """The first wait and the longest; `scatter` is the part of a wait that may be missing from it."""

    first: timedelta
    longest: timedelta
    scatter: float = 0.25

    def after(self, failures: int, *, of: str) -> timedelta:
        """The wait after so many failures in a row (1 or more) of the thing with that id."""
        doubled = self.first * float(2 ** min(max(failures - 1, 0), _FARTHEST))
        chance = zlib.crc32(f"{of}/{failures}".encode()) / 0xFFFFFFFF
        return min(doubled, self.longest) * (1 - self.scatter * chance)
