"""`make audit` tells a vulnerability from a database that cannot be asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

AUDIT: Final = Path(__file__).parent.parent.parent / ".ci" / "audit.py"
WELL: Final = {"name": "click", "version": "8.2", "vulns": []}
UNKNOWN: Final = {"name": "click", "skip_reason": "Dependency not found"}
BAD: Final = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}],
}


def _audit(folder: Path, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it with a uv that exports nothing and answers for pip-audit."""
    uv = folder / "uv"
    (folder / "answer").write_text(answer, "utf-8")
    uv.write_text(f"#!/bin/sh\n[ \"$1\" = export ] || cat '{folder / 'answer'}'\n", "utf-8")
    uv.chmod(0o755)
    command = [sys.executable, str(AUDIT), "--uv", str(uv), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def _told(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_known_vulnerability_fails_and_names_what_mends_it(tmp_path: Path) -> None:
    """The package, the number and the version that mends it stand in one line."""
    audited = _audit(tmp_path, _told(WELL, BAD))
    assert audited.returncode == 1
    assert "old 1.0: PYSEC-1, mended in 1.1" in audited.stderr
    assert "2 packages looked up, 1 with known vulnerabilities" in audited.stderr


def test_nothing_known_is_well(tmp_path: Path) -> None:
    """It says how many were looked up."""
    audited = _audit(tmp_path, _told(WELL))
    assert audited.returncode == 0
    assert "1 packages looked up, 0 with" in audited.stderr


@pytest.mark.parametrize("answer", [_told(UNKNOWN), "", "connection refused"])
def test_a_database_out_of_reach_is_said_and_fails_only_where_asked_for(tmp_path: Path, answer: str) -> None:
    """`make lint` passes on a machine without a way to it; `make audit` does not."""
    audited = _audit(tmp_path, answer)
    assert "cannot be reached" in audited.stderr
    assert audited.returncode == 0
    assert _audit(tmp_path, answer, "--strict").returncode == 1
