"""All parts of the main job at once: cluster, Prometheus, Alertmanager, database, the bot, Slack.

Used by the tests of the main job. The cluster gives the bot's ServiceAccount exactly the rights that checks
and remediations declare; Slack is the stand-in with its limits and rates on.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

from bot.checks.registry import CHECKS
from bot.console import SlackStandIn, demo_workspace
from bot.console.demo import demo_commands
from bot.remediations.registry import REMEDIES
from tests.e2e.servers.alertmanager import Alertmanager, posting_to
from tests.e2e.servers.chat import Chat
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.lightship import Lightship
from tests.e2e.servers.workloads import deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from bot.domain.rights import Right
    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.prometheus import Prometheus

ACCOUNT = "lightship"
DEPLOYMENT = "churn-api"
READY = 180.0
"""Seconds until three pods are ready; pods in name only need one or two."""

TOKEN = "webhook-token-of-the-test"
SECRET = "signing-secret-of-the-test"
ALERT = {"alertname": "HighAPILatency", "service": "churn", "severity": "warning"}
SERVICE = "LIGHTSHIP_SERVICES__CHURN__"


class Begin(Protocol):
    """The fixture `begin`: starts everything for one test, with these arguments of `scene`."""

    async def __call__(
        self,
        *,
        prometheus: Callable[[Alertmanager], Prometheus] | None = None,
        socket: bool = False,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        workload: Mapping[str, Any] | None = None,
    ) -> Scene:
        """The running parts; they end with the test."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """The running parts of one test."""

    bot: Lightship
    chat: Chat
    cluster: Cluster
    namespace: str
    alertmanager: Alertmanager

    async def replicas(self) -> int:
        """What the Deployment wants, as the API server says."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{DEPLOYMENT}"
        found = await asyncio.to_thread(self.cluster.api.call, path)
        return int(found["spec"]["replicas"])

    async def pods(self) -> list[str]:
        """The names of the ready pods."""
        path = f"/api/v1/namespaces/{self.namespace}/pods?labelSelector=app%3D{DEPLOYMENT}"
        listed = await asyncio.to_thread(self.cluster.api.call, path)
        return sorted(pod["metadata"]["name"] for pod in listed["items"] if _is_ready(pod))

    async def writes(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """All that the bot's ServiceAccount tried to change in the cluster: (for real, as dry runs)."""
        tried = await asyncio.to_thread(self.cluster.writes, self.namespace, ACCOUNT)
        dry = [event for event in tried if "dryRun=All" in event["requestURI"]]
        return [event for event in tried if event not in dry], dry

    async def silences(self, state: str) -> list[dict[str, Any]]:
        """Alertmanager's silences in this state."""
        found = await asyncio.to_thread(self.alertmanager.get, "/api/v2/silences")
        return [each for each in found if each["status"]["state"] == state]

    async def post_alerts(self, token: str | None) -> int:
        """The status of a webhook without alerts, posted with this bearer token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.bot.url}/alerts", json={}, headers=headers) as answer,
        ):
            return answer.status

    async def counted(self, name: str) -> float:
        """The sum of one of the bot's own metrics over all its labels."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.bot.url}/metrics") as answer:
            text = await answer.text()
        values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in values)


@asynccontextmanager
async def scene(
    directory: Path,
    *,
    cluster: Cluster,
    namespace: str,
    start_alertmanager: Callable[[Mapping[str, Any]], Alertmanager],
    database: str,
    prometheus: Callable[[Alertmanager], Prometheus] | None = None,
    socket: bool = False,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    workload: Mapping[str, Any] | None = None,
) -> AsyncIterator[Scene]:
    """Start everything, three pods running; at the end the bot must stop in order.

    `settings` are of the service, by their path in capitals; `socket` takes Slack by Socket Mode alone;
    `environment` is more for the bot; `workload` a Deployment of three in place of pods in name only.
    """
    cluster.apply(workload or deployment(namespace, DEPLOYMENT, replicas=3, image=cluster.image))
    kubeconfig = cluster.service_account(namespace, ACCOUNT, rules_of(declared_rights()))
    slack = SlackStandIn(demo_workspace(), signing_secret=SECRET, commands=demo_commands())
    async with slack:
        app = slack.workspace.app
        given = {"SLACK_APP_TOKEN": app.app_token} if socket else {"SLACK_SIGNING_SECRET": SECRET}
        told = {
            **given,
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_API_URL": slack.api_url,
            "LIGHTSHIP_WEBHOOK_TOKEN": TOKEN,
            "LIGHTSHIP_DATABASE_URL": database,
            "KUBECONFIG": str(kubeconfig),
            f"{SERVICE}KUBERNETES__NAMESPACE": namespace,
            **{f"{SERVICE}{path}": value for path, value in (settings or {}).items()},
            **(environment or {}),
        }
        bot = Lightship(directory, told)
        alertmanager = await asyncio.to_thread(
            start_alertmanager, posting_to(f"{bot.url}/alerts", token=TOKEN, repeat="2s")
        )
        bot.environment["ALERTMANAGER_URL"] = alertmanager.url
        if prometheus is not None:
            bot.environment["PROMETHEUS_URL"] = (await asyncio.to_thread(prometheus, alertmanager)).url
        if not socket:
            slack.delivery.events_url = f"{bot.url}/slack/events"
        made = Scene(
            bot=bot, chat=Chat(slack), cluster=cluster, namespace=namespace, alertmanager=alertmanager
        )
        await eventually(made.pods, lambda names: len(names) == 3, "three pods are ready", seconds=READY)
        await asyncio.to_thread(bot.start)
        try:
            yield made
        finally:
            code = await asyncio.to_thread(bot.stop)
        assert code == 0, f"the bot ended with {code}\n{bot.program.tail()}"
        errors = bot.log_lines("error")
        assert not errors, errors
        assert not [secret for secret in (TOKEN, SECRET, app.bot_token) if secret in bot.log.read_text()]


def declared_rights() -> list[Right]:
    """What the built checks and remediations say that they need and can use."""
    rights = {right for check in CHECKS.values() for right in (*check.rights, *check.optional_rights)}
    for declared in (rights for one in REMEDIES.values() for rights in (one.rights, one.optional_rights)):
        rights |= set(declared)
    return sorted(rights)


def rules_of(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """A Role's rules that are these rights and no more."""
    return [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]} for right in rights
    ]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
