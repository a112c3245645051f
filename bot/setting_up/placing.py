"""Puts drafts on disk. A file that is there is never written over without a word from who asked."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Placing(StrEnum):
    """What became of one draft."""

    WRITTEN = "written"
    SAME = "unchanged"
    KEPT = "kept as it is"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Placed:
    """A file, and what became of it."""

    path: Path
    placing: Placing


def place(folder: Path, name: str, text: str, *, may_replace: Callable[[Path], bool]) -> Placed:
    """Write the draft, asking `may_replace` where another file stands in its place. Raises OSError."""
    path = folder / name
    if os.path.lexists(path):
        if path.is_file() and path.read_bytes() == text.encode():
            return Placed(path, Placing.SAME)
        if not may_replace(path):
            return Placed(path, Placing.KEPT)
        _write(path, text)
        return Placed(path, Placing.REPLACED)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, text)
    return Placed(path, Placing.WRITTEN)


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a full disk leaves the file as it was."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
