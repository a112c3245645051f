"""Start and end: nothing is answered 200 before it can be stored, and nothing is lost on the way out."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bot.console.faults import Fault
from tests.e2e.deployed import CHURN, WATCHED, Load, alert, deployed, locked, until_true, webhook
from tests.e2e.scenes import TOKEN
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.programs import NotStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.lightship import Lightship
    from tests.e2e.servers.postgres import Postgres

STOP_SECONDS = 20.0
"""It takes ten at most; the tests allow a busy machine ten more."""


async def test_a_start_under_load(
    tmp_path: Path, database: str, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> None:
    """From the first answer on it is true; what Alertmanager sent before comes by its own repeats."""
    async with deployed(tmp_path, database) as parts:
        bot = parts.add()
        config = posting_to(f"{bot.url}/alerts", token=TOKEN, group_by=["pod"], repeat="1h")
        alertmanager = await asyncio.to_thread(start_alertmanager, config)
        labels = {"alertname": "Faulty", "severity": "warning", "pod": "early", **WATCHED}
        alertmanager.fire({"labels": labels, "annotations": {"summary": "it was wrong before"}})
        load = Load(deployed=parts, bots=[bot])
        running = asyncio.create_task(load.run())
        await until_true(lambda: refused(load), "webhooks find nobody")
        await asyncio.to_thread(bot.start)
        await until_true(lambda: enough(load), "webhooks are accepted")
        load.over = True
        await running
        assert {answer.status for answer in load.answers} <= {0, 200, 503}
        await parts.chat.message("it was wrong before", channel=CHURN)
        assert load.accepted <= await parts.names()
        assert len(await parts.shown_once()) == 4
        assert await asyncio.to_thread(bot.stop) == 0


async def test_a_start_without_its_store(tmp_path: Path, postgres: Postgres) -> None:
    """SQLite locked or PostgreSQL away: it says so and ends, having answered nothing; a later start works."""
    sqlite = f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    for name, database in (("one", sqlite), ("other", postgres.create_database())):
        directory = tmp_path / name
        directory.mkdir()
        async with deployed(directory, database) as parts:
            bot = parts.add()
            load = Load(deployed=parts, bots=[bot])
            running = asyncio.create_task(load.run(posters=1))
            if database is sqlite:
                async with locked(database):
                    await cannot_start(bot)
            else:
                await asyncio.to_thread(postgres.stop)
                try:
                    await cannot_start(bot)
                finally:
                    await asyncio.to_thread(postgres.start)
            load.over = True
            await running
            assert {answer.status for answer in load.answers} == {0}
            await asyncio.to_thread(bot.start)
            await parts.posted(bot, webhook("later"))
            assert await parts.names() == {"later"}
            assert await asyncio.to_thread(bot.stop) == 0


async def cannot_start(bot: Lightship) -> None:
    """It ends by itself, with a sentence about the store."""
    with pytest.raises(NotStarted, match=r"ended with 1 before[^$]*lightship run: the store"):
        await asyncio.to_thread(bot.start)


async def refused(load: Load) -> bool:
    """Whether some were not accepted."""
    return len(load.answers) - len(load.accepted) > 10


async def test_sigterm_under_load(tmp_path: Path, database: str) -> None:
    """What was answered 200 is kept, claims are given back, it takes ten seconds at most; a start goes on."""
    async with deployed(tmp_path, database) as parts:
        bot = await parts.start()
        parts.slack.faults.add(Fault.hang("chat.postMessage", times=2, applied=True))
        load = Load(deployed=parts, bots=[bot])
        running = asyncio.create_task(load.run())
        await parts.until_called("chat.postMessage", outcome="hang")
        await until_true(lambda: enough(load), "some webhooks are accepted")
        loop = asyncio.get_running_loop()
        began = loop.time()
        code = await asyncio.to_thread(bot.stop)
        took = loop.time() - began
        load.over = True
        await running
        assert (code, took < STOP_SECONDS) == (0, True), (took, bot.program.tail())
        assert {answer.status for answer in load.answers} <= {200, 503, 0}
        assert await held(parts) == []
        parts.slack.faults.clear()
        await asyncio.to_thread(bot.start)
        assert load.accepted <= await parts.names()
        await parts.shown_once()
        assert await asyncio.to_thread(bot.stop) == 0


async def enough(load: Load) -> bool:
    """Whether the load is under way."""
    return len(load.accepted) > 50


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """PostgreSQL does not answer."""
    postgres.suspend()
    try:
        yield
    finally:
        postgres.resume()


async def test_sigterm_while_postgresql_hangs(tmp_path: Path, postgres: Postgres) -> None:
    """Neither a frozen store nor a frozen Slack keeps it for longer than ten seconds."""
    async with deployed(tmp_path, postgres.create_database()) as parts:
        bot = await begin_to_hang(parts)
        with frozen(postgres):
            await ends_in_time(parts, bot)
        await goes_on(parts, bot)


async def test_sigterm_while_sqlite_is_locked(tmp_path: Path) -> None:
    """Nor does another process that holds the store's lock."""
    database = f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    async with deployed(tmp_path, database) as parts:
        bot = await begin_to_hang(parts)
        async with locked(database):
            await ends_in_time(parts, bot)
        await goes_on(parts, bot)


async def begin_to_hang(deployed: Deployed) -> Lightship:
    """A bot with an accepted alert, whose post Slack does not answer."""
    bot = await deployed.start()
    deployed.slack.faults.add(Fault.hang("chat.postMessage"))
    await deployed.posted(bot, webhook("kept", alert("kept")))
    await deployed.until_called("chat.postMessage", outcome="hang")
    return bot


async def ends_in_time(deployed: Deployed, bot: Lightship) -> None:
    """SIGTERM ends it in order, and a webhook that waits is not answered 200."""
    waiting = asyncio.create_task(deployed.post(bot, webhook("refused")))
    loop = asyncio.get_running_loop()
    began = loop.time()
    code = await asyncio.to_thread(bot.stop)
    assert (code, loop.time() - began < STOP_SECONDS) == (0, True), bot.program.tail()
    assert (await waiting).status in {503, 0}


async def goes_on(deployed: Deployed, bot: Lightship) -> None:
    """A second start knows what was accepted before."""
    deployed.slack.faults.clear()
    await asyncio.to_thread(bot.start)
    assert "kept" in await deployed.names()
    assert await asyncio.to_thread(bot.stop) == 0


async def held(deployed: Deployed) -> list[str]:
    """Who holds something in the store."""
    owners = [
        *await deployed.rows("SELECT claimed_by FROM messages WHERE claimed_by IS NOT NULL"),
        *await deployed.rows("SELECT claimed_by FROM executions WHERE claimed_by IS NOT NULL"),
        *await deployed.rows("SELECT busy_by FROM slots WHERE busy_by IS NOT NULL"),
    ]
    return [row[0] for row in owners]
