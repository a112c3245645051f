"""The rehearsal's planner and writer: what a plan's call would do, and does, to the objects in memory."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from bot.domain.calls import granted_call, object_for, patch_for, patch_of
from bot.domain.errors import Ambiguous, Conflict, NotFound, Permanent, Protected, Temporary
from bot.domain.quantities import parse_quantity
from bot.domain.remedies import CallKind
from bot.domain.selectors import selector_matches, selector_text
from bot.ports.readers import Resource
from bot.rehearsal.objects import merged, take_over
from bot.rehearsal.pods import is_ready

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call
    from bot.ports.readers import KubeObject
    from bot.rehearsal.cluster import RehearsalState
    from bot.rehearsal.objects import Key

_RESOURCES: Final = {one.plural: one for one in Resource if one is not Resource.POD_METRICS}
_NO_GENERATION: Final = frozenset({"HorizontalPodAutoscaler"})


class RehearsalPlanner:
    """`bot.ports.planners.ClusterPlanner` in memory; it changes nothing."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def dry_run(self, call: Call, *, namespace: str, resource_version: str = "") -> KubeObject:
        """The object as it would be."""
        if await self._state.faults.meet("planner.dry_run", right=_right(call)):
            raise Temporary("no answer in time")
        self._state.settle()
        match call.kind:
            case CallKind.CREATE:
                made = object_for(call, approval_id="plan")
                _refuse_existing(self._state, made)
                return made
            case CallKind.EVICT:
                _evictable(self._state, namespace, call.name)
                return {}
            case _:
                patch = patch_of(call.edits, resource_version=resource_version)
                held = _locked(self._state, call, namespace, resource_version)
                return _answer(_valid(merged(held, patch)), call)


class RehearsalWriter:
    """`bot.ports.writers.ClusterWriter` in memory."""

    def __init__(self, state: RehearsalState) -> None:
        self._state = state

    async def edit(self, grant: Grant, *, resource_version: str) -> KubeObject:
        """Edit if nothing moved since; Ambiguous where the answer got lost."""
        call = granted_call(grant, CallKind.EDIT)
        lost = await self._state.faults.meet("writer.edit", right=_right(call))
        self._state.settle()
        namespace, now = grant.plan.target.namespace, self._state.clock.now()
        held = _locked(self._state, call, namespace, resource_version)
        after = _valid(merged(held, patch_for(grant, resource_version=resource_version)))
        if after != held:
            bumps = _generation_of(after) != _generation_of(held) and held["kind"] not in _NO_GENERATION
            held.clear()
            held.update(after)
            take_over(held, manager=grant.field_manager, subresource=call.subresource, now=now)
            self._state.store.changed(_key(call, namespace), spec=bumps)
            self._state.settle()
        return _told(_answer(deepcopy(held), call), lost=lost)

    async def create(self, grant: Grant) -> KubeObject:
        """Create under the approval's name."""
        call = granted_call(grant, CallKind.CREATE)
        lost = await self._state.faults.meet("writer.create", right=_right(call))
        self._state.settle()
        made = object_for(call, approval_id=grant.approval_id)
        _refuse_existing(self._state, made)
        self._state.put(made)
        return _told(made, lost=lost)

    async def evict(self, grant: Grant) -> None:
        """Evict that very pod."""
        call = granted_call(grant, CallKind.EVICT)
        lost = await self._state.faults.meet("writer.evict", right=_right(call))
        self._state.settle()
        namespace = grant.plan.target.namespace
        pod = _evictable(self._state, namespace, call.name)
        if pod["metadata"]["uid"] != grant.plan.observed["uid"]:
            raise Conflict(f'pods "{call.name}": the UID in the precondition does not match')
        if not pod["metadata"].get("deletionTimestamp"):
            self._state.controller.remove_pod(_key(call, namespace), self._state.clock.now())
        self._state.settle()
        _told({}, lost=lost)


def _told(answer: KubeObject, *, lost: bool) -> KubeObject:
    if lost:
        raise Ambiguous("Kubernetes may or may not have done it: no answer in time")
    return answer


def _key(call: Call, namespace: str) -> Key:
    resource = _RESOURCES[call.resource]
    return (resource.api_version, resource.kind, namespace, call.name)


def _right(call: Call) -> str:
    verb = "patch" if call.kind is CallKind.EDIT else "create"
    return f"{verb} {call.resource}{f'/{call.subresource}' if call.subresource else ''}"


def _locked(state: RehearsalState, call: Call, namespace: str, resource_version: str) -> KubeObject:
    held = state.store.held(_key(call, namespace))
    if resource_version and held["metadata"]["resourceVersion"] != resource_version:
        raise Conflict(f'{held["kind"].lower()} "{call.name}": the object has been modified')
    return held


def _valid(after: KubeObject) -> KubeObject:
    """The object, if the API server would take it."""
    spec = after.get("spec") or {}
    if int(spec.get("replicas") or 0) < 0:
        raise Permanent("spec.replicas: must be greater than or equal to 0")
    if int(spec.get("minReplicas") or 1) > int(spec.get("maxReplicas") or 1_000_000):
        raise Permanent("spec.maxReplicas: must be greater than or equal to `minReplicas`")
    for container in ((spec.get("template") or {}).get("spec") or {}).get("containers") or ():
        resources = container.get("resources") or {}
        for name, requested in (resources.get("requests") or {}).items():
            limit = parse_quantity((resources.get("limits") or {}).get(name))
            if limit is not None and (parse_quantity(requested) or 0) > limit:
                raise Permanent(f"requests: must be less than or equal to {name} limit")
    return after


def _generation_of(held: KubeObject) -> tuple[Any, Any]:
    """What a generation counts the changes of."""
    annotations = held["metadata"].get("annotations") if held["kind"] == "Deployment" else None
    return held.get("spec"), annotations


def _answer(held: KubeObject, call: Call) -> KubeObject:
    if call.subresource != "scale":
        return held
    metadata = held["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {name: metadata[name] for name in kept},
        "spec": {"replicas": held["spec"]["replicas"]},
        "status": {
            "replicas": held.get("status", {}).get("replicas", 0),
            "selector": selector_text(held["spec"].get("selector")),
        },
    }


def _refuse_existing(state: RehearsalState, made: KubeObject) -> None:
    metadata = made["metadata"]
    try:
        state.store.held((made["apiVersion"], made["kind"], metadata["namespace"], metadata["name"]))
    except NotFound:
        return
    raise Conflict(f'{made["kind"].lower()} "{metadata["name"]}" already exists')


def _evictable(state: RehearsalState, namespace: str, name: str) -> KubeObject:
    """The pod, unless a budget keeps it: only ready pods count, as the real one has it."""
    pods = [state.store.held(key) for key in state.store.keys(Resource.PODS) if key[2] == namespace]
    pod = next((one for one in pods if one["metadata"]["name"] == name), None)
    if pod is None:
        raise NotFound(f'pods "{name}" not found')
    if not is_ready(pod):
        return pod
    labels = pod["metadata"].get("labels") or {}
    for key in state.store.keys(Resource.POD_DISRUPTION_BUDGETS):
        spec = state.store.held(key).get("spec") or {}
        if key[2] != namespace or not selector_matches(spec.get("selector"), labels):
            continue
        ready = [
            one
            for one in pods
            if is_ready(one)
            and not one["metadata"].get("deletionTimestamp")
            and selector_matches(spec.get("selector"), one["metadata"].get("labels") or {})
        ]
        least = spec.get("minAvailable", 0)
        if isinstance(least, int) and len(ready) <= least:
            raise Protected("Cannot evict pod as it would violate the pod's disruption budget.")
    return pod
