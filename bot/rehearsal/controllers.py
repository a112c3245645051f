"""Jobs that run and end, and autoscalers that keep their bounds; called by the rehearsal's cluster."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject
    from bot.rehearsal.objects import ObjectStore


def settle_jobs(store: ObjectStore, now: datetime, *, take: timedelta) -> None:
    """Start the Jobs that somebody made, and end them when their time is over."""
    for key in store.keys(Resource.JOBS):
        job = store.held(key)
        if not job.get("spec") or (job.get("status") or {}).get("conditions"):
            continue
        began = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
        if not job.get("status"):
            store.put(_started(job, began), now=began)
        status = _job_status(job, began, now, take)
        if status != job.get("status"):
            job["status"] = status
            store.changed(key)


def settle_autoscalers(store: ObjectStore) -> None:
    """Bring the replicas of their deployments within the bounds."""
    for key in store.keys(Resource.HORIZONTAL_POD_AUTOSCALERS):
        spec = store.held(key).get("spec") or {}
        name = (spec.get("scaleTargetRef") or {}).get("name", "")
        target = (Resource.DEPLOYMENTS.api_version, Resource.DEPLOYMENTS.kind, key[2], name)
        if target not in set(store.keys(Resource.DEPLOYMENTS)):
            continue
        deployment = store.held(target)
        now = int(deployment["spec"].get("replicas", 1))
        wanted = min(max(now, int(spec.get("minReplicas") or 1)), int(spec.get("maxReplicas") or now))
        if now and wanted != now:
            deployment["spec"]["replicas"] = wanted
            store.changed(target, spec=True)


def _started(job: KubeObject, began: datetime) -> dict[str, Any]:
    """The event that a Job's first pod leaves; it outlives the Job."""
    metadata = job["metadata"]
    return {
        "apiVersion": Resource.EVENTS.api_version,
        "kind": Resource.EVENTS.kind,
        "metadata": {"name": f"{metadata['name']}.started", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": job["apiVersion"],
            "kind": job["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": "Normal",
        "reason": "SuccessfulCreate",
        "message": f"Created pod: {metadata['name']}-1",
        "count": 1,
        "firstTimestamp": stamp(began),
        "lastTimestamp": stamp(began),
    }


def _job_status(job: KubeObject, began: datetime, now: datetime, take: timedelta) -> dict[str, Any]:
    status: dict[str, Any] = {"startTime": stamp(began)}
    deadline = job["spec"].get("activeDeadlineSeconds")
    if deadline is not None and now - began >= timedelta(seconds=int(deadline)):
        reason = {"reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
        failed = {"type": "Failed", "status": "True", **reason, "lastTransitionTime": stamp(now)}
        return {**status, "failed": 1, "conditions": [failed]}
    if now - began < take:
        return {**status, "active": 1}
    ended = began + take
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": stamp(ended)}
    return {**status, "succeeded": 1, "completionTime": stamp(ended), "conditions": [complete]}
