"""The checks over a real API server and a real Prometheus, with exactly the rights that they declare."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.kubernetes import KubernetesConnection, KubernetesReader
from bot.checks.registry import CHECKS, run_check
from bot.checks.targets import CheckTarget
from bot.domain.findings import Verdict
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.e2e.servers.workloads import autoscaler, deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.domain.findings import Finding, Scalar
    from bot.ports.readers import Readers
    from tests.e2e.servers.cluster import Cluster


class Site:
    """A namespace of a real cluster, seen by a ServiceAccount that has the checks' rights and no others."""

    def __init__(self, cluster: Cluster, namespace: str, kubeconfig: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.connection = KubernetesConnection(kubeconfig=str(kubeconfig))
        self.target = CheckTarget(service="churn", namespace=namespace, deployment="churn-api")

    @property
    def readers(self) -> Readers:
        """The real cluster beside a rehearsal's other readers."""
        rehearsal = World(FrozenClock(), SequentialIds()).readers
        return replace(rehearsal, cluster=KubernetesReader(self.connection))

    async def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        await asyncio.to_thread(self.cluster.apply, *objects)

    async def look(self, name: str, **arguments: Scalar) -> Finding:
        """Run a check now."""

        def crashed(check: str, error: Exception) -> None:
            raise AssertionError(check) from error

        return await run_check(
            name,
            target=self.target,
            readers=self.readers,
            now=datetime.now(UTC),
            crashed=crashed,
            arguments=arguments,
        )

    async def look_until(
        self, name: str, holds: Callable[[Finding], bool], *, seconds: float = 60, **arguments: Scalar
    ) -> Finding:
        """Run a check until that holds of what it finds."""
        try:
            async with asyncio.timeout(seconds):
                while not holds(finding := await self.look(name, **arguments)):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pytest.fail(f"after {seconds} seconds the check still says {finding}")
        return finding


@pytest.fixture
async def site(cluster: Cluster, namespace: str) -> AsyncIterator[Site]:
    """The namespace with churn-api in it, three pods ready."""
    rights = {right for check in CHECKS.values() for right in (*check.rights, *check.optional_rights)}
    rules = [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
        for right in sorted(rights)
    ]
    kubeconfig = await asyncio.to_thread(cluster.service_account, namespace, "lightship", rules)
    made = Site(cluster, namespace, kubeconfig)
    await made.apply(deployment(namespace, image=cluster.image, cpu="90m"))
    await made.look_until("pods", lambda finding: finding.facts.get("ready") == 3)
    yield made
    await made.connection.close()


async def test_the_autoscaler_of_a_busy_deployment(site: Site) -> None:
    """The cluster's own controller drives it to its maximum; the check says so, with the metric that asks."""
    if not site.cluster.owned:
        pytest.skip("only the test cluster's pods use what a test says")
    none = await site.look("hpa")
    assert (none.verdict, none.facts["exists"]) == (Verdict.OK, False)
    await site.apply(autoscaler(site.namespace, minimum=2, maximum=4, cpu_percent=50))
    finding = await site.look_until("hpa", lambda found: bool(found.facts.get("wants_more")), seconds=150)
    assert finding.verdict is Verdict.WARN
    assert finding.summary.startswith("at its maximum of 4")
    assert "cpu at 90%, target 50%" in finding.summary
    assert finding.facts["able"] is True
    assert finding.facts["minutes_at_maximum"] == 0
