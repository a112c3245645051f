"""The rehearsal's Kubernetes: reader, planner and scaler over one store, as apart as the real ones.

The same contract suite runs over this and over a real API server (`tests/worlds/contract.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Ambiguous, Conflict, NotFound, Permanent, Temporary
from bot.domain.quantities import format_bytes, format_cores
from bot.domain.rights import Right
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource
from bot.rehearsal.deployments import DeploymentController
from bot.rehearsal.objects import ObjectStore, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.domain.approvals import Grant
    from bot.ports.clock import Clock
    from bot.ports.readers import KubeObject
    from bot.ports.writers import ScaleTo
    from bot.rehearsal.faults import Faults
    from bot.rehearsal.objects import Key

Usage = tuple[float, float]
"""CPU in cores and memory in bytes."""

_PATCH_SCALE: Final = Right(verb="patch", group="apps", resource="deployments/scale")


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
    ) -> None:
        self.clock = clock
        self.faults = faults
        self.store = ObjectStore()
        self.controller = DeploymentController(self.store, starts_in=starts_in, stops_in=stops_in)
        self.usage: Callable[[KubeObject, datetime], Usage] | None = None
        self.written: Callable[[KubeObject, datetime], str] | None = None
        self.logs: dict[tuple[str, str], str] = {}
        self.logs_before_restart: dict[tuple[str, str], str] = {}
        for manifest in manifests:
            self.store.put(manifest, now=clock.now() - timedelta(days=2))
        self.controller.populate(clock.now())

    def settle(self) -> None:
        """Bring the controllers to the time that the clock shows."""
        self.controller.settle(self.clock.now())

    def put(self, manifest: KubeObject) -> None:
        """Create or replace an object."""
        self.store.put(manifest, now=self.clock.now())
        self.settle()

    def scale_as(self, manager: str, *, namespace: str, name: str, replicas: int) -> None:
        """Let somebody else set the replicas, as `kubectl scale` or an operator would."""
        deployment = self.store.held(_key(namespace, name))
        deployment["spec"]["replicas"] = replicas
        _take_over(deployment, manager=manager, now=self.clock.now())
        self.store.changed(_key(namespace, name), spec=True)
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
        if not text and not previous and self._state.written is not None:
            text = self._state.written(held, self._state.clock.now())
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


class RehearsalScalePlanner:
    """`bot.ports.planners.ScalePlanner` in memory; it changes nothing."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def dry_run_scale(
        self, *, namespace: str, name: str, replicas: int, resource_version: str
    ) -> KubeObject:
        """The Scale object as it would be."""
        lost = await self._state.faults.meet("planner.dry_run_scale", right=str(_PATCH_SCALE))
        _never_came(lost=lost)
        deployment = _locked(self._state, namespace, name, resource_version, replicas)
        return _scale_of(deployment, replicas)


class RehearsalScaler:
    """`bot.ports.writers.DeploymentScaler` in memory."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def scale(self, grant: Grant, order: ScaleTo) -> KubeObject:
        """Scale if the order fits the grant and nothing moved since; Ambiguous where the answer got lost."""
        misfit = order.misfit(grant)
        if misfit:
            raise Permanent(f"the order does not fit the approval: {misfit}")
        lost = await self._state.faults.meet("scaler.scale", right=str(_PATCH_SCALE))
        deployment = _locked(self._state, order.namespace, order.name, order.resource_version, order.replicas)
        if int(deployment["spec"].get("replicas", 1)) != order.replicas:
            deployment["spec"]["replicas"] = order.replicas
            _take_over(deployment, manager=order.field_manager, now=self._state.clock.now())
            self._state.store.changed(_key(order.namespace, order.name), spec=True)
        self._state.settle()
        if lost:
            raise Ambiguous("the answer got lost; it may or may not have been done")
        return _scale_of(deployment, order.replicas)


def _locked(
    state: RehearsalState, namespace: str, name: str, resource_version: str, replicas: int
) -> KubeObject:
    state.settle()
    deployment = state.store.held(_key(namespace, name))
    if resource_version and deployment["metadata"]["resourceVersion"] != resource_version:
        raise Conflict(f'deployment "{name}": the object has been modified')
    if replicas < 0:
        raise Permanent("spec.replicas: must be greater than or equal to 0")
    return deployment


def _key(namespace: str, name: str) -> Key:
    return (Resource.DEPLOYMENTS.api_version, Resource.DEPLOYMENTS.kind, namespace, name)


def _scale_of(deployment: KubeObject, replicas: int) -> KubeObject:
    metadata = deployment["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {name: metadata[name] for name in kept},
        "spec": {"replicas": replicas},
        "status": {
            "replicas": deployment.get("status", {}).get("replicas", 0),
            "selector": selector_text(deployment["spec"].get("selector")),
        },
    }


def _take_over(deployment: KubeObject, *, manager: str, now: datetime) -> None:
    # The API server gives a field to its last writer, and forgets a manager that owns nothing more.
    entries = deployment["metadata"].setdefault("managedFields", [])
    entries[:] = [entry for entry in entries if entry.get("subresource") != "scale"]
    entries.append(
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": stamp(now),
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
            "subresource": "scale",
        }
    )


def _is_older(line: str, moment: datetime) -> bool:
    try:
        written = datetime.fromisoformat(line.split(" ", 1)[0])
    except ValueError:
        return False
    return written.tzinfo is not None and written < moment


def _never_came(*, lost: bool) -> None:
    if lost:
        raise Temporary("no answer in time")
