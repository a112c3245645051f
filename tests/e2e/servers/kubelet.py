"""The kubelet that kwok's nodes lack: it runs the pods of one namespace as processes of this machine.

It watches the real API and takes the pods that carry the annotation `BY_HAND`, which kwok's stages leave
alone (but for the deletion). A pod is its container's own command with the container's own environment, on an
address of its own of the loopback network, so that every pod has port 8000 as in a cluster; its exit, its
readiness and its log are real. Used by the tests of the closed loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import ssl
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from tests.e2e.servers.access import Refused
from tests.e2e.servers.cluster import BY_HAND, as_runtime
from tests.e2e.servers.programs import REPOSITORY, Program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.e2e.servers.cluster import Cluster

PROBE_SECONDS = 0.5
PORT = 8000
_NETWORK = f"127.{64 + os.getpid() // 256 % 64}.{os.getpid() % 256}"
"""Of this process: other runs on the machine have pods as well."""

_addresses = itertools.count(1)


@dataclass(kw_only=True)
class RunningPod:
    """One pod and its process."""

    name: str
    spec: Mapping[str, Any]
    address: str
    log: Path
    program: Program
    started_at: str
    restarts: int = 0
    ready: bool = False
    told: tuple[Any, ...] = ()
    copied: int = 0

    @property
    def container(self) -> Mapping[str, Any]:
        """The only one that is run."""
        first: Mapping[str, Any] = self.spec["containers"][0]
        return first

    @property
    def target(self) -> str:
        """Where it serves."""
        return f"{self.address}:{PORT}"


@dataclass(kw_only=True)
class Kubelet:
    """Runs the pods of a namespace for the time of a block.

    `environment` is what the machine gives to every container; `targets` is a file of Prometheus' file_sd
    that names the pods there are (the Debian package has no discovery of Kubernetes).
    """

    cluster: Cluster
    namespace: str
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    pods: dict[str, RunningPod] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def targets(self) -> Path:
        """The file for Prometheus."""
        return self.directory / "targets.json"

    @property
    def backends(self) -> list[str]:
        """The addresses of the pods that are ready, as a Service has them."""
        return [pod.target for pod in self.pods.values() if pod.ready]

    async def __aenter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._write_targets()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._keep_probing())]
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        pods = list(self.pods.values())
        self.pods.clear()
        await asyncio.gather(*(asyncio.to_thread(pod.program.kill) for pod in pods))
        failed = [error for error in ended if isinstance(error, Exception)]
        if failed:
            raise failed[0]

    # -- pods come and go

    async def _watch(self) -> None:
        async for kind, pod in self._events():
            name, metadata = pod["metadata"]["name"], pod["metadata"]
            if BY_HAND not in metadata.get("annotations", {}):
                continue
            if kind == "DELETED" or "deletionTimestamp" in metadata:
                await self._stop(name)
            elif name not in self.pods and pod["spec"].get("nodeName") and _is_new(pod):
                await self._start(name, pod["spec"])

    async def _events(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Each pod there is, then each change, as the API server's watch tells them."""
        access, path = self.cluster.api.access, f"/api/v1/namespaces/{self.namespace}/pods"
        listed = await asyncio.to_thread(self.cluster.api.call, path)
        for pod in listed["items"]:
            yield "ADDED", pod
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        tls = ssl.create_default_context(cafile=access.ca_file)
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with (
            aiohttp.ClientSession(timeout=limit, read_bufsize=2**20) as session,
            session.get(access.url + path, params=query, headers=headers, ssl=tls) as answer,
        ):
            async for line in answer.content:
                event = json.loads(line)
                yield event["type"], event["object"]

    async def _start(self, name: str, spec: Mapping[str, Any]) -> None:
        address = f"{_NETWORK}.{next(_addresses)}"
        log = await asyncio.to_thread(self.cluster.log_file, self.namespace, name)
        program = await asyncio.to_thread(self._run, name, spec, address)
        self.pods[name] = RunningPod(
            name=name, spec=spec, address=address, log=log, program=program, started_at=_now()
        )
        self._write_targets()

    async def _stop(self, name: str) -> None:
        pod = self.pods.pop(name, None)
        if pod is not None:
            self._write_targets()
            await asyncio.to_thread(pod.program.stop, 5.0)

    def _run(self, name: str, spec: Mapping[str, Any], address: str) -> Program:
        """The container's command; `python` in it is the interpreter of this test run."""
        container = spec["containers"][0]
        given = {one["name"]: one.get("value", "") for one in container.get("env", ())}
        words = [sys.executable if word == "python" else word for word in container["command"]]
        machine = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return Program(
            name,
            [*words, *container.get("args", ())],
            log=self.directory / f"{name}.log",
            environment={
                **machine,
                **self.environment,
                "PYTHONPATH": str(REPOSITORY),
                "CHURN_HOST": address,
                "CHURN_PORT": str(PORT),
                "OMP_NUM_THREADS": "1",
                **given,
            },
        )

    def _write_targets(self) -> None:
        """At once for whoever reads it: Prometheus would take half a file for an empty one."""
        entries = [
            {"targets": [pod.target], "labels": {"pod": pod.name, "namespace": self.namespace}}
            for pod in self.pods.values()
            if "readinessProbe" in pod.container
        ]
        fresh = self.targets.with_suffix(".new")
        fresh.write_text(json.dumps(entries))
        fresh.replace(self.targets)

    # -- what they do

    async def _keep_probing(self) -> None:
        limit = aiohttp.ClientTimeout(total=2.0)
        async with aiohttp.ClientSession(timeout=limit) as session:
            while True:
                await asyncio.gather(*(self._look(pod, session) for pod in list(self.pods.values())))
                await asyncio.sleep(PROBE_SECONDS)

    async def _look(self, pod: RunningPod, session: aiohttp.ClientSession) -> None:
        await asyncio.to_thread(self._copy_log, pod)
        ended = not pod.program.running
        if ended and pod.spec.get("restartPolicy") != "Never":
            pod.restarts, pod.ready, pod.started_at = pod.restarts + 1, False, _now()
            pod.program = await asyncio.to_thread(self._run, pod.name, pod.spec, pod.address)
            ended = False
        pod.ready = not ended and await _is_ready(pod, session)
        telling = (pod.ready, ended, pod.restarts)
        if telling != pod.told and await asyncio.to_thread(self._tell, pod, ended=ended):
            pod.told = telling

    def _copy_log(self, pod: RunningPod) -> None:
        """What the process has written since, whole lines, as a runtime keeps it."""
        with pod.program.log.open("rb") as file:
            file.seek(pod.copied)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        if whole:
            pod.copied += len(whole)
            with pod.log.open("a") as log:
                log.write(as_runtime(whole.decode(errors="replace")))

    def _tell(self, pod: RunningPod, *, ended: bool) -> bool:
        """Patch the pod's status; False where it is gone or was changed at the same time."""
        status = _status(pod, ended=ended)
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod.name}/status"
        with contextlib.suppress(Refused):
            self.cluster.api.merge(path, {"status": status})
            return True
        return False


async def _is_ready(pod: RunningPod, session: aiohttp.ClientSession) -> bool:
    probe = pod.container.get("readinessProbe", {}).get("httpGet")
    if probe is None:
        return True
    try:
        async with session.get(f"http://{pod.address}:{probe['port']}{probe['path']}") as answer:
            return answer.ok
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _status(pod: RunningPod, *, ended: bool) -> dict[str, Any]:
    code = pod.program.code if ended else None
    phase = "Running" if not ended else "Failed" if code else "Succeeded"
    reasons = {} if not ended else {"reason": "PodCompleted" if not code else "PodFailed"}
    conditions = [
        {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": _now(), **reasons}
        for kind, holds in (
            ("PodScheduled", True),
            ("Initialized", True),
            ("ContainersReady", pod.ready),
            ("Ready", pod.ready),
        )
    ]
    running = {"running": {"startedAt": pod.started_at}}
    over = {
        "terminated": {
            "exitCode": code or 0,
            "reason": "Error" if code else "Completed",
            "startedAt": pod.started_at,
            "finishedAt": _now(),
        }
    }
    container = {
        "name": pod.container["name"],
        "image": pod.container["image"],
        "imageID": "",
        "ready": pod.ready,
        "started": not ended,
        "restartCount": pod.restarts,
        "state": over if ended else running,
    }
    return {
        "phase": phase,
        "podIP": pod.address,
        "podIPs": [{"ip": pod.address}],
        "startTime": pod.started_at,
        "conditions": conditions,
        "containerStatuses": [container],
    }


def _is_new(pod: Mapping[str, Any]) -> bool:
    return pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
