from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.kubernetes import (
    KubernetesConnection,
    KubernetesPlanner,
    KubernetesReader,
    KubernetesWriter,
)
from bot.checks import registry as checks
from bot.checks.targets import CheckTarget
from bot.domain.errors import Forbidden, Permanent
from bot.domain.findings import Verdict
from bot.domain.remedies import Action, Plan, Refusal, RefusalReason
from bot.ports.readers import Resource
from bot.ports.writers import Writers
from bot.rehearsal.world import World
from bot.remediations import registry as remediations
from bot.remediations.applying import apply
from bot.remediations.outcomes import ApplyState
from bot.testing import FrozenClock, SequentialIds, make_grant
from tests.e2e.scenes import rules_of
from tests.e2e.servers.cluster import USAGE_CPU, USAGE_MEMORY
from tests.planning import plan_in
from tests.worlds.contract import ClusterContract, planned, read, scale_call, settled
from tests.worlds.objects import NAME, deployment, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.domain.findings import Finding
    from bot.domain.rights import Right
    from bot.ports.readers import KubeObject
    from tests.e2e.servers.cluster import Cluster


class RealWorld:
    """A namespace of a real cluster as the contract wants it."""

    def __init__(self, cluster: Cluster, namespace: str, kubeconfig: Path, *, timeout: float = 10.0) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.connection = KubernetesConnection(kubeconfig=str(kubeconfig), timeout=timeout)
        self.reader = KubernetesReader(self.connection)
        self.planner = KubernetesPlanner(self.connection)
        rehearsal = World(FrozenClock(), SequentialIds())
        self.readers = replace(rehearsal.readers, cluster=self.reader)
        self.writers = Writers(cluster=KubernetesWriter(self.connection), models=rehearsal.models)

    async def create(self, manifest: KubeObject) -> None:
        """Add an object."""
        await asyncio.to_thread(self.cluster.apply, manifest)

    async def annotate(self, name: str) -> None:
        """Move a deployment's generation."""
        await self._merge(self._path(name), {"metadata": {"annotations": {"touched": "yes"}}})

    async def touch(self, name: str) -> None:
        """Move a deployment's version alone: labels are no part of its generation."""
        await self._merge(self._path(name), {"metadata": {"labels": {"touched": "yes"}}})

    async def scale_as_somebody(self, name: str, replicas: int) -> None:
        """Scale past Lightship."""
        path = f"{self._path(name)}/scale?fieldManager=kubectl"
        await self._merge(path, {"spec": {"replicas": replicas}})

    async def edit(self, name: str, spec: KubeObject) -> None:
        """Change a deployment's spec past Lightship."""
        await self._merge(self._path(name), {"spec": spec})

    async def remove_job(self, name: str) -> None:
        """Delete a Job, its pods in the background, and wait until it is gone."""
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{name}?propagationPolicy=Background"
        await asyncio.to_thread(self.cluster.api.call, path, "DELETE")
        async with asyncio.timeout(120):
            while await self.reader.list(
                Resource.JOBS, namespace=self.namespace, fields=f"metadata.name={name}"
            ):
                await self.wait()

    async def wait(self) -> None:
        """Let the controllers work for a moment."""
        await asyncio.sleep(0.1)

    def _path(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"

    async def _merge(self, path: str, patch: dict[str, Any]) -> None:
        await asyncio.to_thread(self.cluster.api.merge, path, patch)


_FAILURES = (*checks.CHECKS["failures"].rights, *checks.CHECKS["failures"].optional_rights)
ALL_RIGHTS = {
    *checks.CHECKS["pods"].rights,
    *checks.CHECKS["pods"].optional_rights,
    *(right for right in _FAILURES if right.resource != "pods/log"),  # one test is about its absence
    *remediations.REMEDIES[Action.SCALE].rights,
    *remediations.REMEDIES[Action.SCALE].optional_rights,
}


@pytest.fixture
async def world(cluster: Cluster, namespace: str) -> AsyncIterator[RealWorld]:
    """The cluster as a ServiceAccount sees it that has the declared rights and no others."""
    kubeconfig = await asyncio.to_thread(
        cluster.service_account, namespace, "lightship", rules_of(sorted(ALL_RIGHTS))
    )
    made = RealWorld(cluster, namespace, kubeconfig)
    yield made
    await made.connection.close()


async def look(world: RealWorld) -> Finding:
    """Run the pods check."""
    target = CheckTarget(service="churn", namespace=world.namespace, deployment=NAME)

    def crashed(name: str, error: Exception) -> None:
        raise AssertionError(name) from error

    return await checks.run_check(
        "pods", target=target, readers=world.readers, now=datetime.now(UTC), crashed=crashed
    )


class TestRealCluster(ClusterContract):
    """A real API server passes the same suite as the rehearsal's, with the least rights."""

    @pytest.mark.parametrize("missing", sorted(remediations.REMEDIES[Action.SCALE].rights), ids=str)
    async def test_each_right_is_needed_and_named(
        self, world: RealWorld, cluster: Cluster, missing: Right
    ) -> None:
        """Without any one of the rights of scaling, planning is refused and names that right."""
        await settled(world)
        rules = rules_of(sorted(ALL_RIGHTS - {missing}))
        kubeconfig = await asyncio.to_thread(cluster.service_account, world.namespace, "weaker", rules)
        weaker = RealWorld(cluster, world.namespace, kubeconfig)
        refusal = await plan_in(weaker, request(world.namespace, 6))
        await weaker.connection.close()
        assert isinstance(refusal, Refusal)
        assert refusal.reason is RefusalReason.FORBIDDEN
        assert f"`{missing}`" in refusal.sentence

    async def test_scaling_is_one_write(self, world: RealWorld, cluster: Cluster) -> None:
        """Plan and apply send one dry run and one PATCH of the scale sub-resource, and nothing else."""
        if not cluster.owned:
            pytest.skip("the audit log is the test cluster's own")
        await settled(world)
        grant = make_grant(await planned(world, 5))
        assert (await apply(grant, readers=world.readers, writers=world.writers)).state is ApplyState.APPLIED
        async with asyncio.timeout(120):
            while not (taken := self._taken(world, cluster)):
                await world.wait()
        (only,) = taken
        assert only["verb"] == "patch"
        assert only["objectRef"]["subresource"] == "scale"
        assert set(only["requestObject"]) == {"metadata", "spec"}
        writes = cluster.writes(world.namespace, "lightship")
        assert all("dryRun=All" in event["requestURI"] for event in writes if event not in taken)

    @staticmethod
    def _taken(world: RealWorld, cluster: Cluster) -> list[dict[str, Any]]:
        return [
            event
            for event in cluster.writes(world.namespace, "lightship")
            if "dryRun=All" not in event["requestURI"] and event["responseStatus"]["code"] == 200
        ]

    async def test_the_quota_of_the_cluster_is_read(self, world: RealWorld) -> None:
        """A ResourceQuota without room is a refusal with the numbers that the cluster counts."""
        await settled(world)
        await world.create(
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "team", "namespace": world.namespace},
                "spec": {"hard": {"pods": "4"}},
            }
        )
        async with asyncio.timeout(120):
            while True:
                found = await plan_in(world, request(world.namespace, 6))
                if isinstance(found, Refusal):
                    break
                await world.wait()
        assert found.reason is RefusalReason.NO_ROOM
        assert found.sentence == "ResourceQuota team is too small: 3 of pods needed, 1 left."

    async def test_the_pods_check_sees_the_pods(self, world: RealWorld) -> None:
        """The check says that three of three are ready, with node, requests and limits."""
        await settled(world)
        finding = await look(world)
        assert finding.verdict is Verdict.OK, finding
        assert finding.summary.startswith("3 of 3 pods ready")
        assert finding.table is not None
        assert all(row[6] and "10m to 20m" in row[7] for row in finding.table.rows)

    async def test_the_pods_check_measures(self, world: RealWorld, cluster: Cluster) -> None:
        """CPU and memory come from the metrics API, against the pods' limits."""
        if not cluster.owned:
            pytest.skip("only the test cluster's pods use what a test says")
        manifest = deployment(world.namespace)
        usage = {USAGE_CPU: "15m", USAGE_MEMORY: "31Mi"}
        manifest["spec"]["template"]["metadata"]["annotations"] = usage
        await world.create(manifest)
        async with asyncio.timeout(240):
            while (finding := await look(world)).facts.get("memory_usage_ratio") is None:
                await world.wait()
        assert finding.facts["cpu_usage_ratio"] == pytest.approx(15 / 20, abs=0.1)
        assert finding.facts["memory_usage_ratio"] == pytest.approx(31 / 32, abs=0.05)
        assert finding.verdict is Verdict.WARN

    async def test_logs_need_their_right(self, world: RealWorld) -> None:
        """Reading logs without the right raises Forbidden, which names it."""
        await settled(world)
        (pod, *_) = await world.reader.list(Resource.PODS, namespace=world.namespace)
        with pytest.raises(Forbidden) as raised:
            await world.reader.logs(namespace=world.namespace, pod=pod["metadata"]["name"])
        assert raised.value.right == "get pods/log"

    async def test_logs_are_read_and_bounded(self, world: RealWorld, cluster: Cluster) -> None:
        """The last lines of a log come as text, cut at the limit."""
        await settled(world)
        (pod, *_) = await world.reader.list(Resource.PODS, namespace=world.namespace)
        connection = KubernetesConnection(kubeconfig=str(cluster.kubeconfig))
        reader = KubernetesReader(connection)
        text = await reader.logs(namespace=world.namespace, pod=pod["metadata"]["name"], limit_bytes=10)
        await connection.close()
        assert 0 < len(text.encode()) <= 10

    async def test_negative_replicas_are_refused_for_good(self, world: RealWorld) -> None:
        """What the API server finds invalid is Permanent, with its words."""
        found = await settled(world)
        with pytest.raises(Permanent, match="greater than or equal to 0"):
            await world.planner.dry_run(
                scale_call(found, -1),
                namespace=world.namespace,
                resource_version=found["metadata"]["resourceVersion"],
            )

    async def test_two_that_apply_the_same_grant_scale_once(self, world: RealWorld, cluster: Cluster) -> None:
        """Racing applies of one grant end with one write and the same answer."""
        await world.create(deployment(world.namespace))
        grant = make_grant(await self._steady_plan(world))
        outcomes = await asyncio.gather(
            *(apply(grant, readers=world.readers, writers=world.writers) for _ in range(4))
        )
        assert {outcome.state for outcome in outcomes} == {ApplyState.APPLIED}
        assert (await read(world))["spec"]["replicas"] == 5
        if cluster.owned:
            async with asyncio.timeout(120):
                while not (taken := self._taken(world, cluster)):
                    await world.wait()
            assert len(taken) == 1

    @staticmethod
    async def _steady_plan(world: RealWorld) -> Plan:
        await settled(world)
        return await planned(world, 5)
