"""`lightship run`, once or twice on one database, between Slack and whoever posts webhooks; no cluster.

Used by the tests of push-back, of Slack's faults and of replicas. What people see comes from the stand-in for
Slack, what the bot remembers is read from its store beside it.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from sqlalchemy import text

from bot.adapters.clock import SystemClock
from bot.adapters.database import connect
from bot.adapters.database.engine import StoreLimits
from bot.adapters.database.opening import make_database
from bot.console import SlackStandIn, demo_workspace
from bot.console.demo import demo_commands
from bot.domain.incidents import IncidentState
from tests.e2e.scenes import SECRET, TOKEN
from tests.e2e.servers.chat import Chat, read
from tests.e2e.servers.eventually import PATIENCE_SECONDS, eventually
from tests.e2e.servers.lightship import RUN, Lightship
from tests.e2e.servers.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Row

    from bot.adapters.database import SqlStore
    from bot.console.values import Message
    from bot.domain.incidents import Incident

CHURN, OPS = "C0CHURN", "C0OPS"
ANSWER_SECONDS = 5.0
"""A webhook is answered within a second; the tests allow a busy machine four more."""

SHOWN_SECONDS = 180.0
WATCHED = {"service": "churn"}
UNMATCHED = {"service": "nobody's"}
"""Alerts that no service takes are shown in the default channel, which is OPS."""


def alert(
    pod: str, *, ended: bool = False, labels: Mapping[str, str] = WATCHED, summary: str = ""
) -> dict[str, Any]:
    """One alert as Alertmanager posts it. No runbook serves it, so nothing but alerts changes messages."""
    told = {"alertname": "Faulty", "severity": "warning", "pod": pod, **labels}
    now = datetime.now(UTC)
    return {
        "status": "resolved" if ended else "firing",
        "labels": told,
        "annotations": {"summary": summary or f"something is wrong with {pod}"},
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": now.isoformat() if ended else "0001-01-01T00:00:00Z",
        "fingerprint": pod,
    }


def webhook(group: str, *alerts: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a webhook; each group is an incident of its own."""
    return {
        "version": "4",
        "groupKey": f'{{}}:{{group="{group}"}}',
        "receiver": "lightship",
        "status": "firing",
        "groupLabels": {"group": group},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "truncatedAlerts": 0,
        "alerts": list(alerts) or [alert(group)],
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How a webhook was answered, and after how long; status 0 where the bot could not be reached."""

    status: int
    seconds: float


@dataclass(kw_only=True)
class Deployed:
    """The running parts. `bots` are started by the tests; all of them end with the test."""

    directory: Path
    database: str
    slack: SlackStandIn
    chat: Chat
    store: SqlStore
    session: aiohttp.ClientSession
    settings: Mapping[str, str]
    bots: list[Lightship] = field(default_factory=list)

    def add(
        self, *, ahead: timedelta | None = None, words: Sequence[str | Path] = RUN, **environment: str
    ) -> Lightship:
        """One more bot on the same database and Slack, not started yet; its clock may be `ahead`."""
        words = clock_ahead(ahead) if ahead else words
        directory = self.directory / f"bot-{len(self.bots)}"
        directory.mkdir()
        made = Lightship(
            directory,
            {
                "SLACK_SIGNING_SECRET": SECRET,
                "SLACK_BOT_TOKEN": self.slack.workspace.app.bot_token,
                "SLACK_API_URL": self.slack.api_url,
                "LIGHTSHIP_WEBHOOK_TOKEN": TOKEN,
                "LIGHTSHIP_DATABASE_URL": self.database,
                **self.settings,
                **environment,
                **({"PYTHONPATH": str(REPOSITORY)} if ahead else {}),
            },
            words=words,
        )
        self.bots.append(made)
        return made

    async def start(
        self, *, ahead: timedelta | None = None, words: Sequence[str | Path] = RUN, **environment: str
    ) -> Lightship:
        """One more bot, which takes webhooks."""
        bot = self.add(ahead=ahead, words=words, **environment)
        await asyncio.to_thread(bot.start)
        return bot

    async def post(self, bot: Lightship, body: Mapping[str, Any]) -> Answer:
        """Hand a webhook over as Alertmanager does."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status = 0
        try:
            async with self.session.post(f"{bot.url}/alerts", json=body) as answer:
                status = answer.status
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            pass
        return Answer(status=status, seconds=loop.time() - began)

    async def posted(self, bot: Lightship, body: Mapping[str, Any]) -> None:
        """Hand over a webhook that must be taken, again where a busy machine pushes it back."""

        async def answered() -> int:
            return (await self.post(bot, body)).status

        assert await eventually(answered, lambda status: status != 503, "it is not pushed back") == 200

    async def page(self, bot: Lightship, path: str) -> tuple[int, str]:
        """What it serves there: status and text."""
        async with self.session.get(bot.url + path) as answer:
            return answer.status, await answer.text()

    async def counted(self, bot: Lightship, name: str) -> float:
        """The sum of one of its metrics over all labels that begin like that."""
        _, text = await self.page(bot, "/metrics")
        values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in values)

    async def incidents(self) -> tuple[Incident, ...]:
        """All that are stored, the oldest first."""

        async def look() -> tuple[Incident, ...]:
            async with self.store.transaction() as tx:
                return tuple(reversed(await tx.incidents.recent(limit=500)))

        return await eventually(look, lambda _: True, "the store answers")

    async def rows(self, statement: str) -> Sequence[Row[Any]]:
        """What the database itself answers."""

        async def look() -> Sequence[Row[Any]]:
            async with self.store._database.begin() as link:
                return await link.all(text(statement))

        return await eventually(look, lambda _: True, "the store answers")

    async def waiting(self) -> int:
        """Webhooks that were not merged, and messages that are not shown in their latest state."""
        async with self.store.transaction() as tx:
            return (await tx.deliveries.backlog()).waiting + (await tx.messages.backlog()).waiting

    async def until_called(self, method: str, *, times: int = 1, outcome: str | None = None) -> None:
        """Return once Slack was called like that."""

        def called() -> bool:
            calls = [one for one in self.slack.recording.of(method) if outcome in (None, one.outcome)]
            return len(calls) >= times

        await self.chat.until(called, f"{times} calls of {method}")

    async def shown_once(self, *, seconds: float = SHOWN_SECONDS) -> dict[int, str]:
        """What Slack shows of each incident, once nothing waits: one message each, in the latest state."""
        await eventually(self.waiting, lambda count: not count, "everything is shown", seconds=seconds)
        shown: dict[int, str] = {}
        messages = [one for one in self.slack.workspace.messages.values() if one.thread_ts is None]
        for incident in await self.incidents():
            found = [one for one in messages if headline(one).endswith(f"· #{incident.id}")]
            assert len(found) == 1, f"#{incident.id} is shown {len(found)} times:\n{self.chat.screen()}"
            assert found[0].channel == incident.channel
            is_over = incident.state is IncidentState.RESOLVED
            assert ("resolved" in headline(found[0])) is is_over, read(found[0])
            shown[incident.id] = read(found[0])
        assert len(shown) == len([one for one in messages if "· #" in headline(one)])
        return shown

    async def names(self) -> set[str]:
        """The pods of all alerts that the store knows of, once every webhook is merged."""

        async def unmerged() -> int:
            async with self.store.transaction() as tx:
                return (await tx.deliveries.backlog()).waiting

        await eventually(unmerged, lambda count: not count, "every webhook is merged")
        return {one.alert.labels["pod"] for each in await self.incidents() for one in each.alerts}


@dataclass(kw_only=True)
class Load:
    """Posters that do not stop: each webhook is a new alert. `accepted` names those answered 200."""

    deployed: Deployed
    bots: Sequence[Lightship]
    accepted: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    over: bool = False
    labels: Mapping[str, str] = field(default_factory=lambda: WATCHED)
    rest: float = 0.0
    """Seconds between a poster's webhooks: a group that lasts must not grow to thousands of alerts."""

    async def run(self, *, posters: int = 8, groups: int = 3) -> None:
        """Post until `over`."""
        await asyncio.gather(*(self._post(poster, groups) for poster in range(posters)))

    async def _post(self, poster: int, groups: int) -> None:
        number = 0
        while not self.over:
            name, number = f"pod-{poster}-{number}", number + 1
            bot = self.bots[number % len(self.bots)]
            answer = await self.deployed.post(
                bot, webhook(f"g{number % groups}", alert(name, labels=self.labels))
            )
            self.answers.append(answer)
            if answer.status == 200:
                self.accepted.add(name)
                await asyncio.sleep(self.rest)
            else:
                await asyncio.sleep(0.05)  # as a client that was refused does


@asynccontextmanager
async def deployed(directory: Path, database: str, **settings: str) -> AsyncIterator[Deployed]:
    """Slack, and a place for bots with these settings; what a test left running is killed."""
    slack = SlackStandIn(demo_workspace(), signing_secret=SECRET, commands=demo_commands())
    store = connect(database, clock=SystemClock())
    headers = {"Authorization": f"Bearer {TOKEN}"}
    limit = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        slack,
        aiohttp.ClientSession(headers=headers, timeout=limit, connector=connector) as session,
    ):
        made = Deployed(
            directory=directory,
            database=database,
            slack=slack,
            chat=Chat(slack),
            store=store,
            session=session,
            settings=settings,
        )
        try:
            yield made
        finally:
            for bot in made.bots:
                await asyncio.to_thread(bot.kill)
            await store.close()


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


def sqlite_file(database: str) -> str:
    """The file of a SQLite URL."""
    return re.sub("^[^:]*:///", "", database)


def clock_ahead(ahead: timedelta) -> Sequence[str]:
    """The command of a bot whose clock is that much ahead."""
    return (sys.executable, "-m", "tests.e2e.servers.clock_ahead", str(ahead.total_seconds()))


async def until_true(look: Callable[[], Any], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a coroutine function to return something true."""
    await eventually(look, bool, what, seconds=seconds)


def headline(message: Message) -> str:
    """The first line of what is read."""
    return read(message).partition("\n")[0]
