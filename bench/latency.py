"""From the webhook to the call of Slack, one incident after another on an idle bot. Goal 2."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import aiohttp

from bench.bodies import group
from bench.bots import channel_of, configuration, running_bot, slack_for
from bench.disk import watched_disk
from bench.figures import Chapter, Figure, milliseconds, percentile
from bench.load import TOKEN

if TYPE_CHECKING:
    from bot.console import SlackStandIn
    from bot.console.recording import Call

GOAL: Final = 0.150
INCIDENTS: Final = 40
"""Of one bot: many more would wait for the edits by which the results of the first are marked as old."""
SYNC_EVERY: Final = 0.02
WARM_UP: Final = 3
QUIET: Final = 0.25
"""Seconds between the last that is to be shown of an incident and the next incident."""
PATIENCE: Final = 20.0


async def latency(rounds: int) -> Chapter:
    """Each incident in a service and channel of its own, so that a channel's pace does not count.

    The median over the bots: of so few incidents the slowest is the 99th percentile, and at times that is
    what the disk did once.
    """
    bots = [await _bot() for _ in range(rounds)]
    warm = [one for times, _ in bots for one in times[WARM_UP:]]
    each = [percentile(times[WARM_UP:], 0.99) for times, _ in bots]
    synced = [one for _, disk in bots for one in disk]
    p99 = median(each)
    return Chapter(
        title="From the webhook to Slack",
        how=f"{INCIDENTS} incidents one after another on each of {rounds} idle bots, each in a channel of "
        "its own and when the checks of the one before are shown, from the first byte of the webhook to the "
        "call of `chat.postMessage` that shows it.",
        figures=(
            Figure(
                name="99th percentile",
                found=milliseconds(p99),
                absolute=f"median of {', '.join(milliseconds(one) for one in each)}; half within "
                f"{milliseconds(percentile(warm, 0.5))}, longest {milliseconds(max(warm))}, "
                f"first after the start {milliseconds(max(times[0] for times, _ in bots))}",
                goal=f"at most {milliseconds(GOAL)}",
                met=p99 <= GOAL,
            ),
            Figure(
                name="to compare: 4 KiB written and on the disk meanwhile, longest",
                found=milliseconds(max(synced)),
                absolute=f"half within {milliseconds(percentile(synced, 0.5))}; "
                "the webhook is there before it is shown",
            ),
        ),
    )


async def _bot() -> tuple[list[float], list[float]]:
    """Seconds of each incident, those to warm up among them, and of each sync of the disk meanwhile."""
    services = [f"s{number:03}" for number in range(INCIDENTS + WARM_UP)]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        async with (
            slack_for(services) as slack,
            running_bot(directory, slack, configuration(directory, services)) as bot,
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
            watched_disk(SYNC_EVERY) as disk,
        ):
            times = [
                await _one(slack, session, f"{bot.url}/alerts", number, service)
                for number, service in enumerate(services)
            ]
    return times, disk


async def _one(
    slack: SlackStandIn, session: aiohttp.ClientSession, url: str, number: int, service: str
) -> float:
    body, channel = group(number, service=service), channel_of(service)

    def posted() -> Call | None:
        return next((call for call in slack.recording.of("chat.postMessage") if _shows(call, channel)), None)

    began = time.time()  # the clock of the stand-in's recording, in this very process
    async with session.post(url, data=body) as answer:
        answer.raise_for_status()
    call = await slack.recording.until(posted, timeout=PATIENCE)
    # Its checks follow as an edit, of which a workspace takes 45 a minute: idle is when that is shown too.
    await slack.recording.until(
        lambda: any(_shows(one, channel) for one in slack.recording.of("chat.update")), timeout=PATIENCE
    )
    await asyncio.sleep(QUIET)
    return call.at - began


def _shows(call: Call, channel: str) -> bool:
    return call.outcome == "ok" and call.arguments.get("channel") == channel
