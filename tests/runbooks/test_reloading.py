"""Runbooks that change while the bot runs: taken in when right, refused and told once when not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.adapters.runbook_files import fingerprint, load_runbooks
from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import Surroundings, rehearsed_outside
from bot.bootstrap.runbooks import RunbookShelf
from bot.cli.reloading import keep_runbooks
from bot.domain.messages import MessageKind
from bot.engines.noticing import Noticing
from bot.engines.reloading import Reloading
from bot.playing.chat import BlankPictures, EverybodyIsMember
from bot.rehearsal.virtual_time import VirtualClock, run_virtually
from bot.rehearsal.world import World
from bot.settings import load_settings
from bot.testing import FrozenClock, MemoryChat, SequentialIds
from tests.opening import open_store

if TYPE_CHECKING:
    from bot.domain.faults import Fault
    from bot.domain.runbooks import Runbook

ROOT = Path(__file__).parents[2]


def text(name: str, title: str = "First") -> str:
    """A runbook's file."""
    return (
        f"name: {name}\ntitle: {title}\nmatch: ['alertname=\"{name}\"']\nsummary: Hello\n"
        "steps: [{title: Look, human: Look}]\n"
    )


def swap(folder: Path, number: int, **files: str) -> None:
    """Put these files there as Kubernetes mounts a ConfigMap: `..data` is a link that is swapped at once."""
    data = folder / f"..{number}"
    data.mkdir(parents=True)
    for name, content in files.items():
        (data / f"{name}.yaml").write_text(content, encoding="utf-8")
    link = folder / "..new"
    link.symlink_to(data.name)
    link.replace(folder / "..data")
    for old in folder.glob("*.yaml"):
        old.unlink()
    for name in files:
        (folder / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")


async def test_a_swapped_config_map_is_taken_in_and_a_wrong_one_refused_once(tmp_path: Path) -> None:
    """New, changed, removed and wrong files: what the wrong one held stays, one notice says the line."""
    folder = tmp_path / "runbooks"
    swap(folder, 1, a=text("A"), b=text("B"))
    shelf = RunbookShelf(load_runbooks([folder]).runbooks)

    def load() -> tuple[tuple[Runbook, ...], tuple[Fault, ...]]:
        found = load_runbooks([folder])
        return found.runbooks, found.faults

    clock = FrozenClock()
    async with open_store("sqlite+aiosqlite:///:memory:", clock=clock) as store:
        noticing = Noticing(store=store, ids=SequentialIds(), channel="C0OPS", rest=timedelta(minutes=15))
        reloading = Reloading(
            shelf=shelf, fingerprint=lambda: fingerprint([folder]), load=load, noticing=noticing
        )
        assert await reloading.step() == 0
        swap(folder, 2, a=text("A", "Second"), c=text("C"))
        assert [await reloading.step(), await reloading.step()] == [1, 0]
        assert [(one.name, one.title) for one in shelf.all()] == [("A", "Second"), ("C", "First")]
        swap(folder, 3, a="name: A\ntitel: Third\n", c=text("C", "Second"))
        assert [await reloading.step(), await reloading.step()] == [1, 0]
        assert [(one.name, one.title) for one in shelf.all()] == [("A", "Second"), ("C", "Second")]
        async with store.transaction() as tx:
            (notice,) = await tx.messages.undelivered()
            event = await tx.events.get(notice.subject)
        assert (notice.kind, notice.channel) == (MessageKind.NOTICE, "C0OPS")
        assert event is not None
        assert "a.yaml:2:1: unknown key `titel`; did you mean `title`?" in str(event.detail["text"])


def test_a_running_bot_takes_a_changed_runbook_in(tmp_path: Path) -> None:
    """As `lightship run` and the demo do it: within the time between two looks it is in force."""
    settings = load_settings(ROOT / "lightship.yaml", {}).settings
    assert settings is not None
    (tmp_path / "a.yaml").write_text(text("A"), encoding="utf-8")

    async def change() -> list[str]:
        clock, ids = VirtualClock(), SequentialIds()
        world = World(clock, ids)
        outside = rehearsed_outside(
            Surroundings(
                readers=world.readers,
                planner=world.planner,
                writers=world.writers,
                silencer=world.alertmanager,
            ),
            clock=clock,
            ids=ids,
            notifier=MemoryChat(),
            directory=EverybodyIsMember(),
            drawer=BlankPictures(),
        )
        lightship = Lightship(
            settings=settings, runbooks=load_runbooks([tmp_path]).runbooks, outside=outside, rehearsed=True
        )
        await lightship.start()
        looking = asyncio.create_task(keep_runbooks(lightship, [tmp_path], every=2.0))
        await clock.sleep(1)
        (tmp_path / "a.yaml").write_text(text("A", "Second"), encoding="utf-8")
        await clock.sleep(3)
        looking.cancel()
        await lightship.stop()
        return [one.title for one in lightship.runbooks.all()]

    assert run_virtually(change()) == ["Second"]
