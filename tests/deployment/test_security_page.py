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


A_SENTENCE = 60
CLAIMS = PAGE.partition("## What an attacker can and cannot do")[2].partition("\n## ")[0]
PARTS = [
    claim
    for section in CLAIMS.split("\n### ")[1:]
    for paragraph in section.split("\n\n")[1:]
    for claim in re.split(r"^- ", paragraph, flags=re.MULTILINE)
    if len(claim) > A_SENTENCE
]


@pytest.mark.parametrize("claim", PARTS, ids=lambda claim: " ".join(claim.split()[:5]))
def test_every_can_and_cannot_has_its_test(claim: str) -> None:
    """Each bullet and paragraph of what an attacker can and cannot do names the test that shows it."""
    assert "`tests/" in claim, claim


def test_the_claims_are_found() -> None:
    """The rule above looks at something: every attacker of the page, with what he can and cannot do."""
    assert CLAIMS.count("\n### ") == 7
    assert len(PARTS) > 15
