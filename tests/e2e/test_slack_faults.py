"""Slack's faults, one after the other: each incident is shown once in its latest state, or visibly is not.

Each case runs on both databases at the same time, because most of it is waiting.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pytest

from bot.console.faults import Fault
from tests.adapters.standin import standing_in, status
from tests.e2e.deployed import CHURN, OPS, UNMATCHED, Deployed, alert, deployed, until_true, webhook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.console import SlackStandIn
    from tests.adapters.standin import StandIn
    from tests.e2e.servers.lightship import Lightship
    from tests.e2e.servers.postgres import Postgres

    Case: TypeAlias = Callable[[Deployed, Lightship, StandIn], Awaitable[None]]


class OnBoth(Protocol):
    """The fixture `on_both`; what Slack does not show for `after` is told elsewhere."""

    async def __call__(self, case: Case, *, after: str = "1h") -> None:
        """Run the case on each database."""
        ...


POST, UPDATE = "chat.postMessage", "chat.update"
RETRY_AFTER = 12
OUTAGE_SECONDS = 60.0
SOON = "8s"
"""What is shown in time is told nowhere else, on a busy machine too."""
AMBIGUOUS: tuple[Callable[[str], Fault], ...] = (
    Fault.unavailable,
    lambda method: Fault.unavailable(method, applied=True),
    Fault.drop,
    lambda method: Fault.drop(method, applied=True),
    lambda method: Fault.failing("internal_error", method),
    lambda method: Fault.failing("internal_error", method, applied=True),
)


@pytest.fixture
def on_both(tmp_path: Path, postgres: Postgres) -> OnBoth:
    """Runs a case on each database, beside an address for what Slack does not show; bots end in order."""

    async def one(case: Case, name: str, database: str, after: str) -> None:
        directory = tmp_path / name
        directory.mkdir()
        async with standing_in(status(202)) as pager:
            settings = {
                "LIGHTSHIP_FALLBACK__URL": f"{pager.url}/call",
                "LIGHTSHIP_FALLBACK__AFTER": after,
            }
            async with deployed(directory, database, **settings) as parts:
                bot = await parts.start()
                await case(parts, bot, pager)
                assert await asyncio.to_thread(bot.stop) == 0

    async def run(case: Case, *, after: str = "1h") -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(one(case, "sqlite", f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}", after))
            both.create_task(one(case, "postgresql", postgres.create_database(), after))

    return run


async def test_posts_whose_answer_is_lost(on_both: OnBoth) -> None:
    """Whether or not Slack took them: one message each."""

    async def case(parts: Deployed, bot: Lightship, _: StandIn) -> None:
        parts.slack.faults.add(*(fault(POST) for fault in AMBIGUOUS))
        for number in range(len(AMBIGUOUS)):
            await parts.posted(bot, webhook(f"g{number}", alert(f"pod-{number}")))
        assert len(await parts.shown_once()) == len(AMBIGUOUS)
        all_struck(parts, POST)

    await on_both(case)


async def test_edits_whose_answer_is_lost(on_both: OnBoth) -> None:
    """The latest state is shown in the same message."""

    async def case(parts: Deployed, bot: Lightship, _: StandIn) -> None:
        await parts.posted(bot, webhook("one", alert("one-0")))
        first = await parts.chat.message("one-0")
        for number, fault in enumerate(AMBIGUOUS):
            await until_true(lambda: nothing_waits(parts), "the last state is shown")
            parts.slack.faults.add(fault(UPDATE))
            await parts.posted(bot, webhook("one", alert("one-0", summary=f"state {number}")))
            await parts.chat.shows(first, f"state {number}")
        assert len(await parts.shown_once()) == 1
        all_struck(parts, UPDATE)

    await on_both(case)


def all_struck(deployed: Deployed, method: str) -> None:
    """Each fault came to pass, and Slack took the calls that it was to take."""
    faults = [fault(method) for fault in AMBIGUOUS]
    struck = [call for call in deployed.slack.recording.of(method) if call.outcome != "ok"]
    assert [call.applied for call in struck] == [fault.applied for fault in faults]


async def test_calls_that_hang(on_both: OnBoth) -> None:
    """A post that Slack took, and an edit in another channel meanwhile: both end, and are made good."""

    async def case(parts: Deployed, bot: Lightship, _: StandIn) -> None:
        await parts.posted(bot, webhook("other", alert("other-1", labels=UNMATCHED)))
        await parts.chat.message("other-1", channel=OPS)
        parts.slack.faults.add(Fault.hang(POST, applied=True), Fault.hang(UPDATE))
        await parts.posted(bot, webhook("one", alert("one-1")))
        await parts.until_called(POST, outcome="hang")
        more = (alert(f"other-{number}", labels=UNMATCHED) for number in (1, 2))
        await parts.posted(bot, webhook("other", *more))
        await parts.until_called(UPDATE, outcome="hang")
        await parts.posted(bot, webhook("one", alert("one-1"), alert("one-2")))
        shown = await parts.shown_once()
        assert ["other-2" in shown[1], "one-2" in shown[2]] == [True, True]

    await on_both(case)


async def test_a_rate_limit_holds_its_own_channel_alone(on_both: OnBoth) -> None:
    """Nothing goes to that channel before `Retry-After`; another channel is not delayed."""

    async def case(parts: Deployed, bot: Lightship, _: StandIn) -> None:
        limited = Fault.rate_limited(POST, retry_after=RETRY_AFTER)
        parts.slack.faults.add(replace(limited, channel=CHURN))
        await parts.posted(bot, webhook("held", alert("held")))
        await parts.until_called(POST, outcome="http_429")
        await parts.posted(bot, webhook("free", alert("free", labels=UNMATCHED)))
        await parts.chat.message("free", channel=OPS)
        await parts.shown_once()
        calls = parts.slack.recording.of(POST)
        first, second = (one.at for one in calls if one.arguments["channel"] == CHURN)
        (other,) = (one.at for one in calls if one.arguments["channel"] == OPS)
        assert second - first >= RETRY_AFTER
        assert other < second - 1

    await on_both(case)


async def test_an_outage_of_a_minute_is_visible_and_ends(on_both: OnBoth) -> None:
    """The bot stays ready and says what waits, somebody is called once for each incident; then all comes."""

    async def case(parts: Deployed, bot: Lightship, pager: StandIn) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        parts.slack.faults.add(Fault.unavailable(times=None))
        for number in range(3):
            await parts.posted(bot, webhook(f"g{number}", alert(f"pod-{number}")))
        await is_visible(parts, bot, "HTTP 503")
        assert "slack: " in (await parts.page(bot, "/readyz"))[1].replace("slack: ok", "")
        await is_told_elsewhere(pager, "HTTP 503", {"pod-0", "pod-1", "pod-2"})
        await parts.posted(bot, webhook("g0", alert("pod-0", ended=True)))
        await asyncio.sleep(max(began + OUTAGE_SECONDS - loop.time(), 0))
        parts.slack.faults.clear()
        assert len(await parts.shown_once()) == 3
        await is_over(parts, bot)
        assert len(pager.bodies) == 3

    await on_both(case, after=SOON)


def archive(slack: SlackStandIn) -> None:
    """Somebody archives the channel."""
    slack.workspace.archive(CHURN)


def remove_bot(slack: SlackStandIn) -> None:
    """Somebody removes the bot from the channel."""
    found = slack.workspace.channels[CHURN]
    slack.workspace.put_channel(replace(found, members=found.members - {slack.workspace.app.bot_user_id}))


def revoke(slack: SlackStandIn) -> None:
    """Somebody revokes the token."""
    slack.faults.add(Fault.token_revoked())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(archive, "is archived"), (remove_bot, "not in the channel"), (revoke, "token was revoked")],
)
async def test_what_needs_a_person_is_visible_until_it_is_mended(
    on_both: OnBoth, spoil: Callable[[SlackStandIn], None], words: str
) -> None:
    """Posts and edits wait with the reason in words, a new incident is told elsewhere; then all is shown."""

    async def case(parts: Deployed, bot: Lightship, pager: StandIn) -> None:
        await parts.posted(bot, webhook("old", alert("old-1")))
        await parts.chat.message("old-1", channel=CHURN)
        await until_true(lambda: nothing_waits(parts), "it is shown")
        before = parts.slack.workspace.channels[CHURN]
        spoil(parts.slack)
        await parts.posted(bot, webhook("old", alert("old-1"), alert("old-2")))
        await parts.posted(bot, webhook("new", alert("new-1")))
        await is_visible(parts, bot, words)
        await is_told_elsewhere(pager, words, {"new-1"})
        parts.slack.faults.clear()
        parts.slack.workspace.put_channel(before)
        shown = await parts.shown_once()
        assert ["-2" in shown[1], "new-1" in shown[2]] == [True, True]
        await is_over(parts, bot)
        assert len(pager.bodies) == 1

    await on_both(case, after=SOON)


async def test_a_message_that_somebody_deleted(on_both: OnBoth) -> None:
    """It is posted anew with its latest state."""

    async def case(parts: Deployed, bot: Lightship, _: StandIn) -> None:
        await parts.posted(bot, webhook("one", alert("one-1")))
        first = await parts.chat.message("one-1", channel=CHURN)
        parts.slack.faults.add(Fault.message_deleted())
        await parts.posted(bot, webhook("one", alert("one-1"), alert("one-2")))
        second = await parts.chat.message("one-2", channel=CHURN)
        assert first.ts != second.ts
        assert len(await parts.shown_once()) == 1

    await on_both(case)


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_content_that_slack_refuses_goes_out_as_plain_text(on_both: OnBoth, error: str) -> None:
    """Something is shown in its place at once and counted; the next state has its blocks again."""

    async def case(parts: Deployed, bot: Lightship, _: StandIn) -> None:
        parts.slack.faults.add(Fault.failing(error, POST))
        await parts.posted(bot, webhook("one", alert("one-1")))
        await parts.until_called(POST, outcome="ok")
        await until_true(lambda: nothing_waits(parts), "it is shown")
        (plain,) = parts.slack.workspace.messages.values()
        assert plain.blocks == ()
        assert "Faulty" in plain.text
        assert await parts.counted(bot, "lightship_messages_plain_total") == 1
        await parts.posted(bot, webhook("one", alert("one-1"), alert("one-2")))
        whole = await parts.chat.message("one-2", channel=CHURN)
        assert whole.ts == plain.ts
        assert whole.blocks
        assert len(await parts.shown_once()) == 1

    await on_both(case)


async def nothing_waits(deployed: Deployed) -> bool:
    """Whether everything is shown."""
    return not await deployed.waiting()


async def is_told_elsewhere(pager: StandIn, words: str, pods: set[str]) -> None:
    """The fallback's address got each of these incidents as JSON, with the reason why Slack shows it not."""

    async def told() -> bool:
        return len(pager.bodies) >= len(pods)

    await until_true(told, "the fallback is told")
    documents = [json.loads(body) for body in pager.bodies]
    assert {one["title"] for one in documents} == {"Faulty"}
    assert {one["alerts"][0]["labels"]["pod"] for one in documents} == pods
    reasons = {one["why"] for one in documents} - {"Slack has not been asked yet"}
    assert reasons
    assert all(words in why for why in reasons), reasons


async def is_visible(deployed: Deployed, bot: Lightship, words: str) -> None:
    """Metrics, readiness and the command line say that something is not shown, and why."""

    async def said() -> bool:
        status, ready = await deployed.page(bot, "/readyz")
        assert status == 200, ready
        return "cannot be shown" in ready and words in ready

    await until_true(said, f"/readyz says {words!r}")
    await until_true(
        lambda: deployed.counted(bot, "lightship_undelivered_failing_messages"), "a metric says it"
    )
    assert await deployed.counted(bot, "lightship_undelivered_messages") >= 1
    assert await deployed.counted(bot, "lightship_undelivered_oldest_age_seconds") > 0
    listed = await asyncio.to_thread(bot.command, "incident", "list")
    assert "not shown in the latest state" in listed
    assert words in listed


async def is_over(deployed: Deployed, bot: Lightship) -> None:
    """None of them says so any more."""

    async def quiet() -> bool:
        _, ready = await deployed.page(bot, "/readyz")
        return "messages: ok" in ready and "slack: ok" in ready

    await until_true(quiet, "/readyz is quiet")

    async def shown() -> bool:
        return not await deployed.counted(bot, "lightship_undelivered_messages")

    await until_true(shown, "the metric is zero")
    assert await deployed.counted(bot, "lightship_undelivered_oldest_age_seconds") == 0
    assert "not shown" not in await asyncio.to_thread(bot.command, "incident", "list", "--all")
