"""Failure modes on their whole way: planted in a real cluster, an alert's webhook, what Slack shows first.

`test_failure_modes` plants every mode and runs the check alone; here the whole bot is around it, for some.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from bot.adapters.kubernetes import KubernetesConnection
from bot.bootstrap.assembly import Lightship
from bot.bootstrap.outside import make_outside, real_surroundings
from bot.cli.serving import serving
from bot.console import RateLimits, SlackStandIn, demo_workspace
from bot.domain.suspects import FailureMode as M
from bot.settings import ServiceSettings, load_settings, read_environment
from bot.shipped import shipped
from tests.e2e import plants_around_pods, plants_of_pods
from tests.e2e.deployed import alert, webhook
from tests.e2e.planting import NAME, Bed, Plant, reader_account
from tests.e2e.servers.chat import read
from tests.e2e.servers.programs import free_port
from tests.e2e.test_failure_modes import Garden
from tests.e2e.watched import handed_over

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.servers.cluster import Cluster

TOKEN = "webhook-token-of-the-test"
WITHIN_SECONDS = 240.0
CALM = "Nothing wrong found in"
FIRST = 800
"""So many signs of a message are about its first cause."""

pytestmark = pytest.mark.timeout(900)


def _callers_gone(bed: Bed) -> None:
    """Only a front end is let in, and its label has a typo."""
    bed.apply(bed.app(ports=[{"name": "http", "containerPort": 8080}]))
    bed.ready()
    peer = {"podSelector": {"matchLabels": {"app": "frontent"}}}
    rule = {"ports": [{"port": 8080}], "from": [peer]}
    spec = {"podSelector": {"matchLabels": {"app": NAME}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    bed.apply(bed.made("networking.k8s.io/v1", "NetworkPolicy", "front-end-only", spec=spec))


CALLERS_GONE = Plant(
    mode=M.NETWORK_POLICY_SHUTS_PORT,
    subject="network policy front-end-only",
    field="spec.ingress.from.podSelector",
    value="app=frontent",
    plant=_callers_gone,
)
WANTED = (
    M.IMAGE_MISSING,
    M.EXITS_WITH_ERROR,
    M.OUT_OF_MEMORY,
    M.SECRET_MISSING,
    M.REFUSED_BY_QUOTA,
    M.SERVICE_SELECTS_NOTHING,
    M.CRON_JOB_SUSPENDED,
)
_ALL = {one.mode: one for one in (*plants_of_pods.PLANTS, *plants_around_pods.PLANTS)}
PLANTS = {
    **{f"service-{number}": _ALL[mode] for number, mode in enumerate(WANTED)},
    "callers": CALLERS_GONE,
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """The running bot, its services in namespaces of their own, and Slack."""

    slack: SlackStandIn
    port: int

    async def fire(self, service: str) -> None:
        """An alert of that service, as Alertmanager posts it."""
        body = webhook(service, alert("api", labels={"service": service, "severity": "critical"}))
        assert await handed_over(f"http://127.0.0.1:{self.port}/alerts", body, token=TOKEN) == 200

    async def says(self, service: str, words: str) -> bool:
        """Whether its incident's message comes to hold those words where the first cause stands."""

        def found() -> bool:
            posts = [one for one in self.slack.workspace.messages.values() if one.thread_ts is None]
            shown = [text for text in map(read, posts) if f"*{service}*" in text]
            return any(
                words in text.partition("🎯")[2][:FIRST] or (words == CALM and CALM in text) for text in shown
            )

        loop = asyncio.get_running_loop()
        until = loop.time() + WITHIN_SECONDS
        while not found():
            if loop.time() > until:
                return False
            await asyncio.sleep(0.5)
        return True


async def _stands(garden: Garden, bed: Bed, plant: Plant | None) -> None:
    """Wait until the check finds it: a diagnosis is made when the alert comes, of what is there then."""
    target = dict(plant.target) if plant else {"deployment": NAME}
    wanted = [plant.mode] if plant else []
    loop = asyncio.get_running_loop()
    until = loop.time() + WITHIN_SECONDS
    while [one.mode for one in (await garden.look(bed, **target)).suspects[:1]] != wanted:
        assert loop.time() < until, f"{wanted} does not stand"
        await asyncio.sleep(1)


def _service(bed: Bed, name: str, target: dict[str, str]) -> ServiceSettings:
    kubernetes = {"namespace": bed.namespace, "deployment": target.get("deployment", NAME)}
    if "cronjob" in target:
        kubernetes["cronjob"] = target["cronjob"]
    return ServiceSettings.model_validate(
        {
            "channel": "C0CHURN",
            "command": f"/{name}",
            "match": [f'service="{name}"'],
            "kubernetes": kubernetes,
        }
    )


@asynccontextmanager
async def telling(
    folder: Path, kubeconfig: Path, services: dict[str, ServiceSettings]
) -> AsyncIterator[Told]:
    """The bot over these services, with the rights of the check alone."""
    settings = load_settings(shipped("lightship.yaml"), {}).settings
    assert settings is not None
    port = free_port()
    async with SlackStandIn(demo_workspace(), rates=RateLimits(enabled=False)) as slack:
        environment, _ = read_environment({})
        environment = replace(
            environment,
            slack_api_url=slack.api_url,
            slack_bot_token=SecretStr(slack.workspace.app.bot_token),
            slack_signing_secret=SecretStr(slack.signing_secret),
            webhook_token=SecretStr(TOKEN),
            kubeconfig=str(kubeconfig),
            database_url=SecretStr(f"sqlite+aiosqlite:///{folder / 'lightship.db'}"),
            http_port=port,
        )
        lightship = Lightship(
            settings=settings.model_copy(update={"services": services}),
            runbooks=(),  # what is told needs no line of YAML
            outside=make_outside(environment, real_surroundings(environment)),
        )
        async with serving(lightship, environment):
            yield Told(slack=slack, port=port)


async def test_from_the_webhook_to_the_first_cause(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Each incident's message names the planted mode first, with its value; of the healthy one, nothing."""
    if not cluster.owned:
        pytest.skip("the kubelet's words can be planted in the tests' own cluster only")
    kubeconfig = await asyncio.to_thread(reader_account, cluster, namespace)
    beds: dict[str, Bed] = {}

    def planted(name: str) -> None:
        beds[name] = Bed(cluster, cluster.create_namespace(f"e2e-told-{name}"))
        if name not in PLANTS or PLANTS[name].mode is M.CRON_JOB_SUSPENDED:
            # A service always has its deployment, also where something beside it is at fault.
            plants_around_pods.healthy_by_hand(beds[name])
        if name in PLANTS:
            PLANTS[name].plant(beds[name])

    async with AsyncExitStack() as ending:
        await asyncio.gather(*(asyncio.to_thread(planted, name) for name in (*PLANTS, "well")))
        for bed in beds.values():
            ending.callback(cluster.delete_namespace, bed.namespace)
        garden = Garden(cluster, KubernetesConnection(kubeconfig=str(kubeconfig)))
        await asyncio.gather(*(_stands(garden, bed, PLANTS.get(name)) for name, bed in beds.items()))
        await garden.connection.close()
        services = {
            name: _service(bed, name, dict(PLANTS[name].target) if name in PLANTS else {})
            for name, bed in beds.items()
        }
        told = await ending.enter_async_context(telling(tmp_path, kubeconfig, services))
        await asyncio.gather(*(told.fire(name) for name in beds))
        expected: dict[str, Any] = {name: PLANTS[name].value if name in PLANTS else CALM for name in beds}
        heard = await asyncio.gather(*(told.says(name, words) for name, words in expected.items()))
        missed = [name for name, one in zip(expected, heard, strict=True) if not one]
        shown = [read(one) for one in told.slack.workspace.messages.values() if one.thread_ts is None]
        assert missed == [], "\n\n".join(
            text for text in shown if any(f"*{name}*" in text for name in missed)
        )
