"""The check `pods`: are the deployment's pods ready, and if not, why not.

Pod by pod it reads readiness, restarts, waiting and termination reasons, node, requests and limits; beside
them the newest warnings, and CPU and memory where the cluster measures them.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.pod_events import warnings_of
from bot.checks.pod_reports import report_of
from bot.checks.pod_words import details_of, summary_of, table_of, verdict_of
from bot.checks.reading import deployment_named, list_beside
from bot.domain.facts import number, texts
from bot.domain.findings import Finding
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from bot.checks.pod_reports import PodReport
    from bot.checks.targets import CheckTarget
    from bot.domain.facts import KnownFact
    from bot.domain.findings import Fact, Scalar
    from bot.domain.rights import Right
    from bot.ports.readers import KubeObject, Readers

NAME: Final = "pods"
FRESH_FOR: Final = timedelta(minutes=2)
RIGHTS: Final[tuple[Right, ...]] = (Resource.DEPLOYMENTS.right("get"), Resource.PODS.right("list"))
OPTIONAL_RIGHTS: Final[tuple[Right, ...]] = (
    Resource.EVENTS.right("list"),
    Resource.POD_METRICS.right("list"),
)
FACTS: Final[Mapping[str, KnownFact]] = {
    "desired": number("pods that the deployment wants"),
    "pods": number("pods that exist, those being removed aside"),
    "ready": number("pods that are ready"),
    "unready": number("pods that exist and are not ready"),
    "updated": number("pods of the newest revision"),
    "available": number("pods that have been ready for long enough to count"),
    "terminating": number("pods being removed"),
    "restarts": number("restarts of all containers of all pods, over their lives"),
    "restarted_recently": number("containers whose last end is at most an hour ago"),
    "crash_looping": number("pods with a container waiting in CrashLoopBackOff"),
    "oom_killed": number(
        "pods with a container that ran out of memory within the hour or is still down for it"
    ),
    "image_pull": number("pods that cannot get their image"),
    "config_error": number("pods whose container cannot be created or started as configured"),
    "pending": number("pods that no node runs yet"),
    "failed": number("pods that have ended in failure, evicted ones among them"),
    "cpu_usage_ratio": number(
        "CPU of the busiest pod over its limit, else its request; none where not measured"
    ),
    "memory_usage_ratio": number("memory of the fullest pod, in the same way"),
    "waiting_reasons": texts("why containers wait, each word once"),
    "termination_reasons": texts("how containers last ended, each word once"),
    "nodes": texts("nodes that run the pods"),
    "warnings": number("warning events of the last hour about the deployment and its pods"),
}
"""The facts that evidence expressions may name."""

_MOST_PODS: Final = 500


async def run(
    target: CheckTarget,
    readers: Readers,
    now: datetime,
    arguments: Mapping[str, Scalar],  # noqa: ARG001 - the check takes none
) -> Finding:
    """Look at the deployment and its pods. Raises what the reader raises for those two."""
    where = deployment_named(target)
    cluster = readers.cluster
    deployment = await cluster.get(Resource.DEPLOYMENTS, namespace=target.namespace, name=target.deployment)
    selector = selector_text(deployment.get("spec", {}).get("selector"))
    pods = await cluster.list(Resource.PODS, namespace=target.namespace, labels=selector, limit=_MOST_PODS)
    measured, events = await asyncio.gather(
        list_beside(cluster, Resource.POD_METRICS, target.namespace, labels=selector, what="CPU and memory"),
        list_beside(cluster, Resource.EVENTS, target.namespace, fields="type=Warning", what="events"),
    )
    usage = {item.get("metadata", {}).get("name", ""): item for item in measured.found}
    reports = tuple(
        report_of(pod, usage=usage.get(pod.get("metadata", {}).get("name", "")), now=now) for pod in pods
    )
    names = {target.deployment} | {report.name for report in reports} | {r.owner for r in reports}
    warnings = warnings_of(events.found, names=names, now=now)
    facts = _facts(deployment, reports, warnings=len(warnings))
    missing = tuple(note for note in (measured.note, events.note) if note)
    return Finding(
        check=NAME,
        target=where,
        verdict=verdict_of(facts),
        summary=summary_of(facts, reports),
        observed_at=now,
        fresh_for=FRESH_FOR,
        facts=facts,
        table=table_of(reports, now=now),
        details=(*details_of(deployment, reports, warnings, now=now), *missing),
    )


def _facts(deployment: KubeObject, reports: tuple[PodReport, ...], *, warnings: int) -> Mapping[str, Fact]:
    status = deployment.get("status") or {}
    alive = [report for report in reports if not report.terminating and not report.finished]
    containers = [container for report in alive for container in report.containers]
    return {
        "desired": int((deployment.get("spec") or {}).get("replicas", 1)),
        "pods": len(alive),
        "ready": sum(report.ready for report in alive),
        "unready": sum(not report.ready for report in alive),
        "updated": int(status.get("updatedReplicas") or 0),
        "available": int(status.get("availableReplicas") or 0),
        "terminating": sum(report.terminating for report in reports),
        "restarts": sum(report.restarts for report in alive),
        "restarted_recently": sum(container.ended_recently for container in containers),
        "crash_looping": sum(report.crash_looping for report in alive),
        "oom_killed": sum(report.oom_killed for report in alive),
        "image_pull": sum(report.image_pull for report in alive),
        "config_error": sum(report.config_error for report in alive),
        "pending": sum(report.phase == "Pending" for report in alive),
        "failed": sum(report.phase == "Failed" for report in reports),
        "cpu_usage_ratio": _highest(report.cpu.ratio for report in alive),
        "memory_usage_ratio": _highest(report.memory.ratio for report in alive),
        "waiting_reasons": tuple(sorted({one.waiting for one in containers if one.waiting})),
        "termination_reasons": tuple(sorted({one.ended for one in containers if one.ended})),
        "nodes": tuple(sorted({report.node for report in alive if report.node})),
        "warnings": warnings,
    }


def _highest(ratios: Iterable[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return round(max(known), 3) if known else None
