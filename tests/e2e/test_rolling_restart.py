"""New replicas come in, one after the other, as the overlay for PostgreSQL does it, while everything goes on.

Once with replicas of this version, and once from the version before: its code works beside the tables that
the first new replica has migrated, until the last of its own replicas has left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.database.upgrading import REVISIONS
from bot.engines.auditing import verify_audit
from tests.e2e.deployed import UNMATCHED, Load, deployed, until_true
from tests.e2e.scenes import ACCOUNT, DEPLOYMENT, SERVICE, declared_rights, rules_of
from tests.e2e.servers import previous
from tests.e2e.servers.chat import read
from tests.e2e.servers.cluster import BY_HAND
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.fork import fork
from tests.e2e.servers.lightship import RUN
from tests.e2e.servers.workloads import cron_job, deployment
from tests.e2e.test_replicas import JOB, JOB_EVERY, ticks, times

if TYPE_CHECKING:
    from pathlib import Path

    from bot.console.values import Message
    from tests.e2e.deployed import Deployed
    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.lightship import Lightship
    from tests.e2e.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(400)

ALICE, BOB = "U0ALICE", "U0BOB"
MORE = 40
GROUPS = 6
REST = 0.2
ACTIONS = 3
ONCE = ("remediation_requested", "approval_granted", "remediation_applied", "remediation_succeeded")
"""What is told once of each action."""
LONG = 120.0


@dataclass(kw_only=True)
class Rolling:
    """The replicas that serve, their cluster, and the load on them."""

    parts: Deployed
    cluster: Cluster
    namespace: str
    load: Load
    serving: list[Lightship]
    urls: list[str] = field(default_factory=list)
    to_all: str = ""

    async def replace(self, leaving: Lightship) -> None:
        """One more is started, then one leaves: its endpoint goes before it is told to end."""
        new = await self.parts.start()
        self.serving.append(new)
        self.urls.append(new.url)
        self.serving.remove(leaving)
        self.urls.remove(leaving.url)
        assert await asyncio.to_thread(leaving.stop) == 0

    async def more(self) -> None:
        """So many more webhooks are accepted."""
        goal = len(self.load.accepted) + MORE

        async def taken() -> bool:
            return len(self.load.accepted) >= goal

        await until_true(taken, "webhooks are accepted", seconds=LONG)

    async def request(self, words: str) -> Message:
        """Alice asks a replica for it; the request in the channel."""
        self.parts.slack.delivery.events_url = f"{self.urls[0]}/slack/events"
        await self.parts.chat.ask(ALICE, words, "waits for approval")
        reason = words.partition(" because ")[2]
        return await self.parts.chat.message("Approval needed", reason, seconds=LONG)

    async def approve(self, request: Message) -> None:
        """Bob presses, and what he presses reaches every replica that serves."""
        self.parts.slack.delivery.events_url = self.to_all
        await self.parts.chat.press(BOB, request, "approve")

    async def writes(self) -> list[str]:
        """What the API server took from the bots: verb and resource of each."""
        tried = await asyncio.to_thread(self.cluster.writes, self.namespace, ACCOUNT)
        return sorted(
            f"{event['verb']} {event['objectRef']['resource']}"
            for event in tried
            if "dryRun=All" not in event["requestURI"] and event["responseStatus"]["code"] in {200, 201}
        )

    async def jobs(self) -> list[dict[str, Any]]:
        """The Jobs of the namespace."""
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs"
        return list((await asyncio.to_thread(self.cluster.api.call, path))["items"])

    async def pods_are(self, phase: str) -> None:
        """The Job's pod runs, or has ended well: its kubelet is the test."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"

        async def pods() -> list[dict[str, Any]]:
            listed = (await asyncio.to_thread(self.cluster.api.call, path))["items"]
            return [pod for pod in listed if "job-name" in pod["metadata"]["labels"]]

        (pod,) = await eventually(pods, bool, "the Job has a pod", seconds=LONG)
        change = {"status": {"phase": phase}}
        await asyncio.to_thread(self.cluster.api.merge, f"{path}/{pod['metadata']['name']}/status", change)

    async def nothing_waits(self) -> None:
        """No request, no action and no claim is left over."""
        for left in (
            "SELECT id FROM approvals WHERE state = 'requested'",
            "SELECT approval_id FROM executions WHERE state NOT IN ('succeeded')",
            "SELECT id FROM deliveries",
        ):
            assert await self.parts.rows(left) == [], left


def training(namespace: str, *, image: str) -> dict[str, Any]:
    """The CronJob of the training, whose pods do what the test says."""
    made = cron_job(namespace, image=image)
    made["spec"]["jobTemplate"]["spec"]["template"]["metadata"] = {"annotations": {BY_HAND: "true"}}
    return made


@pytest.mark.parametrize("before", ["this version", "the version before"])
async def test_a_rolling_restart_with_everything_under_way(
    tmp_path: Path, postgres: Postgres, cluster: Cluster, namespace: str, before: str
) -> None:
    """Webhooks, approvals pressed at all replicas, and a training: nothing is lost, doubled or stuck.

    One more is started before one ends (`maxSurge: 1, maxUnavailable: 0`); posters go where it is ready.
    """
    if not cluster.owned:
        pytest.skip("the test plays the kubelet")
    cluster.apply(
        deployment(namespace, DEPLOYMENT, replicas=3, image=cluster.image),
        training(namespace, image=cluster.image),
    )
    kubeconfig = cluster.service_account(namespace, ACCOUNT, rules_of(declared_rights()))
    settings = {"KUBECONFIG": str(kubeconfig), f"{SERVICE}KUBERNETES__NAMESPACE": namespace}
    old_one = before == "the version before"
    words, of_old = (previous.WORDS, previous.unpacked(tmp_path / "old")) if old_one else (RUN, {})
    async with deployed(tmp_path, postgres.create_database(), **settings) as parts:
        old = list(await asyncio.gather(*(parts.start(words=words, ahead=None, **of_old) for _ in range(2))))
        assert await tables(parts) == (previous.revision() if old_one else REVISIONS[-1])
        serving = list(old)
        load = Load(deployed=parts, bots=serving, labels=UNMATCHED, rest=REST)
        rolling = Rolling(
            parts=parts,
            cluster=cluster,
            namespace=namespace,
            load=load,
            serving=serving,
            urls=[bot.url for bot in old],
        )
        async with fork(rolling.urls) as rolling.to_all:
            running = asyncio.create_task(load.run(posters=4, groups=GROUPS))
            await roll(rolling, old)
            load.over = True
            await running
        assert await tables(parts) == REVISIONS[-1]
        await holds(rolling)


async def roll(rolling: Rolling, old: list[Lightship]) -> None:
    """Both old replicas leave; requests of the old ones are granted and followed by whoever is there."""
    chat = rolling.parts.chat
    trained = await rolling.request("retrain because of new customers")
    grown = await rolling.request("scale 4 because of the first wave")
    await rolling.approve(trained)
    await eventually(rolling.jobs, bool, "the Job is made", seconds=LONG)
    await rolling.pods_are("Running")
    await rolling.more()
    await asyncio.gather(rolling.replace(old[0]), rolling.approve(grown))
    await chat.shows(grown, "✅ Done: scale", seconds=LONG)
    await rolling.more()
    again = await rolling.request("scale 5 because of the second wave")
    await rolling.approve(again)
    await rolling.replace(old[1])
    await chat.shows(again, "✅ Done: scale", seconds=LONG)
    await rolling.pods_are("Succeeded")
    await chat.shows(trained, "✅ Done: retrain", seconds=LONG)
    await rolling.more()


async def holds(rolling: Rolling) -> None:
    """Every webhook is there, every group and request has one message, every action was done once."""
    parts, load = rolling.parts, rolling.load
    assert {answer.status for answer in load.answers} <= {200, 503}
    assert load.accepted <= await parts.names()
    assert len(await parts.shown_once(seconds=LONG)) == GROUPS
    assert len(await rolling.jobs()) == 1
    assert await rolling.writes() == ["create jobs", "patch deployments", "patch deployments"]
    public = [read(one) for one in parts.slack.workspace.messages.values() if one.only_for is None]
    for said in ("the Job is complete", "the first wave", "the second wave"):
        assert len([text for text in public if said in text]) == 1, said
    kinds = Counter(row[0] for row in await parts.rows("SELECT kind FROM events"))
    assert {kind: kinds[kind] for kind in ONCE} == dict.fromkeys(ONCE, ACTIONS)
    await rolling.nothing_waits()
    assert not (await verify_audit(parts.store)).faults
    await until_true(lambda: ticks(parts, 3), "ticks went by", seconds=LONG)
    gaps = [later - earlier for earlier, later in pairwise(await times(parts))]
    assert min(gaps) >= JOB_EVERY, f"each tick of {JOB} once"
    assert not any(gap % JOB_EVERY for gap in gaps), "and none beside the clock"
    assert [await asyncio.to_thread(bot.stop) for bot in rolling.serving] == [0, 0]
    rings = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert [row[0] for row in await parts.rows(rings)] == [0]
    for bot in parts.bots:
        assert bot.log_lines("error") == []


async def tables(parts: Deployed) -> str:
    """The revision of the tables."""
    ((found,),) = await parts.rows("SELECT version_num FROM alembic_version")
    return str(found)
