"""Push-back: what cannot be stored is answered 503 in time, and arrives by Alertmanager's own repeats."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.deployed import (
    ANSWER_SECONDS,
    CHURN,
    alert,
    deployed,
    locked,
    sqlite_file,
    until_true,
    webhook,
)
from tests.e2e.scenes import TOKEN
from tests.e2e.servers.alertmanager import posting_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.alertmanager import Alertmanager
    from tests.e2e.servers.lightship import Lightship
    from tests.e2e.servers.postgres import Postgres

QUEUE = 5
FULL = (
    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$; "
    "CREATE TRIGGER full_disk BEFORE INSERT ON deliveries EXECUTE FUNCTION no_room()"
)


@contextmanager
def full(bot: Lightship, database: str, postgres: Postgres) -> Iterator[None]:
    """The store's disk is full: PostgreSQL says so, SQLite meets it."""
    if database.startswith("postgresql"):
        name = database.rpartition("/")[2]
        postgres.sql(FULL, name)
        yield
        postgres.sql("DROP TRIGGER full_disk ON deliveries", name)
        return
    file = Path(sqlite_file(database))
    if os.path.ismount(file.parent):
        rest = file.with_name("rest")
        with suppress(OSError), rest.open("wb", buffering=0) as filling:
            while filling.write(bytes(1024)):
                pass
        yield
        rest.unlink()
        return
    # No disk may be mounted here: instead no file of the bot's may grow.
    size = file.with_name(file.name + "-wal").stat().st_size
    assert bot.log.stat().st_size < size, "the limit is the process's, so its log must stay below it"
    _, hard = resource.prlimit(bot.program.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bot.program.pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(bot.program.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A folder on a disk of its own that is soon full; only a folder where nothing may be mounted."""
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    mounted = not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield directory
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)


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
    await until_true(lambda: known(deployed, {"before", *pods}), "Alertmanager's repeats arrive")
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
    tmp_path: Path,
    database: str,
    postgres: Postgres,
    start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager],
) -> None:
    """Where the store's disk is full nothing is answered 200, and it goes on once there is room again."""
    with small_disk(tmp_path / "small") as disk:
        if database.startswith("sqlite"):
            database = f"sqlite+aiosqlite:///{disk / 'lightship.db'}"
        async with deployed(tmp_path, database) as parts:
            bot, alertmanager = await begin(parts, start_alertmanager)
            with full(bot, database, postgres):
                fire(alertmanager, "one", "two")
                await is_pushed_back(parts, bot)
                assert "the store failed: " in await answer_text(parts, bot)
                if database.startswith("sqlite"):  # PostgreSQL's is full for one table here
                    await until_true(partial(is_unready, parts, bot), "it says that it is not ready")
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
