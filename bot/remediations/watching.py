"""How far a change is after it was applied, for polling until it is done, has failed, or the time is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.calls import holds, value_at
from bot.domain.errors import NotFound, Permanent
from bot.domain.remedies import Action, CallKind
from bot.ports.readers import Resource
from bot.remediations.autoscalers import bounds_of
from bot.remediations.deployments import RolloutProgress, observe, replicas_of, uid_of
from bot.remediations.editing import shown_value
from bot.remediations.jobs import job_progress, read_job
from bot.remediations.objects import read_edited, read_or_none

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call
    from bot.ports.readers import KubeObject, Readers


async def progress(grant: Grant, *, readers: Readers) -> RolloutProgress:
    """How far an applied change is. Raises what the readers raise."""
    call = grant.plan.call
    if call is None:
        raise Permanent("an older version of Lightship planned this; look at the object")
    match call.kind:
        case CallKind.CREATE:
            return job_progress(await read_job(grant, call, readers.cluster))
        case CallKind.EVICT:
            return await _evicted(grant, call, readers)
        case CallKind.ALIAS:
            return await _alias(call, readers)
        case CallKind.EDIT:
            return await _edited(grant, call, readers)


async def _edited(grant: Grant, call: Call, readers: Readers) -> RolloutProgress:
    if call.resource == "horizontalpodautoscalers":
        return await _autoscaled(grant, call, readers)
    found = await read_edited(call, grant.plan.target, readers.cluster)
    if call.resource == "jobs":
        return _cancelled(found)
    if call.resource == "deployments":
        return _deployment(found, call, grant.plan.action)
    return _held(found, call)


def _deployment(deployment: KubeObject, call: Call, action: Action) -> RolloutProgress:
    if action is Action.SCALE:
        (edit,) = call.edits
        return observe(deployment, desired=int(edit.after))
    if not holds(deployment, call.edits):
        return _failed("somebody or something rolled out another revision since")
    return observe(deployment, desired=replicas_of(deployment))


def _held(found: KubeObject, call: Call) -> RolloutProgress:
    """Of an object that nothing follows from but the fields themselves."""
    if not holds(found, call.edits):
        now = ", ".join(f"{edit.path[-1]} {shown_value(value_at(found, edit.path))}" for edit in call.edits)
        return _failed(f"somebody or something changed it since: {now}")
    return RolloutProgress(ready=1, desired=1, done=True, failed=False, reason="it is as it was approved")


async def _autoscaled(grant: Grant, call: Call, readers: Readers) -> RolloutProgress:
    hpa = await read_edited(call, grant.plan.target, readers.cluster)
    if not holds(hpa, call.edits):
        now = ", ".join(f"{edit.path[-1]} {shown_value(value_at(hpa, edit.path))}" for edit in call.edits)
        return _failed(f"somebody or something set the autoscaler's bounds since: {now}")
    target = grant.plan.target
    deployment = await readers.cluster.get(Resource.DEPLOYMENTS, namespace=target.namespace, name=target.name)
    minimum, maximum = bounds_of(hpa)
    wanted = replicas_of(deployment)
    if not minimum <= wanted <= maximum:
        reason = f"the autoscaler has not moved {wanted} replicas into {minimum} to {maximum} yet"
        return RolloutProgress(ready=0, desired=minimum, done=False, failed=False, reason=reason)
    return observe(deployment, desired=wanted)


async def _evicted(grant: Grant, call: Call, readers: Readers) -> RolloutProgress:
    """Done when the pod is gone and the deployment has its pods again."""
    namespace, name = grant.plan.target.namespace, str(grant.plan.observed["deployment"])
    pod = await read_or_none(Resource.PODS, namespace=namespace, name=call.name, reader=readers.cluster)
    if pod is not None and uid_of(pod) == grant.plan.observed["uid"]:
        reason = "the pod is still being stopped"
        return RolloutProgress(ready=0, desired=0, done=False, failed=False, reason=reason)
    deployment = await readers.cluster.get(Resource.DEPLOYMENTS, namespace=namespace, name=name)
    return observe(deployment, desired=replicas_of(deployment))


async def _alias(call: Call, readers: Readers) -> RolloutProgress:
    (edit,) = call.edits
    alias, wanted = edit.path[-1], shown_value(edit.after)
    try:
        version = (await readers.models.version_by_alias(name=call.name, alias=alias)).version
    except NotFound:
        return _failed(f"the alias {alias} is gone")
    if version != wanted:
        return _failed(f"somebody or something moved {alias} to version {version} since")
    return RolloutProgress(
        ready=1, desired=1, done=True, failed=False, reason=f"{alias} is version {version}"
    )


def _cancelled(job: KubeObject) -> RolloutProgress:
    seen = job_progress(job)
    if seen.done:
        return _failed("the Job finished before it could be cancelled")
    if seen.failed and not int((job.get("status") or {}).get("active") or 0):
        return RolloutProgress(ready=0, desired=0, done=True, failed=False, reason="the Job is cancelled")
    return RolloutProgress(ready=0, desired=0, done=False, failed=False, reason="the Job is being stopped")


def _failed(reason: str) -> RolloutProgress:
    return RolloutProgress(ready=0, desired=0, done=False, failed=True, reason=reason)
