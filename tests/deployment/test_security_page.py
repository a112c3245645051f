"""SECURITY.md claims nothing without a test: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)`", PAGE)))


@pytest.mark.parametrize("named", NAMED)
def test_what_it_names_is_there(named: str) -> None:
    """The file or folder exists and has tests."""
    path = ROOT / named
    files = [path] if path.is_file() else list(path.glob("test_*.py"))
    assert files, f"{named} is not there"
    assert all("def test_" in file.read_text() for file in files)


@pytest.mark.parametrize("claim", [line for line in PAGE.splitlines() if line.startswith("- He cannot")])
def test_every_denial_has_its_test(claim: str) -> None:
    """What an attacker cannot do is followed by the test that holds it."""
    bullet = PAGE[PAGE.index(claim) :].split("\n- ")[0].split("\n\n")[0]
    assert "`tests/" in bullet, claim
