"""Looking at the world without changing it; all that checks are given.

Every method raises `Temporary`, `NotFound`, `Forbidden` or another `Permanent`, and nothing else.
Kubernetes objects are plain mappings as the API serves them: the rehearsal worlds write the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from bot.domain.rights import Right

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftPoint, DriftRun
    from bot.domain.services import ProbeTarget

KubeObject = dict[str, Any]


class Resource(Enum):
    """The kinds of object that may be read: (apiVersion, kind, plural)."""

    PODS = ("v1", "Pod", "pods")
    EVENTS = ("v1", "Event", "events")
    NODES = ("v1", "Node", "nodes")
    SERVICES = ("v1", "Service", "services")
    RESOURCE_QUOTAS = ("v1", "ResourceQuota", "resourcequotas")
    LIMIT_RANGES = ("v1", "LimitRange", "limitranges")
    PERSISTENT_VOLUME_CLAIMS = ("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
    CONFIG_MAPS = ("v1", "ConfigMap", "configmaps")
    DEPLOYMENTS = ("apps/v1", "Deployment", "deployments")
    REPLICA_SETS = ("apps/v1", "ReplicaSet", "replicasets")
    JOBS = ("batch/v1", "Job", "jobs")
    CRON_JOBS = ("batch/v1", "CronJob", "cronjobs")
    HORIZONTAL_POD_AUTOSCALERS = (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    )
    NETWORK_POLICIES = ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
    POD_DISRUPTION_BUDGETS = ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
    POD_METRICS = ("metrics.k8s.io/v1beta1", "PodMetrics", "pods")

    @property
    def api_version(self) -> str:
        """Such as `apps/v1`."""
        return self.value[0]

    @property
    def kind(self) -> str:
        """Such as `Deployment`."""
        return self.value[1]

    @property
    def plural(self) -> str:
        """Such as `deployments`."""
        return self.value[2]

    @property
    def group(self) -> str:
        """The API group, empty for the core API."""
        return self.api_version.rpartition("/")[0]

    def right(self, verb: str) -> Right:
        """The right to do that with this kind of object."""
        return Right(verb=verb, group=self.group, resource=self.plural)


class ClusterReader(Protocol):
    """Reads Kubernetes objects."""

    async def get(self, resource: Resource, *, namespace: str, name: str) -> KubeObject:
        """One object. Raises NotFound, Forbidden (with the right that is missing) or Temporary."""
        ...

    async def list(
        self, resource: Resource, *, namespace: str, labels: str = "", fields: str = "", limit: int = 500
    ) -> Sequence[KubeObject]:
        """Objects of a namespace by label and field selector; at most `limit`.

        Nodes are in no namespace: theirs is the empty text.
        """
        ...

    async def metadata(self, resource: Resource, *, namespace: str, limit: int = 500) -> Sequence[KubeObject]:
        """The metadata of a namespace's objects and nothing else: what they hold never leaves the server."""
        ...

    async def logs(
        self,
        *,
        namespace: str,
        pod: str,
        container: str = "",
        tail: int = 100,
        previous: bool = False,
        since: timedelta | None = None,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """The last lines of a container's log, those of the time `since`; undecodable bytes replaced.

        Of more than `limit_bytes` the first are given, so the newest lines are cut.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value of an instant query; NaN and infinities are possible and the reader's to judge."""

    labels: Mapping[str, str]
    at: datetime
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One series of a range query."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenRule:
    """An alerting rule as Prometheus evaluates it: its expression, and the labels that it adds."""

    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)


class MetricsReader(Protocol):
    """Asks Prometheus."""

    async def alerting_rules(self, name: str) -> tuple[SeenRule, ...]:
        """Its alerting rules of that name; none where it evaluates none."""
        ...

    async def query(self, promql: str, *, at: datetime | None = None) -> tuple[Sample, ...]:
        """The value of an expression now or at a time."""
        ...

    async def query_range(
        self, promql: str, *, start: datetime, end: datetime, step: float
    ) -> tuple[Series, ...]:
        """The values of an expression over a time; `step` in seconds."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenAlert:
    """An alert as Alertmanager itself holds it.

    `receivers` are those that its routes lead to now, written as webhooks write them; empty where that is
    not known.
    """

    fingerprint: str
    labels: Mapping[str, str]
    starts_at: datetime
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """A silence as Alertmanager holds it."""

    id: str
    state: str
    comment: str
    created_by: str
    starts_at: datetime
    ends_at: datetime


class AlertmanagerReader(Protocol):
    """Asks Alertmanager."""

    async def alerts(self) -> tuple[SeenAlert, ...]:
        """Every alert it holds, suppressed ones among them."""
        ...

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence it holds, ended ones among them."""
        ...

    async def started_at(self) -> datetime:
        """When it started: just after, it knows less than there is."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """A registered model's version."""

    name: str
    version: str
    aliases: tuple[str, ...]
    created_at: datetime
    run_id: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """A run that measured a version in production."""

    run_id: str
    at: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)


class ModelReader(Protocol):
    """Asks the model registry. Numbers that are not finite are left out of metrics."""

    async def version_by_alias(self, *, name: str, alias: str) -> ModelVersion:
        """The version behind an alias. Raises NotFound where there is none."""
        ...

    async def version(self, *, name: str, version: str) -> ModelVersion:
        """A version by its number. Raises NotFound where there is none."""
        ...

    async def versions(self, *, name: str) -> tuple[ModelVersion, ...]:
        """The newest versions, the newest first, a few of them; none where there is no such model."""
        ...

    async def evaluations(self, *, name: str, version: str) -> tuple[Evaluation, ...]:
        """The newest finished runs called `production_evaluation` of a version, the newest first.

        Of a version are those whose tag `model_version` names it; runs without the tag, of the time since the
        version was made.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeAnswer:
    """What came back: after how long, and in a few words (an HTTP status, the addresses of a name)."""

    seconds: float
    said: str


class NetworkProber(Protocol):
    """Tries to reach what a service depends on, from where the bot runs."""

    async def probe(self, target: ProbeTarget) -> ProbeAnswer:
        """Try once, bounded in time. Raises Temporary, in words, where it cannot be reached.

        Raises Permanent for an address that is never asked. For HTTP every status is an answer.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedDrift:
    """A drift report as the store has it, and when it was made.

    `run` is the run that made it, `newest` the newest run of the service, which may have failed or still be
    under way; `trend` are the newest scores, this one the last. They are empty where only a report is known.
    """

    report: DriftReport
    made_at: datetime
    run: DriftRun | None = None
    newest: DriftRun | None = None
    trend: tuple[DriftPoint, ...] = ()


class DriftReader(Protocol):
    """Knows the published drift reports."""

    async def latest(self, service: str) -> PublishedDrift | None:
        """A service's newest one; None where there is none yet."""
        ...


class NoDriftReports:
    """A `DriftReader` where nothing is ever published."""

    async def latest(self, service: str) -> PublishedDrift | None:  # noqa: ARG002 - the port's
        """None."""
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Readers:
    """All readers, as checks get them."""

    cluster: ClusterReader
    metrics: MetricsReader
    alertmanager: AlertmanagerReader
    models: ModelReader
    network: NetworkProber
    drift: DriftReader = field(default_factory=NoDriftReports)
