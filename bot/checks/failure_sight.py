"""Reading everything that the check `failures` looks at: side by side, each subject able to fail alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bot.checks.job_runs import newest_pod
from bot.checks.log_signs import without_colour
from bot.checks.modes.configuration import config_maps_of
from bot.checks.modes.networking import callers_of, is_meant_for, labels_of
from bot.checks.modes.sight import Service, Sight, containers_of, happenings_of, is_alive, spec_of
from bot.checks.reading import Beside, condition_of, list_beside, name_of, owned_by
from bot.domain.errors import Forbidden, LightshipError, NotFound
from bot.domain.quantities import parse_quantity
from bot.domain.redaction import without_secrets
from bot.domain.rights import Right
from bot.domain.selectors import selector_text
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.checks.targets import CheckTarget
    from bot.ports.readers import ClusterReader, KubeObject, Readers

RIGHTS: Final[tuple[Right, ...]] = (Resource.DEPLOYMENTS.right("get"), Resource.PODS.right("list"))
OPTIONAL_RIGHTS: Final[tuple[Right, ...]] = (
    *(
        resource.right("list")
        for resource in (
            Resource.REPLICA_SETS,
            Resource.EVENTS,
            Resource.NODES,
            Resource.PERSISTENT_VOLUME_CLAIMS,
            Resource.CONFIG_MAPS,
            Resource.SERVICES,
            Resource.NETWORK_POLICIES,
            Resource.HORIZONTAL_POD_AUTOSCALERS,
            Resource.POD_DISRUPTION_BUDGETS,
            Resource.POD_METRICS,
            Resource.JOBS,
        )
    ),
    Resource.CRON_JOBS.right("get"),
    Right(verb="get", group="", resource="pods/log"),
)

_MOST_PODS: Final = 500
_MOST_EVENTS: Final = 2_000
_LOGS: Final = 3
_LOG_LINES: Final = 20
_LOG_BYTES: Final = 100_000
_SERVICES: Final = 5
_CALLERS: Final = 10
_SUBJECTS: Final = (
    "pods", "rollout", "events", "nodes", "volume claims", "config maps", "autoscalers",
    "disruption budgets", "services", "network policies", "jobs",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was read: `subjects` by name, and `notes` on those that could not be, by name too."""

    sight: Sight
    subjects: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)


class _Looking:
    """One look: keeps what could and could not be read."""

    def __init__(self, cluster: ClusterReader, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.subjects: dict[str, None] = {}
        self.notes: dict[str, str] = {}

    async def listed(
        self, subject: str, resource: Resource, *, labels: str = "", anywhere: bool = False, limit: int = 500
    ) -> Sequence[KubeObject]:
        """Objects of a subject; nothing, and a note, where they cannot be read."""
        namespace = "" if anywhere else self.namespace
        return self.taken(
            subject,
            await list_beside(self.cluster, resource, namespace, what=subject, labels=labels, limit=limit),
        )

    async def metadata(self, subject: str, resource: Resource) -> Sequence[KubeObject]:
        """The same of metadata alone."""
        try:
            found = await self.cluster.metadata(resource, namespace=self.namespace)
        except Forbidden as error:
            return self.taken(
                subject, Beside(note=f"{subject}: the right `{error.right}` is missing, see `lightship rbac`")
            )
        except LightshipError:
            return self.taken(subject, Beside(note=f"{subject}: could not be read just now"))
        return self.taken(subject, Beside(found=found))

    def taken(self, subject: str, beside: Beside) -> Sequence[KubeObject]:
        """What was found, noted under its subject."""
        if beside.note and "does not have them" not in beside.note:
            self.notes[subject] = beside.note
        elif not beside.note:
            self.subjects[subject] = None
        return beside.found


async def look_around(target: CheckTarget, readers: Readers, now: datetime) -> Seen:
    """Read it all. Raises what the reader raises for the deployment and its pods."""
    looking = _Looking(readers.cluster, target.namespace)
    sight = Sight(now=now, name=target.deployment, service=target.service, hpa=target.hpa)
    events = asyncio.create_task(looking.listed("events", Resource.EVENTS, limit=_MOST_EVENTS))
    cron = asyncio.create_task(_cronjob(looking, target))
    try:
        if target.deployment:
            sight = await _deployment(looking, target, sight)
        sight = replace(sight, events=happenings_of(await events, now=now))
        cronjob, jobs = await cron
        sight = replace(sight, cronjob=cronjob, jobs=jobs)
        sight = replace(sight, logs=await _logs(looking, sight))
    finally:
        events.cancel()
        cron.cancel()
    subjects = tuple(one for one in _SUBJECTS if one in looking.subjects)
    return Seen(sight=sight, subjects=subjects, notes=looking.notes)


async def _deployment(looking: _Looking, target: CheckTarget, sight: Sight) -> Sight:
    cluster, namespace = looking.cluster, target.namespace
    deployment = await cluster.get(Resource.DEPLOYMENTS, namespace=namespace, name=target.deployment)
    selector = selector_text(deployment.get("spec", {}).get("selector"))
    uid = str((deployment.get("metadata") or {}).get("uid", ""))
    pods, measured = await asyncio.gather(
        cluster.list(Resource.PODS, namespace=namespace, labels=selector, limit=_MOST_PODS),
        list_beside(cluster, Resource.POD_METRICS, namespace, labels=selector, what="memory"),
    )
    sets, scalers, budgets, services, policies = await asyncio.gather(
        looking.listed("rollout", Resource.REPLICA_SETS, labels=selector),
        looking.listed("autoscalers", Resource.HORIZONTAL_POD_AUTOSCALERS),
        looking.listed("disruption budgets", Resource.POD_DISRUPTION_BUDGETS),
        looking.listed("services", Resource.SERVICES),
        looking.listed("network policies", Resource.NETWORK_POLICIES),
    )
    looking.subjects["pods"] = None
    sight = replace(
        sight,
        deployment=deployment,
        pods=pods,
        sets=owned_by(sets, kind="Deployment", name=target.deployment, uid=uid),
        scalers=scalers,
        budgets=budgets,
        policies=policies,
        memory=_memory(measured.found),
    )
    nodes, claims, config_maps, found, nobody = await asyncio.gather(
        _nodes(looking, sight),
        _claims(looking, sight),
        _config_maps(looking, sight),
        _services(looking, sight, services),
        _nobody(looking, sight),
    )
    return replace(sight, nodes=nodes, claims=claims, config_maps=config_maps, services=found, nobody=nobody)


async def _nodes(looking: _Looking, sight: Sight) -> Sequence[KubeObject]:
    """Nodes matter where a pod is in trouble, or a budget allows none to be moved."""
    held = any((one.get("status") or {}).get("disruptionsAllowed") == 0 for one in sight.budgets)
    if not sight.troubled and not held:
        return ()
    return await looking.listed("nodes", Resource.NODES, anywhere=True)


async def _claims(looking: _Looking, sight: Sight) -> Sequence[KubeObject]:
    wanted = any(
        one.get("persistentVolumeClaim")
        for pod in sight.troubled
        for one in spec_of(pod).get("volumes") or ()
    )
    return await looking.listed("volume claims", Resource.PERSISTENT_VOLUME_CLAIMS) if wanted else ()


async def _config_maps(looking: _Looking, sight: Sight) -> Sequence[KubeObject]:
    wanted = config_maps_of(sight.template.get("spec") or {})
    return await looking.metadata("config maps", Resource.CONFIG_MAPS) if wanted else ()


async def _services(looking: _Looking, sight: Sight, services: Sequence[KubeObject]) -> tuple[Service, ...]:
    labels, names = labels_of(sight), (sight.name, sight.service)
    meant = [one for one in services if is_meant_for(one, names=names, labels=labels)][:_SERVICES]
    return tuple(await asyncio.gather(*(_service(looking, one) for one in meant)))


async def _service(looking: _Looking, service: KubeObject) -> Service:
    selector = selector_text({"matchLabels": (service.get("spec") or {}).get("selector") or {}})
    found = await list_beside(
        looking.cluster, Resource.PODS, looking.namespace, labels=selector, what="pods", limit=1
    )
    # What could not be read finds pods for all one knows.
    return Service(manifest=service, finds_pods=bool(found.found) or bool(found.note))


async def _nobody(looking: _Looking, sight: Sight) -> frozenset[str]:
    """Which callers that the policies let in do not exist."""
    wanted = callers_of(sight)[:_CALLERS]
    found = await asyncio.gather(
        *(
            list_beside(
                looking.cluster, Resource.PODS, looking.namespace, labels=selector, what="pods", limit=1
            )
            for selector in wanted
        )
    )
    # As above: what could not be read is there for all one knows.
    pairs = zip(wanted, found, strict=True)
    return frozenset(selector for selector, one in pairs if not one.found and not one.note)


async def _cronjob(looking: _Looking, target: CheckTarget) -> tuple[KubeObject, Sequence[KubeObject]]:
    if not target.cronjob:
        return {}, ()
    try:
        found = await looking.cluster.get(
            Resource.CRON_JOBS, namespace=looking.namespace, name=target.cronjob
        )
    except Forbidden as error:
        looking.notes["jobs"] = f"jobs: the right `{error.right}` is missing, see `lightship rbac`"
        return {}, ()
    except NotFound:
        looking.notes["jobs"] = f"jobs: there is no CronJob {target.cronjob}"
        return {}, ()
    except LightshipError:
        looking.notes["jobs"] = "jobs: could not be read just now"
        return {}, ()
    return found, await looking.listed("jobs", Resource.JOBS)


async def _logs(looking: _Looking, sight: Sight) -> Mapping[tuple[str, str], str]:
    """The last lines of containers that ended, of init containers that run, of a job that failed."""
    wanted: list[tuple[str, str, bool]] = []
    odd_dns = (sight.template.get("spec") or {}).get("dnsPolicy") not in {None, "ClusterFirst"}
    for pod in sight.pods:
        for one in containers_of(pod) if is_alive(pod) else ():
            waits = one.init and one.running_since is not None and one.spec.get("restartPolicy") != "Always"
            if waits or odd_dns or one.ended_lately(now=sight.now):
                before = (
                    bool(one.restarts) and "terminated" not in (one.status.get("state") or {}) and not odd_dns
                )
                wanted.append((one.pod, one.name, before))
    found = await asyncio.gather(*(_log(looking, *one) for one in wanted[:_LOGS]))
    logs = {(pod, name): text for (pod, name, _), text in zip(wanted, found, strict=False)}
    failed = [job for job in sight.jobs if condition_of(job, "Failed").status == "True"]
    newest = max(failed, key=lambda job: str(condition_of(job, "Failed").since), default=None)
    if newest is not None:
        pods = await list_beside(
            looking.cluster,
            Resource.PODS,
            looking.namespace,
            labels=f"job-name={name_of(newest)}",
            what="pods",
        )
        last = newest_pod(pods.found)
        if last:
            logs[last, ""] = await _log(looking, last, "", False)
    return logs


async def _log(looking: _Looking, pod: str, container: str, before: bool) -> str:
    try:
        text = await looking.cluster.logs(
            namespace=looking.namespace,
            pod=pod,
            container=container,
            tail=_LOG_LINES,
            previous=before,
            limit_bytes=_LOG_BYTES,
        )
    except LightshipError:
        return ""  # evidence beside the point: the end of the container is known without it
    return without_secrets(without_colour(text))


def _memory(measured: Sequence[KubeObject]) -> Mapping[tuple[str, str], float]:
    return {
        (name_of(item), str(one.get("name"))): used
        for item in measured
        for one in item.get("containers") or ()
        if (used := parse_quantity((one.get("usage") or {}).get("memory"))) is not None
    }
