"""What the check `failures` has read, as the functions that recognise failure modes get it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import RECENT, condition_of, name_of, parse_time
from bot.domain.outside_text import one_line
from bot.domain.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from bot.ports.readers import KubeObject

_MESSAGE: Final = 1_000
_LONG: Final = 4_000
_HEX: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """An event of the cluster, a normal one or a warning: what about, what, how often, first and last.

    `message` may be shown; `raw` is read for names alone, which look like secrets where the word is near.
    """

    kind: str
    name: str
    reason: str
    message: str
    raw: str
    count: int
    first: datetime
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A Service that belongs to the deployment, and whether its selector finds a pod."""

    manifest: KubeObject
    finds_pods: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """Everything that was read. What could not be read is empty; the check says so beside."""

    now: datetime
    name: str = ""
    service: str = ""
    hpa: str = ""
    deployment: KubeObject = field(default_factory=dict)
    sets: Sequence[KubeObject] = ()
    pods: Sequence[KubeObject] = ()
    events: Sequence[Happening] = ()
    nodes: Sequence[KubeObject] = ()
    claims: Sequence[KubeObject] = ()
    scalers: Sequence[KubeObject] = ()
    budgets: Sequence[KubeObject] = ()
    services: Sequence[Service] = ()
    policies: Sequence[KubeObject] = ()
    nobody: frozenset[str] = frozenset()
    """Selectors of callers that no pod of the namespace has, as text."""
    config_maps: Sequence[KubeObject] = ()
    jobs: Sequence[KubeObject] = ()
    cronjob: KubeObject = field(default_factory=dict)
    memory: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Pod and container → bytes in use."""
    logs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Pod and container → its last lines, those before its restart where it has restarted."""

    @property
    def subject(self) -> str:
        """`deployment shop-api`."""
        return f"deployment {self.name}"

    @property
    def template(self) -> Mapping[str, Any]:
        """The deployment's pod template."""
        return (self.deployment.get("spec") or {}).get("template") or {}

    @property
    def replicas(self) -> int:
        """How many pods the deployment wants."""
        wanted = (self.deployment.get("spec") or {}).get("replicas")
        return 1 if wanted is None else int(wanted)

    @property
    def troubled(self) -> tuple[KubeObject, ...]:
        """Pods that exist, are meant to run, and are not ready."""
        return tuple(pod for pod in self.pods if is_alive(pod) and not is_ready(pod))

    def about(self, kind: str, name: str, *reasons: str) -> tuple[Happening, ...]:
        """The events about an object, of these reasons where any are given; the newest first."""
        return tuple(
            one
            for one in self.events
            if one.kind == kind and one.name == name and (not reasons or one.reason in reasons)
        )

    def about_gone_pods(self, *reasons: str) -> tuple[Happening, ...]:
        """Events of these reasons about pods of the deployment, those that are gone too."""
        prefixes = tuple(f"{name_of(one)}-" for one in self.sets)
        return tuple(
            one
            for one in self.events
            if one.kind == "Pod"
            and one.reason in reasons
            and one.name.startswith(prefixes)
            and len(one.name.rpartition("-")[2]) == _HEX
        )


def happenings_of(events: Iterable[KubeObject], *, now: datetime) -> tuple[Happening, ...]:
    """Events of the last hour, the newest first."""
    found = [one for one in map(_happening, events) if one is not None and now - one.at <= RECENT]
    return tuple(sorted(found, key=lambda one: (one.at, one.name, one.reason), reverse=True))


def _happening(event: Mapping[str, Any]) -> Happening | None:
    series, about = event.get("series") or {}, event.get("involvedObject") or {}
    created = (event.get("metadata") or {}).get("creationTimestamp")
    written = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"), created)
    at = next((moment for moment in map(parse_time, written) if moment), None)
    if at is None:
        return None
    first = parse_time(event.get("firstTimestamp")) or parse_time(event.get("eventTime")) or at
    return Happening(
        kind=one_line(about.get("kind", ""), limit=60),
        name=one_line(about.get("name", ""), limit=253),
        reason=one_line(event.get("reason", ""), limit=60),
        message=clean(event.get("message", "")),
        raw=one_line(event.get("message", ""), limit=_MESSAGE),
        count=int(series.get("count") or event.get("count") or 1),
        first=first,
        at=at,
    )


def clean(text: object, *, limit: int = _MESSAGE) -> str:
    """Text of the cluster on one line, without what looks like a secret."""
    return one_line(without_secrets(str(text)[:_LONG]), limit=limit)


def short(text: object) -> str:
    """The same as one short sentence of evidence."""
    return clean(text, limit=240)


def is_alive(pod: KubeObject) -> bool:
    """Whether a pod is meant to run: neither ended nor being removed."""
    ended = (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}
    return not ended and "deletionTimestamp" not in (pod.get("metadata") or {})


def is_ready(pod: KubeObject) -> bool:
    """Whether its condition says that it is ready."""
    return condition_of(pod, "Ready").status == "True"


def spec_of(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod's spec."""
    return pod.get("spec") or {}


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSight:
    """One container of one pod: how it is configured and how it stands."""

    pod: str
    name: str
    init: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Its place in the deployment."""
        part = "initContainers" if self.init else "containers"
        return f"spec.template.spec.{part}[{self.name}]"

    @property
    def title(self) -> str:
        """`container api`."""
        return f"{'init container' if self.init else 'container'} {self.name}"

    @property
    def waiting(self) -> Mapping[str, Any]:
        """Why it waits; empty when it does not."""
        return (self.status.get("state") or {}).get("waiting") or {}

    @property
    def running_since(self) -> datetime | None:
        """Since when it runs; None when it does not."""
        return parse_time(((self.status.get("state") or {}).get("running") or {}).get("startedAt"))

    @property
    def ended(self) -> Mapping[str, Any]:
        """How it ended last."""
        state, last = self.status.get("state") or {}, self.status.get("lastState") or {}
        return state.get("terminated") or last.get("terminated") or {}

    @property
    def is_down(self) -> bool:
        """Whether it does not run now."""
        return "running" not in (self.status.get("state") or {})

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(self.status.get("restartCount") or 0)

    def ended_lately(self, *, now: datetime, within: timedelta = RECENT) -> bool:
        """Whether its last end matters: it is down for it still, or it was within the time."""
        if not self.ended:
            return False
        at = parse_time(self.ended.get("finishedAt"))
        return self.is_down or (at is not None and now - at <= within)


def containers_of(pod: KubeObject) -> Iterator[ContainerSight]:
    """The pod's containers, the init containers first."""
    spec, status = spec_of(pod), pod.get("status") or {}
    parts = (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses"))
    for part, statuses in parts:
        known = {one.get("name"): one for one in status.get(statuses) or ()}
        for one in spec.get(part) or ():
            yield ContainerSight(
                pod=name_of(pod),
                name=one_line(one.get("name", ""), limit=80),
                init=part == "initContainers",
                spec=one,
                status=known.get(one.get("name")) or {},
            )
