"""Two `lightship run` on one PostgreSQL keep the promises of one."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bot.console.faults import Fault
from bot.domain.incidents import IncidentState
from tests.e2e.deployed import CHURN, UNMATCHED, Load, alert, deployed, until_true, webhook
from tests.e2e.scenes import ALERT, Begin
from tests.e2e.servers.chat import read
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.fork import fork
from tests.e2e.servers.lightship import Lightship

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.chat import Chat
    from tests.e2e.servers.postgres import Postgres

ALICE, BOB = "U0ALICE", "U0BOB"
POST = "chat.postMessage"
FAILING = "lightship_undelivered_failing_messages"
JOB = "expire-approvals"
JOB_EVERY = timedelta(seconds=15)


@asynccontextmanager
async def two(tmp_path: Path, postgres: Postgres) -> AsyncIterator[tuple[Deployed, Lightship, Lightship]]:
    """Two replicas, which never wait for each other in a ring, and must end in order."""
    async with deployed(tmp_path, postgres.create_database()) as parts:
        one, other = await asyncio.gather(parts.start(), parts.start())
        yield parts, one, other
        assert [await asyncio.to_thread(bot.stop) for bot in (one, other)] == [0, 0]
        rings = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert [row[0] for row in await parts.rows(rings)] == [0]


async def test_the_same_webhook_to_both_at_once(tmp_path: Path, postgres: Postgres) -> None:
    """As two Alertmanagers send it: one incident, one message, one event for each; and one end."""
    async with two(tmp_path, postgres) as (parts, one, other):
        for ended in (False, True):
            bodies = [webhook(f"g{number}", alert(f"pod-{number}", ended=ended)) for number in range(4)]
            await asyncio.gather(*(parts.posted(bot, body) for body in bodies for bot in (one, other)))
            assert len(await parts.names()) == 4
        shown = await parts.shown_once()
        assert len(shown) == 4
        posts = [call for call in parts.slack.recording.of(POST) if "thread_ts" not in call.arguments]
        assert len(posts) == 4
        kinds = Counter(row[0] for row in await parts.rows("SELECT kind FROM events"))
        assert kinds["incident_opened"] == 4
        assert kinds["incident_resolved"] == 4
        told = {kind for kind in kinds if kind.startswith("incident_")}
        assert told == {"incident_opened", "incident_resolved"}  # beside what was found out meanwhile


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_an_approval_pressed_on_both_at_once(begin: Begin, tmp_path: Path) -> None:
    """The same signed press reaches both replicas in the same moment: one PATCH, one outcome.

    So do two commands: one silence in Alertmanager, and one freeze.
    """
    scene = await begin()
    directory = tmp_path / "other"
    directory.mkdir()
    environment = {**scene.bot.environment}
    del environment["LIGHTSHIP_HTTP_PORT"]
    other = Lightship(directory, environment)
    await asyncio.to_thread(other.start)
    chat = scene.chat
    try:
        scene.alertmanager.fire({"labels": ALERT})
        incident = await chat.message(ALERT["alertname"])
        await chat.ask(ALICE, "scale 4 more traffic", "waits for approval")
        request = await chat.message("Approval needed", thread=incident)
        async with fork([scene.bot.url, other.url]) as url:
            chat.slack.delivery.events_url = url
            await chat.press(BOB, request, "approve")
            await chat.shows(request, "✅ Done: scale")
            await command_at_both(chat, ALICE, "silence 1h deploying", "is silenced for", "silenced already")
            await command_at_both(chat, BOB, "freeze an audit", "Nothing is asked for", "frozen already")
        assert len(await scene.silences("active")) == 1
        assert await scene.replicas() == 4
        done, _ = await scene.writes()
        assert [event["verb"] for event in done] == ["patch"]
        for sign in ("Approved.", "granted already"):
            await chat.told(BOB, sign)
        told = [read(one) for one in chat.slack.workspace.messages.values() if one.only_for == BOB]
        assert [
            len([words for words in told if sign in words]) for sign in ("Approved.", "granted already")
        ] == [
            1,
            1,
        ]
    finally:
        assert await asyncio.to_thread(other.stop) == 0


async def command_at_both(chat: Chat, who: str, words: str, *signs: str) -> None:
    """A command that both replicas get: one does it, the other one says that it is so."""
    assert (await chat.slack.people.command(who, CHURN, "/churn", words)).ok
    for sign in signs:
        await chat.told(who, sign)
    told = [read(one) for one in chat.slack.workspace.messages.values() if one.only_for == who]
    assert [len([said for said in told if sign in said]) for sign in signs] == [1, 1]


async def test_a_replica_that_dies_or_freezes_with_a_claim(tmp_path: Path, postgres: Postgres) -> None:
    """One is killed after Slack took its post, one is frozen before Slack takes it: each is shown once."""
    async with deployed(tmp_path, postgres.create_database()) as parts:
        frozen = await parts.start()
        parts.slack.faults.add(Fault.held(POST))
        await parts.posted(frozen, webhook("frozen", alert("frozen-1")))
        await until_true(lambda: called(parts), "the call is under way")
        frozen.program.suspend()
        killed = await parts.start()
        parts.slack.faults.add(Fault.hang(POST, applied=True))
        await parts.posted(killed, webhook("killed", alert("killed-1", labels=UNMATCHED)))
        await parts.until_called(POST, outcome="hang")
        killed.kill()
        heir = await parts.start()
        await parts.posted(heir, webhook("frozen", alert("frozen-1"), alert("frozen-2")))
        both = (alert(f"killed-{number}", labels=UNMATCHED) for number in (1, 2))
        await parts.posted(heir, webhook("killed", *both))
        await parts.shown_once()
        parts.slack.faults.release()  # after the other one has posted, whose claim of 45 s is over
        await parts.chat.until(
            lambda: len(parts.slack.workspace.history(CHURN)) == 2, "the late post arrives"
        )
        frozen.program.resume()
        await parts.chat.until(lambda: len(parts.slack.workspace.history(CHURN)) == 1, "the duplicate goes")
        shown = await parts.shown_once()
        assert ["frozen-2" in shown[1], "killed-2" in shown[2]] == [True, True]
        assert [await asyncio.to_thread(bot.stop) for bot in (frozen, heir)] == [0, 0]


async def test_postgresql_restarted_under_load(tmp_path: Path, postgres: Postgres) -> None:
    """Webhooks are pushed back meanwhile; what was answered 200 is there, and each incident is shown once."""
    async with two(tmp_path, postgres) as (parts, one, other):
        load = Load(deployed=parts, bots=[one, other])
        running = asyncio.create_task(load.run())
        await until_true(lambda: accepted(load, 50), "webhooks are accepted")
        await asyncio.to_thread(postgres.stop)
        try:
            await until_true(lambda: refused(load), "webhooks are pushed back")
        finally:
            await asyncio.to_thread(postgres.start)
        before = len(load.accepted)
        await until_true(lambda: accepted(load, before + 50), "webhooks are accepted again")
        load.over = True
        await running
        assert {answer.status for answer in load.answers} == {200, 503}
        assert load.accepted <= await parts.names()
        assert len(await parts.shown_once()) == 3


async def test_clocks_an_hour_apart(tmp_path: Path, postgres: Postgres) -> None:
    """One clock is right, one ahead and one behind: start and end are told to different replicas.

    Each tick is run once, and none before its time.
    """
    async with deployed(tmp_path, postgres.create_database()) as parts:
        bots = [await parts.start(ahead=ahead) for ahead in (None, timedelta(hours=1), timedelta(hours=-1))]
        parts.slack.faults.add(Fault.unavailable(times=None))
        for number, bot in enumerate(bots):
            await parts.posted(bot, webhook(f"g{number}", alert(f"pod-{number}")))
        for bot in bots:
            await until_true(partial(parts.counted, bot, FAILING), "it fails")
            assert 0 <= await parts.counted(bot, "lightship_undelivered_oldest_age_seconds") < 600
        parts.slack.faults.clear()
        for number, bot in enumerate([*bots[1:], bots[0]]):
            await parts.posted(bot, webhook(f"g{number}", alert(f"pod-{number}", ended=True)))
        await eventually(
            parts.incidents,
            lambda found: {each.state for each in found} == {IncidentState.RESOLVED},
            "all are resolved",
        )
        assert len(await parts.shown_once()) == 3
        await until_true(lambda: ticks(parts, 2), "ticks went by", seconds=240)

        async def agree() -> bool:
            runs = [
                await parts.counted(bot, f'lightship_scheduler_runs_total{{job="{JOB}".*') for bot in bots
            ]
            return sum(runs) == len(await times(parts))

        await until_true(agree, "each tick was run once")
        found = await times(parts)
        assert max(found) < datetime.now(UTC) + JOB_EVERY
        gaps = [later - earlier for earlier, later in pairwise(found)]
        assert min(gaps) >= JOB_EVERY, "each tick once"
        assert not any(gap % JOB_EVERY for gap in gaps), "and none beside the clock"
        assert [await asyncio.to_thread(bot.stop) for bot in bots] == [0, 0, 0]


async def times(deployed: Deployed) -> list[datetime]:
    """The ticks of a job that were run."""
    rows = await deployed.rows(f"SELECT fire_time FROM ticks WHERE name = '{JOB}' ORDER BY fire_time")  # noqa: S608 - ours
    return [row[0] for row in rows]


async def ticks(deployed: Deployed, count: int) -> bool:
    """Whether so many were run."""
    return len(await times(deployed)) >= count


async def called(deployed: Deployed) -> bool:
    """Whether Slack was called so that the fault struck."""
    return not deployed.slack.faults.pending


async def accepted(load: Load, count: int) -> bool:
    """Whether so many webhooks were answered 200."""
    return len(load.accepted) >= count


async def refused(load: Load) -> bool:
    """Whether both were told to send it again later."""
    return len([answer for answer in load.answers if answer.status == 503]) > 4
