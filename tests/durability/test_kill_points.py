"""SIGKILL at each named point, then a restart: nothing is lost and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.adapters.clock import SystemClock
from bot.adapters.database import open_store, upgrade
from tests.durability.child import FileChat

pytestmark = pytest.mark.timeout(300)  # three processes after one another, each quick unless all are waiting

ROOT = Path(__file__).parents[2]
POINTS = (
    "after-intake-commit",
    "before-merge-commit",
    "after-post",
    "after-update",
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
FILE_POINTS = ("after-share", "after-upload", "before-share", "before-finish:2", "after-finish:2")


def run(
    url: str, chat: Path, *, send: bool, kill_at: str = "", without: str = "", sends: str = "yes"
) -> subprocess.CompletedProcess[str]:
    """Run the small bot to its end, or to its death."""
    flags = [sends if send else "no", without]
    environment = {**os.environ, "LIGHTSHIP_KILL_POINT": kill_at}
    return subprocess.run(
        [sys.executable, "-m", "tests.durability.child", url, str(chat), *flags],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


async def die_and_recover(url: str, chat: Path, point: str, *, without: str = "") -> None:
    """Killed there and restarted: what was accepted is shown, once."""
    await upgrade(url, clock=SystemClock())
    dead = run(url, chat, send=True, kill_at=point, without=without)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    accepted = dead.stdout.split("accepted ")[1:]
    if not without and point != "before-intake-commit":
        assert await webhooks_known(url), "it died before there was anything to lose"
    restarted = run(url, chat, send=False, without=without)
    assert restarted.returncode == 0, restarted.stderr
    texts = [one["text"] for one in FileChat(chat).shown().values()]
    assert len(texts) <= 1, "shown twice"
    assert len(texts) >= bool(accepted), "lost"
    if accepted:
        assert int(texts[0].removeprefix("incident triggered ")) >= int(accepted[-1]), "lost"


async def webhooks_known(url: str) -> int:
    """What the store holds of them: in the ledger, and as incidents."""
    async with open_store(url, clock=SystemClock()) as store, store.transaction() as tx:
        return (await tx.deliveries.backlog()).waiting + len(await tx.incidents.recent())


async def test_killed_after_a_post_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    """On SQLite, where a crash hurts most; the quick suite has this point alone."""
    await die_and_recover(f"sqlite+aiosqlite:///{tmp_path}/lightship.db", tmp_path / "chat", "after-post")


@pytest.mark.e2e
@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_on_either_database(point: str, url: str, tmp_path: Path) -> None:
    """The whole matrix; told again afterwards, it is still one message with the latest state."""
    chat = tmp_path / "chat"
    await die_and_recover(url, chat, point)
    again = run(url, chat, send=True)
    assert again.returncode == 0, again.stderr
    assert [one["text"] for one in FileChat(chat).shown().values()] == ["incident triggered 2"]


WITHOUT = (
    ("look-up", "after-post", "shown twice"),
    ("commit", "before-intake-commit", "lost"),
    ("one-transaction", "before-merge-commit", "lost"),
)


@pytest.mark.e2e
@pytest.mark.parametrize(("without", "point", "words"), WITHOUT)
async def test_without_its_protection_the_same_test_fails(
    without: str, point: str, words: str, url: str, tmp_path: Path
) -> None:
    """The look-up, the commit before the answer, the one transaction of a merge: each holds its promise."""
    with pytest.raises(AssertionError, match=words):
        await die_and_recover(url, tmp_path / "chat", point, without=without)


@pytest.mark.e2e
@pytest.mark.parametrize("point", FILE_POINTS)
async def test_killed_while_a_file_is_shared_it_is_there_once(point: str, url: str, tmp_path: Path) -> None:
    """Between upload, sharing and the note of it: after the restart the thread has the file, one time."""
    chat = tmp_path / "chat"
    await upgrade(url, clock=SystemClock())
    dead = run(url, chat, send=True, sends="file", kill_at=point)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    restarted = run(url, chat, send=False)
    assert restarted.returncode == 0, restarted.stderr
    (shared,) = FileChat(chat).shares()
    assert shared["thread"] is not None


@pytest.mark.e2e
async def test_without_the_question_about_a_file_the_same_crash_doubles_it(url: str, tmp_path: Path) -> None:
    """Asking the chat what became of an upload is what holds the promise."""
    chat = tmp_path / "chat"
    await upgrade(url, clock=SystemClock())
    assert run(url, chat, send=True, sends="file", kill_at="after-share").returncode == -signal.SIGKILL
    assert run(url, chat, send=False, without="look-up").returncode == 0
    assert len(FileChat(chat).shares()) == 2
