"""A start that is told to end before it came to its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import make_outside, real_surroundings
from bot.cli.serving import ToldToEndError, serving
from bot.settings import load_settings, read_environment
from bot.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path


class Hanging(Lightship):
    """Its store neither answers nor lets go of who asked: a roll-back hangs too."""

    def __init__(self, folder: Path) -> None:
        environment, _ = read_environment({})
        self.environment = replace(
            environment,
            database_url=SecretStr(f"sqlite+aiosqlite:///{folder / 'lightship.db'}"),
            slack_signing_secret=SecretStr("s" * 32),
            http_port=0,
        )
        outside = make_outside(self.environment, real_surroundings(self.environment))
        settings = load_settings(shipped("lightship.yaml"), {}).settings
        assert settings is not None
        super().__init__(settings=settings, runbooks=(), outside=outside)
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        """Ask, and wait."""
        self.asked.set()
        while not self.let_go.is_set():
            with suppress(asyncio.CancelledError):
                await self.let_go.wait()


async def test_a_start_whose_store_hangs_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """SIGTERM before the doors are open: they stay closed, and nobody waits for the store."""
    lightship, told = Hanging(tmp_path), asyncio.Event()

    async def start() -> None:
        async with serving(lightship, lightship.environment, told=told):
            pytest.fail("the doors are open")

    starting = asyncio.create_task(start())
    await lightship.asked.wait()
    told.set()
    ended, _ = await asyncio.wait({starting}, timeout=20.0)
    lightship.let_go.set()
    assert ended, "it waits for the store"
    with pytest.raises(ToldToEndError):
        await starting
