"""The disks that the servers write to: this machine's own, and the same one as far away as a network volume.

A sync of a local disk may take a fraction of a millisecond, one of a network volume takes some milliseconds,
and that decides what grouping commits is worth. The others are this machine's disk with a wait after each
`fsync` and `fdatasync`, the same for every server (`slow_disk.c`, preloaded). Used by `bench.webhooks`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE: Final = Path(__file__).with_name("slow_disk.c")
LATER_MS: Final = (1, 2, 5)
"""Milliseconds that a sync takes longer: a fast network volume, a usual one, a slow one."""


Volume = Callable[[int], Mapping[str, str]]


@contextmanager
def farther_volumes() -> Iterator[Volume | None]:
    """The environment that makes a program's syncs so many milliseconds longer; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        library = Path(folder) / "slow_disk.so"
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our own source
        yield lambda later: {
            "LD_PRELOAD": str(library),
            "BENCH_SYNC_MICROSECONDS": str(later * 1_000),
        }
