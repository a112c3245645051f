from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.adapters.kubernetes import (
    KubernetesConnection,
    KubernetesPlanner,
    KubernetesReader,
    KubernetesWriter,
)
from bot.domain.errors import (
    Ambiguous,
    Conflict,
    DryRunUnsupported,
    Forbidden,
    NotFound,
    Permanent,
    Temporary,
)
from bot.ports.readers import Resource
from bot.rehearsal.world import World
from bot.remediations.planning import edit_call
from bot.testing import FrozenClock, SequentialIds, make_grant
from tests.adapters.standin import drop, endless, hang, html, standing_in, status, truncated
from tests.planning import planned_in
from tests.worlds.objects import deployment, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.domain.approvals import Grant

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

SCALING = edit_call(deployment("x"), "deployments", {("spec", "replicas"): 0}, subresource="scale")
CANNOT = (
    'pods is forbidden: User "system:serviceaccount:x:bot" cannot list resource "pods" in API group "" '
    'in the namespace "churn-mlops"'
)


def kubeconfig(tmp_path: Path, url: str, **user: Any) -> str:
    """A kubeconfig for that server."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user or {"token": "s3cret"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    return str(path)


async def grant() -> Grant:
    """A grant for five replicas."""
    world = World(FrozenClock(), SequentialIds(), manifests=[deployment("churn-mlops")])
    return make_grant(await planned_in(world, request("churn-mlops", 5)))


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401), Permanent, "does not accept the credentials"),
        (status(403, {"message": CANNOT}), Forbidden, "Lightship may not `list pods` in namespace x"),
        (status(404, {"message": "gone"}), NotFound, "gone"),
        (status(409, {"message": "modified"}), Conflict, "modified"),
        (status(400, {"message": "bad\x1b selector"}), Permanent, "bad selector"),
        (status(429, **{"Retry-After": "7"}), Temporary, "429"),
        (status(500), Temporary, "500"),
        (status(503), Temporary, "503"),
        (html, Temporary, "no JSON"),
        (truncated, Temporary, "cannot be reached"),
        (endless, Temporary, "larger than the limit"),
        (hang, Temporary, "no answer in time"),
        (drop, Temporary, "cannot be reached"),
    ],
)
async def test_a_read_fails_in_known_words(
    tmp_path: Path, answer: Answer, error: type[Exception], words: str
) -> None:
    """Every misbehaviour of the server is one of our errors, said in words, asked once, without the token."""
    async with standing_in(answer) as server:
        config = kubeconfig(tmp_path, server.url)
        connection = KubernetesConnection(kubeconfig=config, timeout=0.5, max_bytes=1_000_000)
        with pytest.raises(error) as raised:
            await KubernetesReader(connection).list(Resource.PODS, namespace="x")
        await connection.close()
        assert words in str(raised.value)
        assert "s3cret" not in str(raised.value)
        assert "\x1b" not in str(raised.value)
        if answer is not drop:  # a GET on a connection that was closed under it is safe to repeat
            assert len(server.got) == 1


async def test_a_server_that_is_not_there_is_temporary(tmp_path: Path) -> None:
    """No connection: try again later; a PATCH that was never sent is not ambiguous either."""
    connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:9"))
    with pytest.raises(Temporary, match="no connection"):
        await KubernetesReader(connection).get(Resource.PODS, namespace="x", name="p")
    granted = await grant()
    with pytest.raises(Temporary) as raised:
        await KubernetesWriter(connection).edit(granted, resource_version=granted.plan.resource_version)
    assert not isinstance(raised.value, Ambiguous)
    await connection.close()


async def test_the_delay_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    """Retry-After becomes the delay, within five minutes."""
    for header, delay in (("7", 7.0), ("86400", 300.0), ("soon", None)):
        async with standing_in(status(429, **{"Retry-After": header})) as server:
            connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, server.url))
            with pytest.raises(Temporary) as raised:
                await KubernetesReader(connection).get(Resource.PODS, namespace="x", name="p")
            await connection.close()
            assert raised.value.delay == delay


@pytest.mark.parametrize("answer", [status(500), status(504), html, truncated, endless, hang, drop])
async def test_a_patch_without_a_clear_answer_is_ambiguous(tmp_path: Path, answer: Answer) -> None:
    """Where the PATCH may have been done, that is said, and it was sent exactly once."""
    granted = await grant()
    async with standing_in(answer) as server:
        config = kubeconfig(tmp_path, server.url)
        connection = KubernetesConnection(kubeconfig=config, timeout=0.5, max_bytes=1_000_000)
        with pytest.raises(Ambiguous):
            await KubernetesWriter(connection).edit(granted, resource_version=granted.plan.resource_version)
        await connection.close()
        (sent,) = server.got
        path = "/apis/apps/v1/namespaces/churn-mlops/deployments/churn-api/scale"
        assert sent == ("PATCH", f"{path}?fieldManager=lightship-id-000001")
        assert json.loads(server.bodies[0]) == {
            "metadata": {"resourceVersion": granted.plan.resource_version},
            "spec": {"replicas": 5},
        }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(429), Temporary),
        (status(409), Conflict),
        (status(403, {"message": CANNOT}), Forbidden),
        (status(403, {"message": 'admission webhook "x" denied the request: frozen'}), Permanent),
        (status(422), Permanent),
    ],
)
async def test_a_refused_patch_is_not_ambiguous(
    tmp_path: Path, answer: Answer, error: type[Exception]
) -> None:
    """Where the server says that it did not do it, nothing is left open."""
    granted = await grant()
    async with standing_in(answer) as server:
        connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, server.url))
        with pytest.raises(error) as raised:
            await KubernetesWriter(connection).edit(granted, resource_version=granted.plan.resource_version)
        await connection.close()
        assert not isinstance(raised.value, Ambiguous)
        assert type(raised.value) is error


@pytest.mark.parametrize("answer", [status(200), status(500), hang, drop, html])
async def test_a_dry_run_is_always_a_dry_run(tmp_path: Path, answer: Answer) -> None:
    """Whatever happens, what the planner sends says dryRun=All, and a lost answer is only temporary."""
    async with standing_in(answer) as server:
        connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, server.url), timeout=0.5)
        asked = KubernetesPlanner(connection).dry_run(SCALING, namespace="x", resource_version="1")
        (outcome,) = await asyncio.gather(asked, return_exceptions=True)
        await connection.close()
        assert isinstance(outcome, dict | Temporary)
        assert not isinstance(outcome, Ambiguous)
        assert server.got
        assert all("dryRun=All" in path for _, path in server.got)


async def test_a_webhook_that_takes_no_part_in_dry_runs_is_told_apart(tmp_path: Path) -> None:
    """That refusal has an error of its own, because the plan can go on without a dry run."""
    message = 'admission webhook "x" does not support dry run'
    async with standing_in(status(400, {"message": message})) as server:
        connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, server.url))
        with pytest.raises(DryRunUnsupported):
            await KubernetesPlanner(connection).dry_run(SCALING, namespace="x", resource_version="1")
        await connection.close()


async def test_rotated_tokens_are_read_anew(tmp_path: Path) -> None:
    """After a 401 the token file is read again, without a restart."""
    token = tmp_path / "token"
    token.write_text("old")

    async def answer(asked: web.Request) -> web.StreamResponse:
        good = asked.headers["Authorization"] == "Bearer new"
        return web.json_response({"items": []}, status=200 if good else 401)

    async with standing_in(answer) as server:
        connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, server.url, tokenFile=str(token)))
        reader = KubernetesReader(connection)
        with pytest.raises(Permanent):
            await reader.list(Resource.PODS, namespace="x")
        token.write_text("new")
        assert not await reader.list(Resource.PODS, namespace="x")
        await connection.close()


async def test_exec_plugins_give_tokens(tmp_path: Path) -> None:
    """Credentials may come from a program, as cloud providers' kubeconfigs have it."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(json.dumps(credential))})"],
    }
    seen = []

    async def answer(asked: web.Request) -> web.StreamResponse:
        seen.append(asked.headers["Authorization"])
        return web.json_response({"items": []})

    async with standing_in(answer) as server:
        connection = KubernetesConnection(kubeconfig=kubeconfig(tmp_path, server.url, exec=plugin))
        await KubernetesReader(connection).list(Resource.PODS, namespace="x")
        await connection.close()
    assert seen == ["Bearer from-plugin"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "nonsense: [",
        "{}",
        (
            "{contexts: [{name: c, context: {cluster: k, user: u}}], current-context: c,"
            " clusters: [{name: k, cluster: {}}], users: [{name: u, token: s3cret}]}"
        ),
    ],
)
async def test_a_broken_kubeconfig_is_said(tmp_path: Path, content: str) -> None:
    """A kubeconfig that cannot be used is a permanent error that names KUBECONFIG and nothing out of it."""
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(Permanent, match=r"KUBECONFIG: [a-z ]+\Z"):
        await KubernetesReader(KubernetesConnection(kubeconfig=str(path))).list(Resource.PODS, namespace="x")


async def test_outside_of_a_pod_the_missing_account_is_said() -> None:
    """Without KUBECONFIG and outside of a pod the error says what was looked for."""
    with pytest.raises(Permanent, match="service account"):
        await KubernetesReader(KubernetesConnection()).list(Resource.PODS, namespace="x")


def test_the_clients_are_imported_by_the_first_call() -> None:
    """Importing the adapters imports none of the heavy libraries."""
    code = (
        "import sys, bot.adapters.kubernetes, bot.adapters.prometheus, bot.adapters.alertmanager, "
        "bot.adapters.models, bot.checks.registry, bot.remediations.registry, tests.worlds.churn; "
        "heavy = {'kubernetes', 'prometheus_api_client', 'requests', 'mlflow', 'pandas', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
