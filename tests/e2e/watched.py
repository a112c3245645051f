"""The assembled bot in this process between a real Alertmanager and the stand-in for Slack.

Used by the tests of Alertmanager's hard cases, with times that are short enough to wait for: what is missing
in Alertmanager for `TIMEOUT` is gone. Tests read incidents from the store, and what people see from Slack.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic import SecretStr

from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import make_outside, real_surroundings
from bot.cli.serving import serving
from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.domain.incidents import IncidentState
from bot.domain.matchers import parse_matchers
from bot.settings import IntakeSettings, ServiceSettings, Settings, load_settings, read_environment
from bot.shipped import shipped
from tests.e2e.servers.alertmanager import posting_to
from tests.e2e.servers.chat import read
from tests.e2e.servers.eventually import PATIENCE_SECONDS, eventually
from tests.e2e.servers.programs import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from bot.console.values import Message
    from bot.domain.incidents import Incident
    from tests.e2e.servers.alertmanager import Alertmanager

    Start = Callable[..., Awaitable["Watched"]]
    StartAlertmanager = Callable[[Mapping[str, Any]], Alertmanager]

TOKEN = "webhook-token-of-the-test"
TIMEOUT = timedelta(seconds=3)
SETTLE = timedelta(seconds=1)
LONG_ENOUGH = 8.0
"""Seconds in which a reconciliation that is wrong would have closed what it may not close."""


def labels(pod: str = "api-1", **more: str) -> dict[str, str]:
    """An alert of the churn service."""
    return {"alertname": "HighLatency", "service": "churn", "severity": "warning", "pod": pod, **more}


def now() -> str:
    """This moment, as Prometheus writes it."""
    return datetime.now(UTC).isoformat()


def firing(pod: str = "api-1", *, since: str | None = None, **more: str) -> dict[str, Any]:
    """An alert that burns, as Prometheus hands it over."""
    return {"labels": labels(pod, **more), "startsAt": since or now()}


def ended(pod: str = "api-1", *, since: str | None = None, **more: str) -> dict[str, Any]:
    """The same when it is over."""
    at = now()
    return {"labels": labels(pod, **more), "startsAt": since or at, "endsAt": at}


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The running bot, its Alertmanager, and Slack."""

    slack: SlackStandIn
    lightship: Lightship
    alertmanager: Alertmanager
    port: int

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.port}/alerts"

    async def incidents(self) -> tuple[Incident, ...]:
        """All of them, the oldest first."""
        return tuple(reversed(await self.lightship.recording.recent(limit=50)))

    async def until(
        self, accept: Callable[[tuple[Incident, ...]], bool], what: str, *, seconds: float = PATIENCE_SECONDS
    ) -> tuple[Incident, ...]:
        """The incidents, once that is true of them."""
        return await eventually(self.incidents, accept, what, seconds=seconds)

    async def until_open(self, count: int = 1) -> tuple[Incident, ...]:
        """The incidents, once so many are open."""
        return await self.until(lambda found: len(open_of(found)) == count, f"{count} open incidents")

    async def until_closed(self) -> tuple[Incident, ...]:
        """The incidents, once there are some and none is open."""
        return await self.until(lambda found: bool(found) and not open_of(found), "all incidents closed")

    def burning(self, incident: Incident) -> set[str]:
        """The pods of the alerts that fire."""
        return {alert.labels["pod"] for alert in incident.firing(settle=SETTLE)}

    async def post(self, payload: Mapping[str, Any]) -> None:
        """Hand a payload over as Alertmanager does; it must be taken, again where it is pushed back."""
        assert await handed_over(self.url, payload, token=TOKEN) == 200

    async def silence(self, text: str) -> str:
        """Silence in Alertmanager, by somebody else than the bot."""
        at = datetime.now(UTC)
        return await self.lightship.outside.silencer.create(
            matchers=parse_matchers(text),
            starts_at=at,
            ends_at=at + timedelta(hours=1),
            created_by="somebody",
            comment="elsewhere",
        )

    async def shown_once(self) -> dict[int, str]:
        """What Slack shows of each incident, once it shows the latest state: one message for each."""

        async def waiting() -> int:
            async with self.lightship.outside.store.transaction() as tx:
                return (await tx.messages.backlog()).waiting + (await tx.deliveries.backlog()).waiting

        await eventually(waiting, lambda count: not count, "everything is shown", seconds=180.0)
        posts = [one for one in self.slack.workspace.messages.values() if one.thread_ts is None]
        shown: dict[int, str] = {}
        for incident in await self.incidents():
            (message,) = [one for one in posts if f"· #{incident.id}" in _headline(one)]
            is_over = "resolved" in _headline(message)
            assert is_over is (incident.state is IncidentState.RESOLVED), read(message)
            assert message.channel == incident.channel
            shown[incident.id] = read(message)
        assert len(shown) == len([one for one in posts if "· #" in _headline(one)])
        return shown

    async def until_shown(
        self, words: str, *, seconds: float = PATIENCE_SECONDS, channel: str | None = None
    ) -> Message:
        """The newest message outside of threads that holds the words."""

        def found() -> Message | None:
            for message in reversed(self.slack.workspace.messages.values()):
                fits = message.thread_ts is None and channel in (None, message.channel)
                if fits and words in read(message):
                    return message
            return None

        return await self.slack.recording.until(found, timeout=seconds)


async def handed_over(url: str, payload: Mapping[str, Any], *, token: str) -> int:
    """How a webhook is answered in the end: one that a busy machine pushes back is sent again."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:

        async def answered() -> int:
            async with session.post(url, json=payload) as answer:
                return answer.status

        return await eventually(answered, lambda status: status != 503, "it is not pushed back")


def open_of(incidents: tuple[Incident, ...]) -> tuple[Incident, ...]:
    """Those that are not resolved."""
    return tuple(one for one in incidents if one.state is not IncidentState.RESOLVED)


async def nothing_changes(watched: Watched, *, seconds: float = LONG_ENOUGH) -> None:
    """Watch for so long that no incident opens, closes or reopens."""

    def face(incidents: tuple[Incident, ...]) -> list[tuple[int, str, int]]:
        return [(one.id, one.state.value, one.reopened) for one in incidents]

    before = face(await watched.incidents())
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        assert face(await watched.incidents()) == before
        await asyncio.sleep(0.25)


def config(port: int, **changes: Any) -> dict[str, Any]:
    """One receiver that posts to the bot; repeats come too late for a test to live on them."""
    arguments: dict[str, Any] = {"token": TOKEN, "repeat": "1h", **changes}
    return posting_to(f"http://127.0.0.1:{port}/alerts", **arguments)


@asynccontextmanager
async def starting(tmp_path: Path, start_alertmanager: StartAlertmanager) -> AsyncIterator[Start]:
    """Starts Alertmanager, its configuration changed by `edit`, and the bot behind it with these settings."""
    async with AsyncExitStack() as ending:

        async def begin(edit: Callable[[dict[str, Any]], None] = lambda _: None, **changes: Any) -> Watched:
            port = free_port()
            content = config(port)
            edit(content)
            alertmanager = await asyncio.to_thread(start_alertmanager, content)
            return await ending.enter_async_context(watching(tmp_path, alertmanager, port, **changes))

        yield begin


@asynccontextmanager
async def watching(
    tmp_path: Path, alertmanager: Alertmanager, port: int, *, database: str = "", **changes: Any
) -> AsyncIterator[Watched]:
    """The bot on that port, asking that Alertmanager; `changes` are settings."""
    database = database or f"sqlite+aiosqlite:///{tmp_path / 'lightship.db'}"
    stand_in = SlackStandIn(demo_workspace(), rates=RateLimits(enabled=False))
    async with stand_in as slack:
        environment, _ = read_environment({})
        environment = replace(
            environment,
            slack_api_url=slack.api_url,
            slack_bot_token=SecretStr(slack.workspace.app.bot_token),
            slack_signing_secret=SecretStr(slack.signing_secret),
            webhook_token=SecretStr(TOKEN),
            alertmanager_url=SecretStr(alertmanager.url),
            database_url=SecretStr(database),
            http_port=port,
        )
        lightship = Lightship(
            settings=_settings(**changes),
            runbooks=(),  # there is no cluster to look at
            outside=make_outside(environment, real_surroundings(environment)),
        )
        async with serving(lightship, environment):
            yield Watched(
                slack=slack,
                lightship=lightship,
                alertmanager=alertmanager,
                port=port,
            )


def _settings(**changes: Any) -> Settings:
    """The shipped ones with short times and a second service."""
    settings = load_settings(shipped("lightship.yaml"), {}).settings
    assert settings is not None
    billing = ServiceSettings.model_validate({"channel": "C0OPS", "match": ['service="billing"']})
    changed = {
        "services": {**settings.services, "billing": billing},
        "intake": IntakeSettings(resolve_timeout=TIMEOUT, resolve_settle=SETTLE),
        **changes,
    }
    return settings.model_copy(update=changed)


def _headline(message: Message) -> str:
    return read(message).partition("\n")[0]
