"""Every failure mode planted in one real cluster, side by side, and named first; healthy services stay so."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.kubernetes import KubernetesConnection, KubernetesReader
from bot.checks.failures import OPTIONAL_RIGHTS, RIGHTS
from bot.checks.registry import run_check
from bot.checks.targets import CheckTarget
from bot.domain.causes import rank
from bot.domain.findings import Verdict
from bot.domain.suspects import FailureMode
from bot.ports.readers import Resource
from bot.rehearsal.world import World
from bot.rendering.causes import cause_blocks
from bot.rendering.escaping import mrkdwn
from bot.testing import FrozenClock, SequentialIds
from tests.e2e import plants_around_pods, plants_of_pods
from tests.e2e.planting import NAME, Bed, Plant, reader_account
from tests.e2e.plants_around_pods import CRON
from tests.e2e.servers.access import Refused
from tests.rendering.samples import incident_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bot.domain.findings import Finding
    from bot.domain.suspects import Suspect
    from tests.e2e.servers.cluster import Cluster

PLANTS = (*plants_of_pods.PLANTS, *plants_around_pods.PLANTS)
HEALTHY: tuple[Callable[[Bed], None], ...] = (
    plants_around_pods.healthy,
    plants_around_pods.healthy_by_hand,
    plants_around_pods.scaled_to_nothing,
)
WITHIN_SECONDS = 400
AT_ONCE = 12

pytestmark = pytest.mark.timeout(1200)


@dataclass
class Garden:
    """All that was planted: a namespace for each plant and each healthy service."""

    cluster: Cluster
    connection: KubernetesConnection
    beds: dict[FailureMode, Bed] = field(default_factory=dict)
    healthy: list[Bed] = field(default_factory=list)

    async def look(self, bed: Bed, *, deployment: str = "", cronjob: str = "") -> Finding:
        """Run the check in a namespace, with the rights that it declares and no others."""

        def crashed(check: str, error: Exception) -> None:
            raise AssertionError(check) from error

        readers = World(FrozenClock(), SequentialIds()).readers
        return await run_check(
            "failures",
            target=CheckTarget(
                service="churn", namespace=bed.namespace, deployment=deployment, cronjob=cronjob
            ),
            readers=replace(readers, cluster=KubernetesReader(self.connection)),
            now=datetime.now(UTC),
            crashed=crashed,
        )


def _node(name: str, *, labels: dict[str, str], cpu: str = "32", **spec: Any) -> dict[str, Any]:
    amounts = {"cpu": cpu, "memory": "256Gi", "pods": "50"}
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": spec,
        "status": {"allocatable": amounts, "capacity": amounts, "addresses": addresses},
    }


def _add_nodes(cluster: Cluster) -> list[str]:
    """One node for each thing that can keep pods away, and a small one, all out of other tests' way."""
    kwok = {"type": "kwok"}
    aside = {"key": "lightship.test/small", "effect": "PreferNoSchedule"}
    taint = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
    made = [
        _node("e2e-cordoned", labels={"pool": "cordoned", **kwok}, unschedulable=True),
        _node("e2e-gpu", labels={"pool": "gpu", **kwok}, taints=[taint]),
        _node("e2e-small", labels={"pool": "small", **kwok}, cpu="1", taints=[aside]),
        _node("e2e-lost", labels={"pool": "lost"}),
    ]
    for node in made:
        cluster.api.call("/api/v1/nodes", "POST", node)
    lost = {
        "type": "Ready",
        "status": "False",
        "reason": "KubeletNotReady",
        "message": "container runtime is down",
    }
    cluster.api.merge("/api/v1/nodes/e2e-lost/status", {"status": {"conditions": [lost]}})
    urgent = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "e2e-urgent"},
    }
    cluster.apply({**urgent, "value": 1_000_000})
    return [node["metadata"]["name"] for node in made]


def _tidy(cluster: Cluster, beds: list[Bed], nodes: list[str]) -> None:
    hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    for bed in beds:
        with suppress(Refused):
            cluster.api.call(f"{hooks}/{bed.namespace}", "DELETE")
        cluster.delete_namespace(bed.namespace)
    for name in nodes:
        cluster.api.call(f"/api/v1/nodes/{name}", "DELETE")
    cluster.api.call("/apis/scheduling.k8s.io/v1/priorityclasses/e2e-urgent", "DELETE")


@pytest.fixture
async def garden(cluster: Cluster, namespace: str) -> AsyncIterator[Garden]:
    """Everything planted, by a few hands at once."""
    if not cluster.owned:
        pytest.skip("nodes and the kubelet's words can be planted in the tests' own cluster only")
    kubeconfig = await asyncio.to_thread(reader_account, cluster, namespace)
    nodes = await asyncio.to_thread(_add_nodes, cluster)
    grown = Garden(cluster, KubernetesConnection(kubeconfig=str(kubeconfig)))

    def planted(name: str, plant: Callable[[Bed], None]) -> Bed:
        bed = Bed(cluster, cluster.create_namespace(f"e2e-{name}"))
        plant(bed)
        return bed

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(AT_ONCE) as hands:
        healthy = [loop.run_in_executor(hands, planted, "healthy", plant) for plant in HEALTHY]
        ill = {
            one.mode: loop.run_in_executor(hands, planted, one.mode.value.replace("_", "-"), one.plant)
            for one in PLANTS
        }
        grown.healthy = list(await asyncio.gather(*healthy))
        grown.beds = dict(zip(ill, await asyncio.gather(*ill.values()), strict=True))
    yield grown
    await grown.connection.close()
    await asyncio.to_thread(_tidy, cluster, [*grown.beds.values(), *grown.healthy], nodes)


def _misses(one: Plant, finding: Finding) -> Iterator[str]:
    """What the first suspect has otherwise than planted."""
    if not finding.suspects:
        yield f"nothing suspected: {finding.summary} {finding.reason}"
        return
    first: Suspect = finding.suspects[0]
    if first.mode is not one.mode:
        yield f"mode {first.mode}: {first.title}"
    if one.subject != first.subject and not (
        one.subject.endswith("*") and first.subject.startswith(one.subject[:-1])
    ):
        yield f"subject {first.subject}"
    if first.field != one.field:
        yield f"field {first.field}"
    if first.value != one.value:
        yield f"value {first.value}"
    if one.says not in first.title:
        yield f"title {first.title}"
    blocks = cause_blocks(incident_view(findings=(finding,), ranking=rank((), (finding,))))
    shown = str(blocks[0]["text"]["text"]) if blocks else "nothing"
    if mrkdwn(one.value, 150) not in shown or mrkdwn(first.title, 400) not in shown:
        yield f"the message says {shown}"
    if not first.mend or not first.evidence:
        yield "nothing mends it, or nothing speaks for it"


async def _watch(garden: Garden, one: Plant, *, until: float) -> list[str]:
    """What is still missed when the time is over; empty as soon as nothing is."""
    loop = asyncio.get_running_loop()
    while True:
        finding = await garden.look(garden.beds[one.mode], **one.target)
        missed = list(_misses(one, finding))
        assert "s3cret" not in repr(finding)
        if not missed or loop.time() > until:
            return missed
        await asyncio.sleep(1.5)


async def test_every_mode_is_named_first_and_nothing_is_suspected_of_healthy_services(garden: Garden) -> None:
    """Each with the object, the field and the value to mend; of three healthy services nothing is said."""
    assert {one.mode for one in PLANTS} == set(FailureMode)
    assert Counter(one.mode for one in PLANTS).most_common(1)[0][1] == 1
    until = asyncio.get_running_loop().time() + WITHIN_SECONDS
    results = await asyncio.gather(*(_watch(garden, one, until=until) for one in PLANTS))
    missed = {one.mode.value: result for one, result in zip(PLANTS, results, strict=True) if result}
    false = []
    for bed in garden.healthy:
        while True:
            finding = await garden.look(
                bed, deployment=NAME, cronjob=CRON if bed is garden.healthy[0] else ""
            )
            if finding.verdict is Verdict.OK or asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(1.5)
        false += [(one.mode.value, one.title, one.evidence) for one in finding.suspects]
        if not finding.suspects:
            assert finding.verdict is Verdict.OK, finding
            assert finding.summary.startswith("nothing wrong found in pods, rollout, events"), finding
    assert (missed, false) == ({}, [])


async def test_a_right_that_is_missing_is_named(cluster: Cluster, namespace: str) -> None:
    """Without the right to list events and Services nothing is called well, and both are named."""
    rules = [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
        for right in sorted({*RIGHTS, *OPTIONAL_RIGHTS})
        if right.resource not in {Resource.EVENTS.plural, Resource.SERVICES.plural}
    ]
    kubeconfig = await asyncio.to_thread(cluster.service_account, namespace, "lightship", rules)
    garden, bed = Garden(cluster, KubernetesConnection(kubeconfig=str(kubeconfig))), Bed(cluster, namespace)
    await asyncio.to_thread(plants_around_pods.healthy_by_hand, bed)
    finding = await garden.look(bed, deployment=NAME)
    await garden.connection.close()
    assert finding.verdict is Verdict.UNKNOWN
    assert "the right `list events` is missing, see `lightship rbac`" in finding.reason
    assert "the right `list services` is missing, see `lightship rbac`" in finding.reason
    assert finding.summary.endswith("not seen: events and services")
