"""Evicting one stuck pod of the service's deployment, heeding its PodDisruptionBudget; it has no inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.outside_text import one_line
from bot.domain.remedies import Call, CallKind, Change, RefusalReason
from bot.domain.selectors import selector_matches
from bot.ports.readers import Resource
from bot.remediations.deployments import replicas_of
from bot.remediations.objects import read_or_none
from bot.remediations.planning import NEVER_UNDONE, Refused, Tried, make_plan, try_call
from bot.remediations.rollback_plans import is_owned
from bot.remediations.surroundings import Seen, see_budgets
from bot.remediations.targets import read_target

if TYPE_CHECKING:
    from bot.domain.remedies import Plan
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking


async def plan_pod(asking: Asking) -> Plan:
    """That pod away; the deployment makes another one."""
    name, service = str(asking.request.target.name), asking.request.service
    if not asking.bounds.deployment:
        raise Refused(RefusalReason.NOT_CONFIGURED, f"No deployment is configured for {service}.")
    deployment = await read_target(asking, Resource.DEPLOYMENTS, asking.bounds.deployment)
    pod = await read_target(asking, Resource.PODS, name)
    await _refuse_stranger(asking, pod, deployment)
    if pod["metadata"].get("deletionTimestamp"):
        words = f"Pod {one_line(name)} is being deleted already; only its node, or force, can end it sooner."
        raise Refused(RefusalReason.NO_CHANGE, words)
    call = Call(kind=CallKind.EVICT, resource="pods", name=name, subresource="eviction")
    cautions = await try_call(asking, call)
    seen = Seen()
    await see_budgets(asking, pod["metadata"].get("labels") or {}, seen)
    ready, state = _state(pod)
    name_of, pods = deployment["metadata"]["name"], replicas_of(deployment)
    node = one_line((pod.get("spec") or {}).get("nodeName") or "no node", limit=80)
    return make_plan(
        asking,
        Tried(call=call, found=pod, cautions=cautions),
        arguments={"pod": name},
        changes=(Change(field="pod", before=state, after="evicted, another one takes its place"),),
        observed={"deployment": name_of, "replicas": pods},
        verification=f"the pod is gone and {name_of} has {pods} ready pods",
        undo=f"{NEVER_UNDONE}: a pod that is gone does not come back, and its last log goes with it",
        undoable=False,
        notes=(f"it is on {node}", *seen.notes),
        warnings=("this pod is ready: it does not look stuck", *seen.warnings)
        if ready
        else tuple(seen.warnings),
    )


async def _refuse_stranger(asking: Asking, pod: KubeObject, deployment: KubeObject) -> None:
    """Only pods of the service's own deployment."""
    labels = pod["metadata"].get("labels") or {}
    owners = pod["metadata"].get("ownerReferences") or ()
    owner: dict[str, str] = next((one for one in owners if one.get("controller")), {})
    owned = None
    if owner.get("kind") == "ReplicaSet" and selector_matches(deployment["spec"].get("selector"), labels):
        owned = await read_or_none(
            Resource.REPLICA_SETS,
            namespace=pod["metadata"]["namespace"],
            name=str(owner.get("name")),
            reader=asking.readers.cluster,
        )
    if owned is None or not is_owned(owned, deployment):
        name = one_line(pod["metadata"]["name"], limit=253)
        words = f"Pod {name} is none of deployment {deployment['metadata']['name']}."
        raise Refused(RefusalReason.NOT_OURS, words)


def _state(pod: KubeObject) -> tuple[bool, str]:
    """Whether it is ready, and how it is."""
    status = pod.get("status") or {}
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or ()}
    ready = conditions.get("Ready") == "True"
    containers = status.get("containerStatuses") or ()
    restarts = sum(int(one.get("restartCount") or 0) for one in containers)
    waiting = [((one.get("state") or {}).get("waiting") or {}).get("reason") for one in containers]
    why = next((one_line(reason, limit=60) for reason in waiting if reason), "")
    phase = one_line(status.get("phase") or "in no phase", limit=40)
    words = [phase, "ready" if ready else "not ready", *([why] if why else [])]
    return ready, ", ".join([*words, *([f"{restarts} restarts"] if restarts else [])])
