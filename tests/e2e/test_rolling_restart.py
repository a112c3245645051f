"""A new version comes in, one replica after the other, as the overlay for PostgreSQL does it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.deployed import Load, deployed, until_true

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(600)

MORE = 40


async def taken(load: Load, count: int) -> bool:
    """Whether so many webhooks were answered 200."""
    return len(load.accepted) >= count


async def test_a_rolling_restart_under_load(tmp_path: Path, postgres: Postgres) -> None:
    """Each old replica ends in order after a new one is ready: nothing is lost, doubled or refused for long.

    One more is started before one ends (`maxSurge: 1, maxUnavailable: 0`); posters go where it is ready.
    """
    async with deployed(tmp_path, postgres.create_database()) as parts:
        old = list(await asyncio.gather(parts.start(), parts.start()))
        serving = list(old)
        load = Load(deployed=parts, bots=serving)
        running = asyncio.create_task(load.run())
        await until_true(lambda: taken(load, MORE), "webhooks are accepted")
        for leaving in old:
            serving.append(await parts.start())
            serving.remove(leaving)  # as its endpoint goes, before it is told to end
            before = len(load.accepted)
            assert await asyncio.to_thread(leaving.stop) == 0
            await until_true(lambda: taken(load, before + MORE), "webhooks are accepted")  # noqa: B023 - of now
        load.over = True
        await running
        assert {answer.status for answer in load.answers} <= {200, 503}
        assert load.accepted <= await parts.names()
        assert len(await parts.shown_once()) == 3
        assert [await asyncio.to_thread(bot.stop) for bot in serving] == [0, 0]
        rings = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert [row[0] for row in await parts.rows(rings)] == [0]
