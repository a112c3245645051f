"""All checks of one incident at once, on a real Kubernetes API server and a real Prometheus."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.figures import Chapter, Figure, milliseconds, percentile
from bot.adapters.kubernetes import KubernetesConnection, KubernetesReader
from bot.adapters.network import NetworkProbes
from bot.adapters.prometheus import PrometheusMetrics
from bot.checks.registry import CHECKS, run_check
from bot.checks.targets import CheckTarget
from bot.domain.services import NamedMetric, ProbeTarget, Way
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.e2e.servers.cluster import Cluster
from tests.e2e.servers.programs import Missing
from tests.e2e.servers.prometheus import Prometheus
from tests.e2e.servers.workloads import autoscaler, cron_job, deployment

if TYPE_CHECKING:
    from bot.ports.readers import Readers

GOAL: Final = 2.0
BEYOND: Final = 0.5
"""Seconds by which all may take longer than the slowest of them."""
INCIDENTS: Final = 10
QUERIES: Final = ("vector(0.42)", "vector(30)", "vector(0.01)", "vector(1)", "up or vector(0)", "time()")


async def checks(rounds: int) -> Chapter:
    """Some incidents' worth of checks, one after the other. Without a cluster there is nothing to measure."""
    try:
        cluster = await asyncio.to_thread(Cluster.start)
    except Missing as missing:
        raise SystemExit(f"the chapter `checks` needs a cluster: {missing}") from missing
    with tempfile.TemporaryDirectory() as folder:
        prometheus = await asyncio.to_thread(Prometheus(Path(folder)).start)
        try:
            namespace = await asyncio.to_thread(cluster.create_namespace)
            await asyncio.to_thread(
                cluster.apply,
                deployment(namespace, "churn-api", replicas=3, image=cluster.image, cpu="90m"),
                autoscaler(namespace, minimum=2, maximum=4, cpu_percent=50),
                cron_job(namespace, "training-pipeline", image=cluster.image),
            )
            return await _chapter(cluster, prometheus, namespace, INCIDENTS * rounds)
        finally:
            await asyncio.to_thread(prometheus.stop)
            await asyncio.to_thread(cluster.stop)


async def _chapter(cluster: Cluster, prometheus: Prometheus, namespace: str, incidents: int) -> Chapter:
    connection = KubernetesConnection(kubeconfig=str(cluster.kubeconfig))
    metrics = PrometheusMetrics(prometheus.url)
    readers = replace(
        World(FrozenClock(), SequentialIds()).readers,
        cluster=KubernetesReader(connection),
        metrics=metrics,
        network=NetworkProbes(),
    )
    target = CheckTarget(
        service="churn",
        namespace=namespace,
        deployment="churn-api",
        cronjob="training-pipeline",
        model="churn-model",
        metrics=tuple(NamedMetric(name=f"m{n}", query=query) for n, query in enumerate(QUERIES)),
        connectivity=(
            ProbeTarget(name="prometheus", way=Way.HTTP, address=f"{prometheus.url}/-/ready"),
            ProbeTarget(name="itself", way=Way.TCP, address=f"127.0.0.1:{prometheus.port}"),
        ),
    )
    try:
        await _incident(target, readers)  # connections are open and the client's modules loaded from here on
        timed = [await _incident(target, readers) for _ in range(incidents)]
    finally:
        await connection.close()
        await metrics.close()
    whole = percentile([total for total, _ in timed], 0.95)
    beyond = percentile([total - slowest for total, slowest in timed], 0.95)
    return Chapter(
        title="Checks",
        how=f"All {len(CHECKS)} checks of one incident side by side, {incidents} times: a real Kubernetes "
        f"API server, a real Prometheus ({len(QUERIES)} metrics with their graphs' data), probes of real "
        "ports. MLflow and published drift reports are those of a rehearsal.",
        figures=(
            Figure(
                name="all checks of one incident (p95)",
                found=milliseconds(whole),
                absolute=f"median {milliseconds(median(total for total, _ in timed))}",
                goal=f"at most {GOAL:g} s",
                met=whole <= GOAL,
            ),
            Figure(
                name="beyond the slowest of them (p95)",
                found=milliseconds(beyond),
                goal=f"at most {BEYOND:g} s",
                met=beyond <= BEYOND,
            ),
        ),
    )


async def _incident(target: CheckTarget, readers: Readers) -> tuple[float, float]:
    """Seconds that all took, and the slowest."""

    async def one(name: str) -> float:
        began = time.perf_counter()
        await run_check(name, target=target, readers=readers, now=datetime.now(UTC), crashed=_crashed)
        return time.perf_counter() - began

    began = time.perf_counter()
    took = await asyncio.gather(*(one(name) for name in CHECKS))
    return time.perf_counter() - began, max(took)


def _crashed(name: str, error: Exception) -> None:
    raise AssertionError(name) from error
