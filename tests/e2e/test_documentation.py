"""The documentation builds without a warning, and a link that leads nowhere fails the build."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.documentation.pages import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def _build(docs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-b", "html"]
    return subprocess.run(
        [*command, str(docs), str(out)], check=False, capture_output=True, text=True, timeout=500
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The pages in a folder of the test's own, with what they include."""
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    shutil.copytree(REPOSITORY / "runbooks", tmp_path / "runbooks")
    return tmp_path / "docs"


def test_it_builds_without_a_warning(copied: Path, tmp_path: Path) -> None:
    """Every page that the contents name is there afterwards, the generated ones too."""
    built = _build(copied, tmp_path / "out")
    assert built.returncode == 0, built.stderr
    for page in ("index", "tutorial", "reference/configuration", "reference/command-line", "decisions/index"):
        assert (tmp_path / "out" / f"{page}.html").is_file()
    assert "lightship drift report" in (tmp_path / "out" / "reference" / "command-line.html").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(
    "wrong", ["[there](nowhere.md)", "[there](tutorial.md#no-such-heading)", "{doc}`nowhere`"]
)
def test_a_link_that_leads_nowhere_fails_the_build(copied: Path, tmp_path: Path, wrong: str) -> None:
    """A page, a heading and a reference that do not exist are each named."""
    with (copied / "operations.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{wrong}\n")
    built = _build(copied, tmp_path / "out")
    assert built.returncode != 0
    assert "operations.md" in built.stderr
