"""The rehearsal's Kubernetes: its state, and the reader of it; planner and writer are in `writing`.

The same contract suite runs over this and over a real API server (`tests/worlds/contract.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain.errors import NotFound, Permanent, Temporary
from bot.domain.quantities import format_bytes, format_cores
from bot.ports.readers import Resource
from bot.rehearsal.controllers import settle_autoscalers, settle_jobs
from bot.rehearsal.deployments import DeploymentController
from bot.rehearsal.objects import ObjectStore, merged, stamp, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.ports.clock import Clock
    from bot.ports.readers import KubeObject
    from bot.rehearsal.faults import Faults

Usage = tuple[float, float]
"""CPU in cores and memory in bytes."""


class RehearsalState:
    """What the three ports share: the objects, the controllers, and the time."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults,
        manifests: Sequence[KubeObject] = (),
        *,
        starts_in: timedelta = timedelta(seconds=6),
        stops_in: timedelta = timedelta(seconds=2),
        jobs_take: timedelta = timedelta(seconds=40),
    ) -> None:
        self._jobs_take = jobs_take
        self._settled: tuple[datetime, int] | None = None
        self.clock = clock
        self.faults = faults
        self.store = ObjectStore()
        self.controller = DeploymentController(self.store, starts_in=starts_in, stops_in=stops_in)
        self.usage: Callable[[KubeObject, datetime], Usage] | None = None
        self.written: Callable[[KubeObject, datetime], str] | None = None
        self.written_before: Callable[[KubeObject, datetime], str] | None = None
        self.on_settle: Callable[[datetime], bool] | None = None
        """What else happens by a time; whether it touched objects."""
        self.logs: dict[tuple[str, str], str] = {}
        self.logs_before_restart: dict[tuple[str, str], str] = {}
        for manifest in manifests:
            self.store.put(manifest, now=clock.now() - timedelta(days=2))
        self.controller.populate(clock.now())

    def settle(self) -> None:
        """Bring the controllers to the time that the clock shows."""
        now = self.clock.now()
        if self._settled == (now, self.store.changes):
            return
        settle_autoscalers(self.store)
        settle_jobs(self.store, now, take=self._jobs_take)
        self.controller.settle(now)
        if self.on_settle is not None and self.on_settle(now):
            self.controller.settle(now)
        self._settled = (now, self.store.changes)

    def put(self, manifest: KubeObject) -> None:
        """Create or replace an object."""
        self.store.put(manifest, now=self.clock.now())
        self.settle()

    def scale_as(self, manager: str, *, namespace: str, name: str, replicas: int) -> None:
        """Let somebody else set the replicas, as `kubectl scale` or an operator would."""
        key = (Resource.DEPLOYMENTS.api_version, Resource.DEPLOYMENTS.kind, namespace, name)
        deployment = self.store.held(key)
        deployment["spec"]["replicas"] = replicas
        take_over(deployment, manager=manager, subresource="scale", now=self.clock.now())
        self.store.changed(key, spec=True)
        self.settle()

    def edit_as(
        self, manager: str, resource: Resource, *, name: str, namespace: str, spec: KubeObject
    ) -> None:
        """Let somebody else set fields of an object's spec, as `kubectl patch` does with lists as wholes."""
        key = (resource.api_version, resource.kind, namespace, name)
        held = self.store.held(key)
        held["spec"] = merged(held["spec"], spec)
        take_over(held, manager=manager, subresource="", now=self.clock.now())
        self.store.changed(key, spec=True)
        self.settle()

    def touch(self, resource: Resource, *, namespace: str, name: str) -> None:
        """Move an object's version as a status change does."""
        self.store.changed((resource.api_version, resource.kind, namespace, name))


class RehearsalCluster:
    """`bot.ports.readers.ClusterReader` in memory."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def get(self, resource: Resource, *, namespace: str, name: str) -> KubeObject:
        """One object. Raises NotFound, or what a fault says."""
        right = str(resource.right("get"))
        lost = await self._state.faults.meet(f"cluster.get.{resource.plural}", right=right)
        _never_came(lost=lost)
        self._state.settle()
        return self._state.store.get(resource, namespace=namespace, name=name)

    async def list(
        self, resource: Resource, *, namespace: str, labels: str = "", fields: str = "", limit: int = 500
    ) -> Sequence[KubeObject]:
        """Objects of a namespace by label and field selector; at most `limit`."""
        call = "pod-metrics" if resource is Resource.POD_METRICS else resource.plural
        lost = await self._state.faults.meet(f"cluster.list.{call}", right=str(resource.right("list")))
        _never_came(lost=lost)
        self._state.settle()
        if resource is Resource.POD_METRICS:
            return self._metrics(namespace, labels)[:limit]
        try:
            found = self._state.store.list(resource, namespace=namespace, labels=labels, fields=fields)
        except ValueError as error:
            raise Permanent(str(error)) from error
        return found[:limit]

    async def metadata(self, resource: Resource, *, namespace: str, limit: int = 500) -> Sequence[KubeObject]:
        """The metadata of a namespace's objects and nothing else."""
        found = await self.list(resource, namespace=namespace, limit=limit)
        kept = ("apiVersion", "kind", "metadata")
        return [{name: item[name] for name in kept} for item in found]

    async def logs(
        self,
        *,
        namespace: str,
        pod: str,
        container: str = "",  # noqa: ARG002 - rehearsal pods have one log each
        tail: int = 100,
        previous: bool = False,
        since: timedelta | None = None,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """The last lines of a pod's log; a pod without one has written nothing.

        A line is as old as the time that it begins with; one that begins with none is always new.
        """
        lost = await self._state.faults.meet("cluster.logs", right="get pods/log")
        _never_came(lost=lost)
        self._state.settle()
        held = self._state.store.get(Resource.PODS, namespace=namespace, name=pod)
        source = self._state.logs_before_restart if previous else self._state.logs
        text = source.get((namespace, pod), "")
        write = self._state.written_before if previous else self._state.written
        if not text and write is not None:
            text = write(held, self._state.clock.now())
        lines = text.splitlines(keepends=True)
        if since is not None:
            lines = [line for line in lines if not _is_older(line, self._state.clock.now() - since)]
        return "".join(lines[-tail:]).encode()[:limit_bytes].decode(errors="replace")

    def _metrics(self, namespace: str, labels: str) -> Sequence[KubeObject]:
        usage, now = self._state.usage, self._state.clock.now()
        if usage is None:
            raise NotFound("the server could not find the requested resource (metrics.k8s.io)")
        found = []
        for pod in self._state.store.list(Resource.PODS, namespace=namespace, labels=labels):
            if pod.get("status", {}).get("phase") != "Running":
                continue
            containers = [container["name"] for container in pod["spec"].get("containers", [])]
            cores, memory = usage(pod, now)
            share = max(len(containers), 1)
            measured = {"cpu": format_cores(cores / share), "memory": format_bytes(memory / share)}
            found.append(
                {
                    "apiVersion": Resource.POD_METRICS.api_version,
                    "kind": Resource.POD_METRICS.kind,
                    "metadata": {"name": pod["metadata"]["name"], "namespace": namespace},
                    "timestamp": stamp(now),
                    "window": "15s",
                    "containers": [{"name": name, "usage": measured} for name in containers],
                }
            )
        return found


def _is_older(line: str, moment: datetime) -> bool:
    try:
        written = datetime.fromisoformat(line.split(" ", 1)[0])
    except ValueError:
        return False
    return written.tzinfo is not None and written < moment


def _never_came(*, lost: bool) -> None:
    if lost:
        raise Temporary("no answer in time")
