"""Push-back: what cannot be stored is answered 503 in time, and arrives by Alertmanager's own repeats."""

from __future__ import annotations

import asyncio
import re
import resource
import sqlite3
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from bot.adapters.clock import SystemClock
from bot.adapters.database.engine import StoreLimits, make_database
from bot.console.faults import Fault
from tests.e2e.deployed import ANSWER_SECONDS, CHURN, Load, alert, deployed, until_true, webhook
from tests.e2e.scenes import TOKEN
from tests.e2e.servers.alertmanager import posting_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.lightship import Lightship
    from tests.e2e.servers.postgres import Postgres

QUEUE = 5
STOP_SECONDS = 10.0


@asynccontextmanager
async def locked(database: str) -> AsyncIterator[None]:
    """Another connection holds what every webhook's commit needs."""
    if database.startswith("sqlite"):
        other = sqlite3.connect(sqlite_file(database), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.close()
        return
    store = make_database(database, clock=SystemClock(), limits=StoreLimits())
    async with store.connection() as raw:
        await raw.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
        yield
    await store.dispose()


@contextmanager
def full(bot: Lightship, database: str) -> Iterator[None]:
    """No file of the bot's grows any more, as on a disk that is full."""
    log = Path(sqlite_file(database) + "-wal")
    size = log.stat().st_size
    assert bot.log.stat().st_size < size, "the limit is the process's, so its log must stay below it"
    _, hard = resource.prlimit(bot.program.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bot.program.pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(bot.program.pid, resource.RLIMIT_FSIZE, (hard, hard))


def sqlite_file(database: str) -> str:
    """The file of a SQLite URL."""
    return re.sub("^[^:]*:///", "", database)


async def is_pushed_back(deployed: Deployed, bot: Lightship, *, count: int = 3 * QUEUE) -> None:
    """So many webhooks at once are all answered 503, in time."""
    answers = await asyncio.gather(
        *(deployed.post(bot, webhook("refused", alert(f"refused-{number}"))) for number in range(count))
    )
    assert {answer.status for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < ANSWER_SECONDS


async def begin(
    deployed: Deployed, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> tuple[Lightship, Alertmanager]:
    """A bot, and an Alertmanager that has shown an alert through it."""
    bot = await deployed.start(LIGHTSHIP_INTAKE__QUEUE=str(QUEUE))
    config = posting_to(f"{bot.url}/alerts", token=TOKEN, group_by=["pod"], repeat="1h")
    alertmanager = await asyncio.to_thread(start_alertmanager, config)
    fire(alertmanager, "before")
    await deployed.chat.message("before", channel=CHURN)
    return bot, alertmanager


def fire(alertmanager: Alertmanager, *pods: str) -> None:
    """Alerts burn, each in a group of its own."""
    labels = [{"alertname": "Faulty", "service": "churn", "severity": "warning", "pod": pod} for pod in pods]
    alertmanager.fire(*({"labels": one, "annotations": {"summary": one["pod"]}} for one in labels))


async def all_arrives(deployed: Deployed, bot: Lightship, *pods: str) -> None:
    """What was pushed back is stored and shown, and nothing is out of order any more."""
    await until_true(lambda: known(deployed, {"before", *pods}), "Alertmanager's repeats arrive", seconds=60)
    shown = await deployed.shown_once()
    assert all(any(pod in words for words in shown.values()) for pod in pods)
    assert (await deployed.page(bot, "/readyz"))[0] == 200
    assert await deployed.counted(bot, "lightship_alerts_rejected_total") == 0
    assert await asyncio.to_thread(bot.stop) == 0


async def known(deployed: Deployed, pods: set[str]) -> bool:
    """Whether all of these are in the store."""
    return pods <= await deployed.names()


async def test_a_locked_store_fills_the_queue_and_pushes_back(
    tmp_path: Path, database: str, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> None:
    """Some wait in vain, some find the queue full: 503 in time; afterwards everything is there once."""
    async with deployed(tmp_path, database) as parts:
        bot, alertmanager = await begin(parts, start_alertmanager)
        async with locked(database):
            fire(alertmanager, "one", "two", "three")
            await is_pushed_back(parts, bot)
            text_ = await answer_text(parts, bot)
            log = [line["why"] for line in bot.log_lines("warning") if "why" in line]
            assert "too many webhooks wait to be stored" in log, text_
            assert "the store did not take the webhook in time" in log
        await all_arrives(parts, bot, "one", "two", "three")


async def answer_text(deployed: Deployed, bot: Lightship) -> str:
    """What a webhook that is pushed back is told."""
    async with deployed.session.post(f"{bot.url}/alerts", json=webhook("refused")) as answer:
        assert answer.status == 503
        return await answer.text()


async def test_a_full_store_pushes_back(
    tmp_path: Path, start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager]
) -> None:
    """Where SQLite's files cannot grow nothing is answered 200, and it goes on once they can."""
    database = f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    async with deployed(tmp_path, database) as parts:
        bot, alertmanager = await begin(parts, start_alertmanager)
        with full(bot, database):
            fire(alertmanager, "one", "two")
            await is_pushed_back(parts, bot)
            assert "store" in await answer_text(parts, bot)
        await all_arrives(parts, bot, "one", "two")


async def test_a_store_that_is_gone_or_hangs_pushes_back(
    tmp_path: Path,
    postgres: Postgres,
    start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager],
) -> None:
    """PostgreSQL stopped, then started and frozen: 503 in time, not ready, and all arrives afterwards."""
    async with deployed(tmp_path, postgres.create_database()) as parts:
        bot, alertmanager = await begin(parts, start_alertmanager)
        await asyncio.to_thread(postgres.stop)
        try:
            fire(alertmanager, "one")
            await is_pushed_back(parts, bot)
            await until_true(lambda: is_unready(parts, bot), "it says that it is not ready")
            assert (await parts.page(bot, "/healthz"))[0] == 200
        finally:
            await asyncio.to_thread(postgres.start)
        await until_true(lambda: known(parts, {"before", "one"}), "the first one arrives")
        postgres.suspend()
        try:
            fire(alertmanager, "two")
            await is_pushed_back(parts, bot)
            await until_true(lambda: is_unready(parts, bot), "it says that it is not ready")
        finally:
            postgres.resume()
        await all_arrives(parts, bot, "one", "two")


async def is_unready(deployed: Deployed, bot: Lightship) -> bool:
    """Whether it says so, because of the store."""
    status, words = await deployed.page(bot, "/readyz")
    return status == 503 and "store: ok" not in words


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
