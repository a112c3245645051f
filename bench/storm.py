"""Two hundred groups at once through a real Alertmanager while Slack is slow. Goal 4."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import aiohttp

from bench.bodies import labels, notes
from bench.bots import channel_of, configuration, running_bot, slack_for
from bench.disk import watched_disk
from bench.figures import Chapter, Figure, milliseconds, percentile
from bench.load import TOKEN
from bot.console.faults import Fault
from tests.e2e.servers.alertmanager import Alertmanager, posting_to
from tests.e2e.servers.programs import REPOSITORY, Missing, Program, answers, free_port, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from bot.console import SlackStandIn

GROUPS: Final = 200
SERVICES: Final = ("north", "east", "south", "west")
AT_ONCE: Final = 4
EVERY: Final = 0.2
REPEAT: Final = "10s"
SLACK_SECONDS: Final = 0.25
ANSWER_GOAL: Final = 0.050
PATIENCE: Final = 300.0
PACE: Final = 1.0
SYNC_EVERY: Final = 0.02
JITTER: Final = 0.05
"""What the network and the stand-in may add to or take from the distance of two calls, in seconds."""
PATHS: Final = ("chat.postMessage", "chat.update")
GATHERED: Final = re.compile(r"(\d+) incidents?\b")
"""How many a digest says that it gathers."""
TITLE: Final = "A storm"
HOW: Final = (
    f"{GROUPS} alert groups begin within {GROUPS / AT_ONCE * EVERY:g} s, as Prometheus spreads its rules, "
    f"and repeat every {REPEAT}: a real Alertmanager, {len(SERVICES)} services, a channel each, "
    f"while each call of Slack takes {SLACK_SECONDS * 1_000:g} ms; webhooks are timed by a relay between "
    "Alertmanager and the bot until all groups are shown, in messages of their own or in digests."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """One storm: groups shown, seconds until then, seconds between two calls, calls, webhooks' answers.

    `disk` is how long the disk took meanwhile for 4 KiB, in seconds.
    """

    shown: int
    took: float
    shortest: float
    calls: int
    times: list[tuple[int, float]]
    disk: list[float]

    @property
    def p99(self) -> float:
        """How long webhooks waited for their answer, in seconds."""
        return percentile([seconds for _, seconds in self.times], 0.99)


async def storm(rounds: int) -> Chapter:
    """Some storms; one figure that says what is missing where there is no Alertmanager."""
    try:
        passed = [await _storm() for _ in range(rounds)]
    except Missing as missing:
        return _absent(missing)
    return Chapter(title=TITLE, how=HOW, figures=_figures(passed))


async def _storm() -> Passed:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        config = configuration(directory, SERVICES)
        async with slack_for(SERVICES) as slack, running_bot(directory, slack, config) as bot:
            slack.faults.add(*(Fault.slow(SLACK_SECONDS, method, times=None) for method in PATHS))
            async with _relay(directory, f"{bot.url}/alerts") as relay, watched_disk(SYNC_EVERY) as disk:
                told = posting_to(
                    f"{relay}/alerts", token=TOKEN, group_by=("group", "service"), repeat=REPEAT
                )
                alertmanager = Alertmanager(directory / "alertmanager", told)
                try:
                    await asyncio.to_thread(alertmanager.start)
                    began = time.monotonic()
                    await _fire(alertmanager)
                    shown = await _until_shown(slack)
                    took = time.monotonic() - began
                    times = await _times(relay)
                finally:
                    await asyncio.to_thread(alertmanager.stop)
    shortest, calls = _shortest_distance(slack)
    return Passed(shown=shown, took=took, shortest=shortest, calls=calls, times=times, disk=disk)


async def _fire(alertmanager: Alertmanager) -> None:
    alerts = list(_alerts())
    for start in range(0, GROUPS, AT_ONCE):
        await asyncio.to_thread(alertmanager.fire, *alerts[start : start + AT_ONCE])
        await asyncio.sleep(EVERY)


def _alerts() -> Iterator[dict[str, dict[str, str]]]:
    for number in range(GROUPS):
        service = SERVICES[number % len(SERVICES)]
        yield {
            "labels": {**labels(service, number), "group": str(number)},
            "annotations": notes(number),
        }


async def _until_shown(slack: SlackStandIn) -> int:
    """How many incidents are in the channels, once it is all of them or patience is over."""
    try:
        return await slack.recording.until(
            lambda: GROUPS if _incidents(slack) >= GROUPS else None, timeout=PATIENCE
        )
    except TimeoutError:
        return _incidents(slack)


def _incidents(slack: SlackStandIn) -> int:
    """How many the channels show: those with a message of their own, and those that digests count."""
    own, gathered = set(), 0
    for message in slack.workspace.messages.values():
        told = (message.metadata or {}).get("event_payload", {})
        if message.thread_ts is None and told.get("kind") == "incident":
            own.add(told.get("subject"))
        elif told.get("kind") == "digest":
            counted = GATHERED.search(message.text)
            gathered += int(counted[1]) if counted else 0
    return len(own) + gathered


def _figures(passed: Sequence[Passed]) -> tuple[Figure, ...]:
    """The worst of all storms, but of the waits the median: one hiccup is a 99th percentile."""
    shown = min(one.shown for one in passed)
    shortest = min(one.shortest for one in passed)
    slowest = max(passed, key=lambda one: one.took)
    times = [answer for one in passed for answer in one.times]
    refused = sum(status >= 300 for status, _ in times)  # noqa: PLR2004 - HTTP
    seconds = [one for _, one in times]
    p99 = median(one.p99 for one in passed)
    each = ", ".join(milliseconds(one.p99) for one in passed)
    return (
        Figure(
            name="groups shown",
            found=f"{shown} of {GROUPS}",
            absolute=f"after {slowest.took:.0f} s with {slowest.calls} calls",
            goal="all",
            met=shown == GROUPS,
        ),
        Figure(
            name="shortest time between two calls into a channel",
            found=f"{shortest:.2f} s",
            goal=f"at least {PACE:g} s (less {JITTER * 1_000:.0f} ms of measuring)",
            met=shortest >= PACE - JITTER,
        ),
        Figure(
            name="webhooks answered, 99th percentile",
            found=milliseconds(p99),
            absolute=f"median of {each}; half within {milliseconds(percentile(seconds, 0.5))}, "
            f"longest {milliseconds(max(seconds))}, {len(times)} webhooks, {refused} refused",
            goal=f"at most {milliseconds(ANSWER_GOAL)}, none refused",
            met=p99 <= ANSWER_GOAL and not refused,
        ),
        Figure(
            name="to compare: 4 KiB written and on the disk meanwhile, longest of a storm",
            found=milliseconds(median(max(one.disk) for one in passed)),
            absolute=f"median of {', '.join(milliseconds(max(one.disk)) for one in passed)}; half within "
            f"{milliseconds(median(took for one in passed for took in one.disk))}; no answer comes before "
            "the disk has it",
        ),
    )


def _shortest_distance(slack: SlackStandIn) -> tuple[float, int]:
    """Between two calls into one channel, and how many calls there were in all."""
    shortest, count = PATIENCE, 0
    for service in SERVICES:
        at = [
            call.at
            for call in slack.recording.calls
            if call.method in PATHS and call.arguments.get("channel") == channel_of(service)
        ]
        count += len(at)
        shortest = min([shortest, *(later - earlier for earlier, later in pairwise(sorted(at)))])
    return shortest, count


def _absent(missing: Missing) -> Chapter:
    figure = Figure(name="groups shown", found=f"not measured: {missing}", goal="all", met=False)
    return Chapter(title=TITLE, how=HOW, figures=(figure,))


@asynccontextmanager
async def _relay(directory: Path, url: str) -> AsyncIterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "bench.relay", str(port), url)
    program = Program(
        "relay", command, log=directory / "relay.log", environment={"PYTHONPATH": str(REPOSITORY)}
    )
    try:
        await asyncio.to_thread(
            until, lambda: answers(f"{address}/times"), "the relay serves", program=program
        )
        yield address
    finally:
        await asyncio.to_thread(program.kill)


async def _times(relay: str) -> list[tuple[int, float]]:
    async with aiohttp.ClientSession() as session, session.get(f"{relay}/times") as answer:
        return [(int(status), float(seconds)) for status, seconds in await answer.json()]
