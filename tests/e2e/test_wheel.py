"""The release: what `uv build` makes works from an environment that has nothing else, and elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from bot import __version__
from bot.adapters.database.upgrading import REVISIONS
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PATIENCE = 180.0


def uv() -> str:
    """The project's uv, else the machine's."""
    own = REPOSITORY / ".tools/uv/bin/uv"
    found = str(own) if own.exists() else shutil.which("uv")
    assert found, "uv is missing: `make test` fetches it"
    return found


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """The output of a command that must succeed; nothing in its environment leads to the repository."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "LIGHTSHIP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that knows nothing of the repository, for what is built and installed."""
    made = tmp_path_factory.mktemp("release")
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def lightship(folder: Path) -> Path:
    """The command, from the wheel that `uv build` makes of the source distribution that it makes first."""
    run(uv(), "build", "--quiet", "--out-dir", folder / "dist", folder=REPOSITORY)
    (wheel,) = (folder / "dist").glob("*.whl")
    assert len(list((folder / "dist").glob("*.tar.gz"))) == 1
    # The locked versions, so that the test is about the wheel and not about what came out this morning.
    locked = run(uv(), "export", "--frozen", "--quiet", "--no-dev", "--no-emit-project", folder=REPOSITORY)
    constraints = folder / "locked.txt"
    constraints.write_text(re.sub(r" \\\n\s+--hash=\S+", "", locked), encoding="utf-8")
    run(uv(), "venv", "--quiet", folder / "venv", folder=folder)
    python = folder / "venv/bin/python"
    run(uv(), "pip", "install", "--quiet", "--python", python, "-c", constraints, wheel, folder=folder)
    return folder / "venv/bin/lightship"


def test_the_version_is_that_of_the_code(lightship: Path, folder: Path) -> None:
    """`--version`, the wheel's name and the metadata say what `bot.__version__` says."""
    assert run(lightship, "--version", folder=folder) == f"lightship {__version__}\n"
    python = lightship.parent / "python"
    code = "import importlib.metadata as m; print(m.version('lightship'))"
    assert run(python, "-c", code, folder=folder).strip() == __version__
    (wheel,) = (folder / "dist").glob("*.whl")
    assert wheel.name.startswith(f"lightship-{__version__}-")


def test_migrations_and_drafts_come_with_it(lightship: Path, folder: Path) -> None:
    """The store is made up to the newest revision; `init` writes files that `check` accepts."""
    url = f"sqlite+aiosqlite:///{folder / 'lightship.db'}"
    said = run(lightship, "db", "upgrade", folder=folder, LIGHTSHIP_DATABASE_URL=url)
    assert said == f"The store is at revision {REVISIONS[-1]}.\n"
    run(lightship, "init", "--yes", "--folder", "own", folder=folder)
    assert "All is right" in run(lightship, "check", "--config", "own/lightship.yaml", folder=folder)


def test_a_package_of_one_s_own_is_installed_beside_it(lightship: Path, folder: Path) -> None:
    """The extension example by an installer: it is listed, its runbook is right, its rehearsals pass."""
    shutil.copytree(REPOSITORY / "examples/extension", folder / "extension")
    python = lightship.parent / "python"
    wanted = (uv(), "pip", "install", "--quiet", "--python", python, "--no-deps", folder / "extension")
    run(*wanted, folder=folder)
    assert "lightship-batches" in run(lightship, "extensions", folder=folder)
    config = ("--config", "extension/lightship.yaml")
    assert "All is right" in run(lightship, "check", *config, folder=folder)
    assert "all as they should." in run(lightship, "rehearse", *config, folder=folder)
    run(uv(), "pip", "uninstall", "--quiet", "--python", python, "lightship-batches", folder=folder)


def test_the_demo_starts_with_its_console_and_opens_an_incident(lightship: Path, folder: Path) -> None:
    """The page, its scripts and the incident of the shipped rehearsal are there; Ctrl-C ends it."""
    log = folder / "demo.log"
    with log.open("w", encoding="utf-8") as out:
        demo = subprocess.Popen(
            [lightship, "demo", "--port", "0", "--no-browser"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        address = eventually(lambda: re.search(r"Console: +(http://\S+/)", log.read_text(encoding="utf-8")))
        page = fetch(address[1])
        assert "<title>" in page
        for asset in re.findall(r'(?:src|href)="(/?[\w./-]+\.(?:js|css))"', page):
            assert fetch(f"{address[1]}{asset.lstrip('/')}")
        bot = eventually(lambda: re.search(r"Bot: +(http://\S+)/readyz", log.read_text(encoding="utf-8")))
        eventually(lambda: re.search(r"lightship_incidents_open\S*} [1-9]", fetch(f"{bot[1]}/metrics")))
    finally:
        demo.terminate()
        code = demo.wait(60)
    assert code == 0, log.read_text(encoding="utf-8")


def fetch(url: str) -> str:
    """The text at an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def eventually(look: Callable[[], re.Match[str] | None]) -> re.Match[str]:
    """What is looked for, once it is there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")
