"""One pod's object read into the few values that the check `pods` judges. Pure; tolerates missing parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import RECENT, parse_time
from bot.domain.outside_text import one_line
from bot.domain.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bot.ports.readers import KubeObject

_IMAGE_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
_CONFIG_REASONS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError"}
)
_WORD: Final = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerReport:
    """One container: why it waits, how it last ended."""

    name: str
    ready: bool
    restarts: int
    waiting: str
    ended: str
    exit_code: int | None
    ended_recently: bool
    running: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """Of CPU (cores) or memory (bytes): used, requested, limited; None where not known."""

    used: float | None
    requested: float | None
    limit: float | None

    @property
    def ratio(self) -> float | None:
        """Used over the limit, else over the request."""
        bound = self.limit or self.requested
        return self.used / bound if self.used is not None and bound else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PodReport:
    """One pod. `reason` is why it is not ready, in the cluster's word; empty when it is."""

    name: str
    owner: str
    phase: str
    ready: bool
    terminating: bool
    reason: str
    containers: tuple[ContainerReport, ...]
    created_at: datetime | None
    node: str
    cpu: Use
    memory: Use

    @property
    def finished(self) -> bool:
        """Whether it has ended and will not run again."""
        return self.phase in {"Failed", "Succeeded"}

    @property
    def restarts(self) -> int:
        """Restarts of all its containers."""
        return sum(container.restarts for container in self.containers)

    @property
    def crash_looping(self) -> bool:
        """Whether a container waits before it is started once more."""
        return any(container.waiting == "CrashLoopBackOff" for container in self.containers)

    @property
    def oom_killed(self) -> bool:
        """Whether a container ran out of memory lately, or is still down for it."""
        return any(
            container.ended == "OOMKilled" and (container.ended_recently or not container.running)
            for container in self.containers
        )

    @property
    def image_pull(self) -> bool:
        """Whether an image cannot be had."""
        return any(container.waiting in _IMAGE_REASONS for container in self.containers)

    @property
    def config_error(self) -> bool:
        """Whether a container cannot be made as configured."""
        return any(container.waiting in _CONFIG_REASONS for container in self.containers)


def report_of(pod: KubeObject, *, usage: KubeObject | None, now: datetime) -> PodReport:
    """Read a pod, and its measurement where there is one."""
    metadata, spec, status = (pod.get(part) or {} for part in ("metadata", "spec", "status"))
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    containers = tuple(_container(one, now) for one in statuses)
    ready = any(
        one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or ()
    )
    owners: Sequence[Mapping[str, Any]] = metadata.get("ownerReferences") or ({},)
    return PodReport(
        name=one_line(metadata.get("name", ""), limit=253),
        owner=one_line(owners[0].get("name", ""), limit=253),
        phase=one_line(status.get("phase", "Unknown"), limit=_WORD),
        ready=ready,
        terminating="deletionTimestamp" in metadata,
        reason="" if ready else _reason(status, containers),
        containers=containers,
        created_at=parse_time(metadata.get("creationTimestamp")),
        node=one_line(spec.get("nodeName", ""), limit=_WORD),
        cpu=_use("cpu", spec, usage),
        memory=_use("memory", spec, usage),
    )


def _container(status: Mapping[str, Any], now: datetime) -> ContainerReport:
    state = status.get("state") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    finished_at = parse_time(ended.get("finishedAt"))
    # An init container that has done its work is no bad news.
    done_well = ended.get("exitCode") == 0 and "terminated" in state
    return ContainerReport(
        name=one_line(status.get("name", ""), limit=_WORD),
        ready=bool(status.get("ready")),
        restarts=int(status.get("restartCount") or 0),
        waiting=one_line((state.get("waiting") or {}).get("reason", ""), limit=_WORD),
        ended="" if done_well else one_line(ended.get("reason", ""), limit=_WORD),
        exit_code=None if done_well else ended.get("exitCode"),
        ended_recently=not done_well and finished_at is not None and now - finished_at <= RECENT,
        running="running" in state,
    )


def _reason(status: Mapping[str, Any], containers: Iterable[ContainerReport]) -> str:
    for container in containers:
        if container.waiting and container.waiting != "PodInitializing":
            return container.waiting
    for container in containers:
        if container.ended and not container.running:
            return container.ended
    if status.get("reason"):
        return one_line(status["reason"], limit=_WORD)
    for wanted in ("PodScheduled", "Ready"):
        for condition in status.get("conditions") or ():
            if condition.get("type") == wanted and condition.get("status") != "True":
                return one_line(condition.get("reason") or "NotReady", limit=_WORD)
    return "NotReady"


def _use(resource: str, spec: Mapping[str, Any], usage: KubeObject | None) -> Use:
    containers = spec.get("containers") or ()
    used = None
    if usage is not None:
        amounts = ((one.get("usage") or {}).get(resource) for one in usage.get("containers") or ())
        used = _sum(amounts)
    return Use(
        used=used,
        requested=_sum((_part(one, "requests").get(resource) for one in containers), partial=True),
        limit=_sum(_part(one, "limits").get(resource) for one in containers),
    )


def _part(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get(name) or {}


def _sum(amounts: Iterable[object], *, partial: bool = False) -> float | None:
    """The sum; None when nothing is there, or (unless `partial`) when one amount is missing."""
    parsed = [parse_quantity(amount) for amount in amounts]
    known = [amount for amount in parsed if amount is not None]
    if not known or (len(known) < len(parsed) and not partial):
        return None
    return sum(known)
