"""The import contracts hold; a new module that breaks the one direction fails here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("mlflow", "pandas", "scipy", "matplotlib", "kubernetes", "pyspark", "numpy")


def test_import_contracts_hold() -> None:
    """Every contract of pyproject.toml is kept."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout


def test_starting_imports_nothing_heavy() -> None:
    """The composition root and the doors import none of the heavy libraries."""
    script = (
        "import sys, bot.bootstrap, handlers.server;"
        f"print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == ""


def test_no_unfinished_work_is_marked_in_the_tree() -> None:
    """No source file holds a note of unfinished work."""
    marks = re.compile("TO" r"DO\b|FIX" r"ME\b|raise NotImplemented" r"Error")
    offenders = [
        str(path.relative_to(ROOT))
        for folder in ("bot", "handlers", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if marks.search(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []
