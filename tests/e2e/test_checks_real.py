"""The checks over a real API server and a real Prometheus, with exactly the rights that they declare."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.adapters.kubernetes import KubernetesConnection, KubernetesReader
from bot.adapters.models import MlflowModels
from bot.adapters.network import NetworkProbes
from bot.adapters.prometheus import PrometheusMetrics
from bot.checks.registry import CHECKS, run_check
from bot.checks.targets import CheckTarget
from bot.cli.demo_mlflow import DemoMlflow
from bot.domain.findings import Verdict
from bot.domain.pictures import LinePanel
from bot.domain.services import NamedMetric, ProbeTarget, Way
from bot.rehearsal.world import World
from bot.testing import FrozenClock, SequentialIds
from tests.e2e.servers.eventually import PATIENCE_SECONDS, eventually
from tests.e2e.servers.prometheus import scraping
from tests.e2e.servers.workloads import autoscaler, cron_job, deployment, job_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.domain.findings import Finding, Scalar
    from bot.ports.readers import Readers
    from tests.e2e.servers.cluster import Cluster
    from tests.e2e.servers.exporter import Exporter
    from tests.e2e.servers.prometheus import Prometheus


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

    async def look(self, name: str, /, **arguments: Scalar) -> Finding:
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
        self,
        name: str,
        holds: Callable[[Finding], bool],
        /,
        *,
        seconds: float = PATIENCE_SECONDS,
        **arguments: Scalar,
    ) -> Finding:
        """Run a check until that holds of what it finds."""
        return await eventually(lambda: self.look(name, **arguments), holds, name, seconds=seconds)


def minutes_since(began: datetime) -> int:
    """As a check rounds them, and the API's times are whole seconds."""
    return round((datetime.now(UTC) - began + timedelta(seconds=1)) / timedelta(minutes=1))


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
    began = datetime.now(UTC)
    none = await site.look("hpa")
    assert (none.verdict, none.facts["exists"]) == (Verdict.OK, False)
    await site.apply(autoscaler(site.namespace, minimum=2, maximum=4, cpu_percent=50))
    finding = await site.look_until("hpa", lambda found: bool(found.facts.get("wants_more")), seconds=300)
    assert finding.verdict is Verdict.WARN
    assert finding.summary.startswith("at its maximum of 4")
    assert re.search(r"cpu at (8|9)\d%, target 50%", finding.summary)  # metrics-server rounds
    assert finding.facts["able"] is True
    minutes = finding.facts["minutes_at_maximum"]
    assert isinstance(minutes, int)
    assert 0 <= minutes <= minutes_since(began)


async def test_the_warnings_of_a_deployment_that_cannot_grow(site: Site) -> None:
    """Pods that a quota forbids are seen on the replica set alone: the check finds that warning by itself."""
    await site.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "team", "namespace": site.namespace},
            "spec": {"hard": {"pods": "3"}},
        }
    )
    path = f"/api/v1/namespaces/{site.namespace}/resourcequotas/team"
    await eventually(
        lambda: asyncio.to_thread(site.cluster.api.call, path),
        lambda found: found.get("status", {}).get("used", {}).get("pods") == "3",
        "the quota's controller has counted the pods, before which it refuses nothing",
    )
    await site.apply(deployment(site.namespace, image=site.cluster.image, replicas=5))
    finding = await site.look_until("events", lambda found: "FailedCreate" in str(found.facts.get("reasons")))
    assert finding.verdict is Verdict.WARN
    assert finding.table is not None
    row = next(row for row in finding.table.rows if row[2] == "FailedCreate")
    assert "exceeded quota: team" in row[4]
    assert "ReplicaSet" in row[3] or "objects" in row[3]


async def test_a_release_and_what_it_changed(site: Site) -> None:
    """After a release the check tells its image, its environment by name, and that it came just now."""
    first = await site.look_until("rollouts", lambda found: found.facts.get("progressing") is False)
    assert (first.facts["revision"], first.facts["image_changed"]) == (1, None)
    began = datetime.now(UTC)
    changed = deployment(site.namespace, image=f"{site.cluster.image}:1.36")
    changed["metadata"]["annotations"] = {"kubernetes.io/change-cause": "release 2"}
    changed["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "s3cret"}]
    await site.apply(changed)
    finding = await site.look_until(
        "rollouts",
        lambda found: found.facts.get("revision") == 2 and found.facts.get("progressing") is False,
    )
    assert (finding.facts["image_changed"], finding.facts["config_changed"]) == (True, True)
    minutes = finding.facts["minutes_ago"]
    assert isinstance(minutes, int)
    assert 0 <= minutes <= minutes_since(began)
    assert f"→ {site.cluster.image}:1.36" in finding.summary
    assert "environment of container api: added MODE" in finding.details
    assert finding.table is not None
    assert finding.table.rows[0][4] == "release 2"
    assert "s3cret" not in repr(finding)


async def test_the_numbers_of_a_real_prometheus(
    exporter: Exporter, start_prometheus: Callable[..., Prometheus]
) -> None:
    """Each query is told for itself: a number, none, NaN, refused, many; then a Prometheus that is gone."""
    prometheus = await asyncio.to_thread(
        start_prometheus, scrape=[scraping("churn-api", exporter.address, service="churn")]
    )
    adapter = PrometheusMetrics(prometheus.url)
    readers = replace(World(FrozenClock(), SequentialIds()).readers, metrics=adapter)
    queries = {
        "up": 'up{job="churn-api"}',
        "none": "nothing_has_this_name",
        "nan": "vector(0) / vector(0)",
        "refused": "sum(",
        "many": 'count_values without () ("n", vector(1)) or ' + " or ".join(
            f'label_replace(vector({number}), "n", "{number}", "", "")' for number in range(30)
        ),
    }  # fmt: skip
    metrics = tuple(
        NamedMetric(name=name, query=query, threshold=0.5 if name == "up" else None)
        for name, query in queries.items()
    )
    target = CheckTarget(service="churn", metrics=metrics)

    def crashed(check: str, error: Exception) -> None:
        raise AssertionError(check) from error

    async def look() -> Finding:
        return await run_check(
            "metrics", target=target, readers=readers, now=datetime.now(UTC), crashed=crashed
        )

    finding = await eventually(
        look,
        lambda found: found.facts["up.value"] == 1 and bool(found.attachments),
        "the exporter is scraped often enough for a line",
    )
    assert finding.verdict is Verdict.FAIL
    assert finding.summary.startswith("up 1 is above 0.5")
    assert finding.facts["up.before"] is None
    told = dict(line.split(": ", 1) for line in finding.details)
    assert told["none"].startswith("the query gives nothing")
    assert told["nan"].startswith("the query gives not a number")
    assert "parse error" in told["refused"]
    assert "aggregate it to one" in told["many"]
    (graph,) = finding.attachments
    assert graph.picture is not None
    (panel,) = graph.picture.panels
    assert isinstance(panel, LinePanel)
    assert (panel.title, panel.threshold) == ("up", 0.5)
    assert panel.lines[0].points[-1][1] == 1
    await asyncio.to_thread(prometheus.stop)
    gone = await look()
    await adapter.close()
    assert gone.verdict is Verdict.UNKNOWN
    assert "Prometheus" in gone.reason


async def test_the_logs_of_all_pods_through_a_real_kubelet_path(site: Site) -> None:
    """Logs of all pods are folded with errors first; `previous`, `pod` and `tail` reach the API."""
    if not site.cluster.owned:
        pytest.skip("only the test cluster's pods log what a test says")
    quiet = await site.look_until("logs", lambda found: found.facts.get("pods") == 3)
    assert (quiet.verdict, quiet.facts["errors"]) == (Verdict.OK, 0), quiet
    path = f"/api/v1/namespaces/{site.namespace}/pods"
    listed = await asyncio.to_thread(site.cluster.api.call, path)
    name = min(pod["metadata"]["name"] for pod in listed["items"])
    text = "".join(f"ERROR request {n}: password=hunter2-{n} refused by 10.0.0.{n}\n" for n in range(50))
    await asyncio.to_thread(site.cluster.set_logs, site.namespace, name, text)
    finding = await site.look_until("logs", lambda found: bool(found.facts.get("errors")), tail=20)
    assert finding.verdict is Verdict.WARN
    assert finding.facts["errors"] == 20
    assert finding.table is not None
    assert finding.table.rows[0] == (
        "20", "1", "error", "ERROR request 49: password=[redacted] refused by 10.0.0.49"
    )  # fmt: skip
    (full,) = finding.attachments
    assert f"===== {name}/" in full.text
    assert "ERROR request 30: password=[redacted] refused by 10.0.0.30" in full.text
    assert "hunter2" not in full.text
    one = await site.look("logs", pod=name[-5:], tail=5)
    assert (one.facts["pods"], one.facts["lines"]) == (1, 5)
    before = await site.look("logs", previous=True)
    assert before.summary == "no container has restarted, so there are no earlier logs"


async def test_the_runs_of_a_real_cronjob(site: Site) -> None:
    """A CronJob that never ran, then a run made by hand from it that the controller ends at its deadline."""
    site.target = replace(site.target, cronjob="training-pipeline")
    cron = cron_job(site.namespace, image=site.cluster.image)
    await site.apply(cron)
    never = await site.look("jobs")
    assert (never.verdict, never.facts["failed"]) == (Verdict.WARN, 0)
    late = job_of(cron, "training-pipeline-late")
    # It cannot be scheduled, so only the deadline ends it.
    pod = late["spec"]["template"]["spec"] | {"nodeSelector": {"nowhere": "here"}}
    late["spec"] = {"activeDeadlineSeconds": 1, "template": {"spec": pod}}
    await site.apply(late)
    finding = await site.look_until("jobs", lambda found: found.facts.get("last_failed") is True)
    assert finding.verdict is Verdict.FAIL
    assert "DeadlineExceeded" in finding.summary
    assert finding.table is not None
    assert finding.table.rows[0][:2] == ("training-pipeline-late", "failed")
    assert finding.table.rows[0][5] == "by hand"


async def test_the_network_of_real_servers(
    exporter: Exporter, start_prometheus: Callable[..., Prometheus]
) -> None:
    """A real server is reached in three ways, and after it is stopped the check names what cannot be."""
    prometheus = await asyncio.to_thread(
        start_prometheus, scrape=[scraping("churn-api", exporter.address, service="churn")]
    )
    address = prometheus.url.removeprefix("http://").rstrip("/")
    targets = (
        ProbeTarget(name="prometheus", way=Way.TCP, address=address),
        ProbeTarget(name="its health", way=Way.HTTP, address=f"http://{address}/-/healthy"),
        ProbeTarget(name="this machine", way=Way.DNS, address="localhost"),
    )
    target = CheckTarget(service="churn", connectivity=targets)
    readers = replace(World(FrozenClock(), SequentialIds()).readers, network=NetworkProbes())

    def crashed(check: str, error: Exception) -> None:
        raise AssertionError(check) from error

    async def look() -> Finding:
        return await run_check(
            "connectivity", target=target, readers=readers, now=datetime.now(UTC), crashed=crashed
        )

    await eventually(
        look,
        lambda found: (found.verdict, found.summary) == (Verdict.OK, "all 3 targets can be reached"),
        "each is reached in time",
    )
    await asyncio.to_thread(prometheus.stop)
    gone = await look()
    assert gone.verdict is Verdict.FAIL
    assert gone.facts["targets_failed"] == ("prometheus", "its health")
    assert "prometheus (connection refused)" in gone.summary


@pytest.mark.timeout(400)  # a real MLflow takes its time to start, and its client to load
async def test_the_model_of_a_real_registry(tmp_path: Path) -> None:
    """The version behind the alias with its age and accuracy; then an alias that is missing."""
    async with DemoMlflow(tmp_path, model="churn-model", alias="Production") as server:
        assert server._seeding is not None, server.words
        await server._seeding
        models = MlflowModels(server.tracking_uri, timeout=120)
        readers = replace(World(FrozenClock(), SequentialIds()).readers, models=models)

        async def look(alias: str) -> Finding:
            target = CheckTarget(service="churn", model="churn-model", model_alias=alias)
            return await run_check(
                "model",
                target=target,
                readers=readers,
                now=datetime.now(UTC),
                crashed=_no_crash,
                time_limit=timedelta(seconds=300),
            )

        try:
            found, missing = await look("Production"), await look("Nobody")
        finally:
            await models.close()
    assert found.verdict is Verdict.OK, found
    assert found.summary.startswith("churn-model Production is version 1, ")
    assert found.summary.endswith(" old, accuracy 0.914")
    assert found.facts["accuracy_drop"] is None
    assert missing.verdict is Verdict.FAIL
    assert missing.summary == "no version of churn-model has the alias Nobody"


def _no_crash(check: str, error: Exception) -> None:
    raise AssertionError(check) from error
