"""Running one comparison as a program on one core, and what it took: wall, processor time, memory.

The programs find their modules compiled, as an installed package is; a first, small run sees to that.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE: Final = 200.0
INSTALL: Final = 600.0
LONG: Final = 20.0
"""What takes longer than this many seconds is measured once."""
MEBIBYTE: Final = 1024
CACHE: Final = REPOSITORY / ".cache" / "bench"
PEERS: Final = {
    "evidently": ("evidently", "pandas<3", "numpy<2.3", "pyarrow"),
    "nannyml": ("nannyml", "pandas<3", "numpy<2.3", "pyarrow", "statsmodels"),
    "frouros": ("frouros", "pandas<3", "pyarrow"),
}
"""What each peer's environment is made of: their newest releases do not say that they need older pandas."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a program took, in seconds and MiB; of several runs the medians, and the most memory.

    `lines` is what it printed, as far as it came; `failed` says why it took nothing.
    """

    wall: float = 0.0
    processor: float = 0.0
    mebibytes: float = 0.0
    runs: int = 1
    lines: tuple[str, ...] = ()
    failed: str = ""


def repeated(words: Sequence[str | Path], times: int) -> Cost:
    """So many runs one after the other, or one where that is long."""
    costs = [measured(words)]
    while not costs[0].failed and costs[0].wall < LONG and len(costs) < times:
        costs.append(measured(words))
    done = [cost for cost in costs if not cost.failed]
    if not done:
        return costs[0]
    return replace(
        done[0],
        wall=median(cost.wall for cost in done),
        processor=median(cost.processor for cost in done),
        mebibytes=max(cost.mebibytes for cost in done),
        runs=len(done),
    )


def measured(words: Sequence[str | Path], *, patience: float = PATIENCE, one_core: bool = True) -> Cost:
    """Run it on one core, its libraries' threads as well."""
    cores = sorted(os.sched_getaffinity(0))
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, REPOSITORY / "bench" / "measure.py", *(str(word) for word in words)],
        cwd=REPOSITORY,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores[:1] if one_core else cores),  # noqa: PLW1509 - before any thread of its own
    )
    try:
        said, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # what is measured is a child of the one that measures
        said, _ = process.communicate()
        return Cost(failed=f"not done after {patience:g} s", lines=tuple(said.splitlines()))
    wall = time.perf_counter() - began
    *lines, last = said.strip().splitlines() or [""]
    if process.returncode not in {0, 3} or not last.startswith("{"):
        return Cost(failed=f"ended with {process.returncode}")
    usage = json.loads(last)
    return Cost(
        wall=wall,
        processor=usage["processor"],
        mebibytes=usage["kibibytes"] / MEBIBYTE,
        lines=tuple(lines),
    )


def _environment() -> dict[str, str]:
    """One thread, compiled modules, lines as they come, and nobody is told that it was run."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"),
        **dict.fromkeys(("PYTHONUNBUFFERED", "DO_NOT_TRACK", "NML_DISABLE_USAGE_LOGGING"), "1"),
        "PYTHONPYCACHEPREFIX": str(CACHE / "compiled"),
    }


def peer(name: str) -> Path | str:
    """The interpreter of an environment with that package, made by uv once; else why there is none."""
    own = REPOSITORY / ".tools/uv/bin/uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        return "uv is missing"
    folder = CACHE / name
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([uv, "venv", "-q", "--python", "3.11", folder], check=True, timeout=INSTALL)  # noqa: S603 - uv
        subprocess.run(  # noqa: S603 - uv
            [uv, "pip", "install", "-q", "--python", python, *PEERS[name]],
            check=True,
            timeout=INSTALL,
        )
    except (subprocess.SubprocessError, OSError) as error:
        return f"it does not install here: {type(error).__name__}"
    return python
