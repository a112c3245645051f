"""Named points at which a test may kill the process, to prove that nothing is lost and nothing done twice.

Engines call `fault("after-post")`; it does nothing unless `LIGHTSHIP_KILL_POINT` names that point when the
process starts. Then the process ends itself with SIGKILL, as a power cut would. `LIGHTSHIP_KILL_POINT=name:3`
lets the point pass twice and kills at the third time.
"""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE: Final = "LIGHTSHIP_KILL_POINT"


def _free(point: str) -> None:
    """Do nothing; this is what runs outside of tests."""


def _deadly_at(setting: str) -> Callable[[str], None]:
    name, _, number = setting.partition(":")
    last = int(number) if number else 1
    passes = count(1)

    def deadly(point: str) -> None:
        if point == name and next(passes) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    return deadly


fault: Final[Callable[[str], None]] = _deadly_at(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _free
