"""A folder of installed packages for these tests, as pip makes one, and a bot that sees them.

A bot registers packages when its process begins, so each one here is a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "extension"
Told = subprocess.CompletedProcess


def install(
    site: Path, *, name: str, version: str, points: dict[str, dict[str, str]], **modules: str
) -> None:
    """Put a package there with its entry points, as an installer would write them."""
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text, encoding="utf-8")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, named in points.items()
        for line in (f"[{group}]", *(f"{one} = {value}" for one, value in named.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where packages are installed; empty."""
    made = tmp_path / "site"
    made.mkdir()
    return made


@pytest.fixture
def example(site: Path) -> Path:
    """As `site`, with the package of `examples/extension`."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(site, name=project["name"], version=project["version"], points=project["entry-points"])
    shutil.copytree(EXAMPLE / "lightship_batches", site / "lightship_batches")
    return site


@pytest.fixture
def python(site: Path) -> Callable[..., Told[str]]:
    """Run Python with the installed packages; what came of it."""

    def run(*arguments: str) -> Told[str]:
        path = os.pathsep.join((str(site), str(ROOT)))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIGHTSHIP_")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**kept, "PYTHONPATH": path, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return run


@pytest.fixture
def lightship(python: Callable[..., Told[str]]) -> Callable[..., Told[str]]:
    """Run `lightship` with the installed packages; what came of it."""
    return lambda *arguments: python("-m", "bot", *arguments)
