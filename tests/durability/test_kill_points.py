"""SIGKILL at each named point, then a restart: nothing is lost and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.adapters.clock import SystemClock
from bot.adapters.database import upgrade
from tests.durability.child import FileChat

ROOT = Path(__file__).parents[2]
QUICK = ("after-intake-commit", "before-merge-commit", "after-post", "after-update")
POINTS = (
    *QUICK,
    "before-intake-commit",
    "after-merge-commit",
    "before-post",
    "before-update",
    "before-finish",
    "after-finish",
    "before-finish:2",
    "before-intake-commit:2",
    "before-merge-commit:2",
)


def run(
    url: str, chat: Path, *, send: bool, kill_at: str = "", blind: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the small bot to its end, or to its death."""
    flags = ["yes" if flag else "no" for flag in (send, blind)]
    environment = {**os.environ, "LIGHTSHIP_KILL_POINT": kill_at}
    return subprocess.run(
        [sys.executable, "-m", "tests.durability.child", url, str(chat), *flags],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


async def die_and_recover(url: str, chat: Path, point: str) -> None:
    """Killed there and restarted: what was accepted is shown, once."""
    await upgrade(url, clock=SystemClock())
    dead = run(url, chat, send=True, kill_at=point)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    accepted = dead.stdout.split("accepted ")[1:]
    restarted = run(url, chat, send=False)
    assert restarted.returncode == 0, restarted.stderr
    texts = [one["text"] for one in FileChat(chat).shown().values()]
    assert len(texts) <= 1
    if accepted:
        (text,) = texts
        assert int(text.removeprefix("incident triggered ")) >= int(accepted[-1])


@pytest.mark.parametrize("point", QUICK)
async def test_killed_there_nothing_is_lost_and_nothing_doubled(point: str, tmp_path: Path) -> None:
    """On SQLite, at the points where a crash hurts most."""
    await die_and_recover(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", tmp_path / "chat", point)


@pytest.mark.e2e
@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_on_either_database(point: str, url: str, tmp_path: Path) -> None:
    """The whole matrix; told again afterwards, it is still one message with the latest state."""
    chat = tmp_path / "chat"
    await die_and_recover(url, chat, point)
    again = run(url, chat, send=True)
    assert again.returncode == 0, again.stderr
    assert [one["text"] for one in FileChat(chat).shown().values()] == ["incident triggered 2"]


@pytest.mark.e2e
async def test_without_the_look_up_the_same_crash_doubles_the_message(url: str, tmp_path: Path) -> None:
    """The protection is what holds the promise: taken out, a kill after the post shows the incident twice."""
    chat = tmp_path / "chat"
    await upgrade(url, clock=SystemClock())
    assert run(url, chat, send=True, kill_at="after-post").returncode == -signal.SIGKILL
    assert run(url, chat, send=False, blind=True).returncode == 0
    assert len(FileChat(chat).shown()) == 2
