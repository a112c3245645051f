"""Running one comparison as a program on one core, and what it took: wall, processor time, memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE: Final = 200.0
INSTALL: Final = 600.0
MEBIBYTE: Final = 1024
PEERS: Final = {
    "evidently": ("evidently", "pandas<3", "numpy<2.3", "pyarrow"),
    "nannyml": ("nannyml", "pandas<3", "numpy<2.3", "pyarrow", "statsmodels"),
    "frouros": ("frouros", "pandas<3", "pyarrow"),
}
"""What each peer's environment is made of: their newest releases do not say that they need older pandas."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a program took; `said` is its last line, `failed` why there is none."""

    wall: float = 0.0
    processor: float = 0.0
    mebibytes: float = 0.0
    said: str = ""
    failed: str = ""


def measured(words: Sequence[str | Path]) -> Cost:
    """Run it on one core, its libraries' threads as well."""
    core = min(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own words
        [str(word) for word in words],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 - before any thread of its own
    )
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Cost(failed=f"not done after {PATIENCE:g} s")
    wall = time.perf_counter() - began
    usage = _usage(said)
    if process.returncode not in {0, 3} or usage is None:
        return Cost(failed=f"ended with {process.returncode}")
    processor, kibibytes, last = usage
    return Cost(wall=wall, processor=processor, mebibytes=kibibytes / MEBIBYTE, said=last)


def _usage(said: str) -> tuple[float, float, str] | None:
    """What `bench.measure` wrote behind the program's own output."""
    lines = said.strip().splitlines()
    if len(lines) < 2:  # noqa: PLR2004 - the program's and the measurement's
        return None
    found = json.loads(lines[-1])
    return float(found["processor"]), float(found["kibibytes"]), lines[-2]


def measuring(python: str | Path, *words: str | Path) -> tuple[str | Path, ...]:
    """The program under `bench/measure.py`, which any Python runs."""
    return (sys.executable, REPOSITORY / "bench" / "measure.py", python, *words)


def peer(name: str) -> Path | str:
    """The interpreter of an environment with that package, made by uv once; else why there is none."""
    own = REPOSITORY / ".tools/uv/bin/uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        return "uv is missing"
    folder = REPOSITORY / ".cache" / "bench" / name
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
