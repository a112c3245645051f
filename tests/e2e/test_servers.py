"""The servers of this folder are real: each does by itself what the product's tests count on."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import pytest
from aiohttp import web
from kubernetes.aio.client.rest import ApiException

from tests.e2e.servers.alertmanager import Alertmanager, posting_to
from tests.e2e.servers.cluster import Cluster
from tests.e2e.servers.eventually import eventually
from tests.e2e.servers.exporter import Exporter, Traffic
from tests.e2e.servers.postgres import Postgres
from tests.e2e.servers.programs import REPOSITORY, NotStarted, Program, free_port, until
from tests.e2e.servers.prometheus import Prometheus, alert, scraping
from tests.e2e.servers.workloads import autoscaler, cron_job, deployment, job_of

TOKEN = "alertmanager-token-of-the-test"


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Any]:
    """The dynamic client as the administrator."""
    async with cluster.client() as client:
        yield client


async def running_pods(kube: Any, namespace: str) -> list[Any]:
    """The pods of the namespace that are Running and Ready."""
    pods = await (await kube.resources.get(api_version="v1", kind="Pod")).get(namespace=namespace)
    return [
        pod
        for pod in pods.items
        if pod.status.phase == "Running" and all(each.ready for each in pod.status.containerStatuses)
    ]


async def test_a_deployment_runs_and_scaling_rolls_out(cluster: Cluster, namespace: str, kube: Any) -> None:
    """A Deployment of three gets three running pods, and six after one PATCH of its scale sub-resource."""
    cluster.apply(deployment(namespace, replicas=3, image=cluster.image))
    await eventually(lambda: running_pods(kube, namespace), lambda pods: len(pods) == 3, "three pods run")
    deployments = await kube.resources.get(api_version="apps/v1", kind="Deployment")
    await deployments.scale.patch(
        name="churn-api",
        namespace=namespace,
        body={"spec": {"replicas": 6}},
        content_type="application/merge-patch+json",
    )
    pods = await eventually(
        lambda: running_pods(kube, namespace), lambda pods: len(pods) == 6, "six pods run"
    )
    seen = await eventually(
        lambda: deployments.get(name="churn-api", namespace=namespace),
        lambda found: found.status.readyReplicas == 6,
        "the Deployment counts six",
    )
    assert seen.spec.replicas == 6
    assert all(pod.spec.nodeName for pod in pods)


async def test_a_job_made_from_a_cron_job_completes(cluster: Cluster, namespace: str, kube: Any) -> None:
    """A Job with the CronJob's template is run by the Job controller to its completion."""
    cron = cron_job(namespace, image=cluster.image)
    cluster.apply(cron, job_of(cron, "training-pipeline-now"))
    jobs = await kube.resources.get(api_version="batch/v1", kind="Job")
    job = await eventually(
        lambda: jobs.get(name="training-pipeline-now", namespace=namespace),
        lambda found: bool(found.status.completionTime),
        "the Job completes",
    )
    assert job.status.succeeded == 1


async def test_logs_are_read_through_the_api_server(cluster: Cluster, namespace: str, kube: Any) -> None:
    """The API server forwards to the kubelet's port and the pod's log comes back, also the previous one."""
    cluster.apply(deployment(namespace, replicas=1, image=cluster.image))
    (pod,) = await eventually(lambda: running_pods(kube, namespace), bool, "a pod runs")
    log = f"/api/v1/namespaces/{namespace}/pods/{pod.metadata.name}/log"

    async def read(query: str = "") -> str:
        return await asyncio.to_thread(cluster.api.text, log + query)

    await eventually(read, lambda text: "ready to predict" in text, "what every pod of these tests logs")
    if not cluster.owned:
        return
    cluster.set_logs(namespace, pod.metadata.name, "one\ntwo\nthree\n", previous="Traceback: out of memory\n")
    await eventually(read, lambda text: text == "one\ntwo\nthree\n", "the pod's own log")
    assert await read("?tailLines=1") == "three\n"
    assert "out of memory" in await read("?previous=true")


@pytest.mark.timeout(600)
async def test_usage_is_measured_and_the_autoscaler_acts(cluster: Cluster, namespace: str, kube: Any) -> None:
    """The metrics API tells each pod's CPU, and the HPA controller scales on it to twice the pods."""
    if not cluster.owned:
        pytest.skip("usage is told by annotation only in the tests' own cluster")
    cluster.apply(
        deployment(namespace, replicas=2, cpu="100m"), autoscaler(namespace, cpu_percent=50, maximum=4)
    )
    usage = await kube.resources.get(api_version="metrics.k8s.io/v1beta1", kind="PodMetrics")
    deployments = await kube.resources.get(api_version="apps/v1", kind="Deployment")
    measured = await eventually(
        lambda: usage.get(namespace=namespace),
        lambda found: bool(found.items),
        "the pods' usage",
        seconds=240,
    )
    assert measured.items[0].containers[0].usage.memory
    scaled = await eventually(
        lambda: deployments.get(name="churn-api", namespace=namespace),
        lambda found: found.spec.replicas == 4,
        "the HPA scales 2 to 4",
        seconds=240,
    )
    assert scaled.metadata.name == "churn-api"


async def test_a_service_account_may_do_what_its_role_says_and_no_more(
    cluster: Cluster, namespace: str
) -> None:
    """With a Role to read pods, pods are read, scaling is refused and the attempt is on record."""
    cluster.apply(deployment(namespace, replicas=1, image=cluster.image))
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    ]
    kubeconfig = cluster.service_account(namespace, "reader", rules)
    async with cluster.client(kubeconfig) as reader:
        pods = await reader.resources.get(api_version="v1", kind="Pod")
        assert await pods.get(namespace=namespace)
        deployments = await reader.resources.get(api_version="apps/v1", kind="Deployment")
        with pytest.raises(ApiException) as refused:
            await deployments.scale.patch(
                name="churn-api",
                namespace=namespace,
                body={"spec": {"replicas": 9}},
                content_type="application/merge-patch+json",
            )
    assert refused.value.status == 403
    if cluster.owned:
        (attempt,) = cluster.writes(namespace, "reader")
        assert attempt["objectRef"]["subresource"] == "scale"
        assert attempt["responseStatus"]["code"] == 403


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[tuple[str, "asyncio.Queue[tuple[str, Any]]"]]:
    """A webhook receiver: its address, and what was posted as (authorization header, body)."""
    posted: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(maxsize=100)

    async def receive(request: web.Request) -> web.Response:
        posted.put_nowait((request.headers.get("Authorization", ""), await request.json()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/alerts", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/alerts", posted
    finally:
        await runner.cleanup()


async def test_a_rule_on_the_exporter_fires_a_webhook_and_resolves(
    exporter: Exporter,
    start_prometheus: Callable[..., Prometheus],
    start_alertmanager: Callable[..., Alertmanager],
) -> None:
    """Prometheus evaluates a latency rule, Alertmanager posts it with its token, and later its end."""
    slow = "histogram_quantile(0.95, sum by (le) (rate(churn_prediction_latency_seconds_bucket[5s]))) > 0.5"
    rule = alert("HighAPILatency", slow, labels={"severity": "warning"}, summary="p95 is {{ $value }}")
    async with receiving() as (url, posted):
        alertmanager = start_alertmanager(posting_to(url, token=TOKEN))
        prometheus = start_prometheus(
            scrape=[scraping("churn-api", exporter.address)],
            rules=[rule],
            alertmanagers=[alertmanager.address],
        )

        async def look() -> list[dict[str, Any]]:
            return await asyncio.to_thread(prometheus.query, 'up{job="churn-api"} == 1')

        await eventually(look, bool, "the exporter is scraped")
        exporter.turn(Traffic(calls=50, latency=0.8))
        async with asyncio.timeout(120):
            authorization, body = await posted.get()
        assert authorization == f"Bearer {TOKEN}"
        assert body["status"] == "firing"
        assert body["alerts"][0]["labels"]["alertname"] == "HighAPILatency"
        exporter.turn(Traffic())
        async with asyncio.timeout(120):
            while body["status"] != "resolved":
                _, body = await posted.get()


async def test_a_suspended_server_answers_nobody_and_a_resumed_one_does(
    start_alertmanager: Callable[..., Alertmanager],
) -> None:
    """A test can make a dependency hang: connections stay open without an answer until it goes on."""
    alertmanager = start_alertmanager(posting_to("http://127.0.0.1:9/alerts"))
    alertmanager.program.suspend()
    asking = asyncio.create_task(asyncio.to_thread(alertmanager.get, "/api/v2/status"))
    done, _ = await asyncio.wait([asking], timeout=1)
    assert not done
    alertmanager.program.resume()
    assert (await asking)["versionInfo"]


async def test_postgres_keeps_what_was_committed_over_a_crash(postgres: Postgres) -> None:
    """A row that was committed is there after the server was killed and started again."""
    address = postgres.create_database().replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    await connection.execute("CREATE TABLE kept (value int)")
    await connection.execute("INSERT INTO kept VALUES (7)")
    postgres.program.kill()
    await asyncio.to_thread(postgres.start)
    connection.terminate()
    connection = await asyncpg.connect(address)
    assert await connection.fetchval("SELECT value FROM kept") == 7
    await connection.close()


def test_a_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    """The error names the program, its exit code and the end of what it said."""
    program = Program("talker", ["sh", "-c", "echo no such luck; exit 3"], log=tmp_path / "log")
    with pytest.raises(NotStarted, match="talker ended with 3 before: it serves") as failed:
        until(lambda: False, "it serves", program=program)
    program.kill()
    assert "no such luck" in str(failed.value)


async def test_a_server_dies_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    """After SIGKILL of the process that started it, a server is gone: nothing is left behind."""
    starts_one = (
        "import pathlib, sys, time\n"
        "from tests.e2e.servers.programs import Program\n"
        "program = Program('sleeper', ['sleep', '600'], log=pathlib.Path(sys.argv[1]))\n"
        "print(program.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", starts_one, str(tmp_path / "log"), stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert run.stdout
    pid = int(await run.stdout.readline())
    os.kill(pid, 0)
    run.kill()
    await run.wait()

    async def alive() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    await eventually(alive, lambda seen: not seen, "the server has ended", seconds=60)
