"""The version before this one, as `tests/e2e/previous/keep.sh` kept it: its code, unpacked, ready to be run.

Used by the tests of rolling upgrades. It runs on the libraries of now, as it would not in its own image.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path
from typing import Final

KEPT: Final = Path(__file__).parents[1] / "previous"
WORDS: Final = (sys.executable, "-P", "-m", "bot", "run")
"""Its `lightship run`; without -P the folder that it is started in would come before its own code."""


def archive() -> Path:
    """The one that is kept."""
    (found,) = KEPT.glob("lightship-*.tar.xz")
    return found


def revision() -> str:
    """The newest revision of the tables that it knows."""
    return archive().name.removeprefix("lightship-").removesuffix(".tar.xz")


def unpacked(folder: Path) -> dict[str, str]:
    """Unpack it there; the environment that makes a bot be of it."""
    with tarfile.open(archive()) as tar:
        tar.extractall(folder, filter="data")
    return {"PYTHONPATH": str(folder), "LIGHTSHIP_CONFIG": str(folder / "lightship.yaml")}
