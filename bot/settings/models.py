"""`lightship.yaml` as pydantic models: every key, its kind, its default, and what it is for.

Loaded by `bot.settings.loading`; `lightship schema config` prints their JSON Schema.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from bot.documents.kinds import (
    ByteSize,
    ChannelId,
    Duration,
    GroupOrUserId,
    MatcherText,
    Named,
    Number,
    PositiveCount,
    PositiveDuration,
    SeverityWord,
    Strict,
    Text,
    WebAddress,
)
from bot.domain.schedules import with_named_days
from bot.domain.severity import Severity
from bot.settings.connectivity import ShownAddress, TargetSettings  # noqa: TC001 - pydantic reads them
from bot.settings.escalation import CheckSettings, EscalationSettings, StormSettings
from bot.settings.policies import RemediationSettings, RemediationsSettings
from bot.settings.retraining import RetrainingSettings

_OBJECT: Final = Named(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", "the name of a Kubernetes object")
_PREFIX: Final = Named(r"^[a-zA-Z_][a-zA-Z0-9_]*$", "a prefix of letters, digits and `_`")
_COMMAND: Final = Named(r"^/[a-z0-9_-]{1,31}$", "a slash command such as /shop")
_SERVICE: Final = Named(
    r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$", "a name of small letters, digits, `-` and `_`"
)

ObjectName = Annotated[str, _OBJECT]
MetricPrefix = Annotated[str, _PREFIX]
Command = Annotated[str, _COMMAND]
ServiceName = Annotated[str, _SERVICE]


def _cron(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - only where a schedule is configured

    try:
        CronTrigger.from_crontab(with_named_days(value), timezone="UTC")
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{value[:60]}` is not a cron schedule of five fields: {error}") from error
    return value


Cron = Annotated[str, BeforeValidator(_cron)]


class KubernetesSettings(Strict):
    """The objects of the service in the cluster."""

    namespace: ObjectName = Field(description="the namespace of the service")
    deployment: ObjectName = Field(description="the Deployment that serves it")
    cronjob: ObjectName | None = Field(default=None, description="the CronJob that trains its model")
    hpa: ObjectName | None = Field(
        default=None, description="its HorizontalPodAutoscaler; found by its target when not named"
    )


class ModelSettings(Strict):
    """The service's model in the MLflow registry."""

    name: Text
    alias: Text = Field(default="Production", description="the alias of the version in production")
    baseline: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        default=None, description="accuracy to compare with; that of the version before when not given"
    )


class PredictionDriftSettings(Strict):
    """Where predictions are, to compare them as well."""

    reference: Text
    current: Text
    column: Text = "prediction"


class DriftWindowSettings(Strict):
    """The current rows that a run looks at: those of the last while before its tick."""

    column: Text = Field(
        default="date", description="a column of dates or times, or a partition key of dates"
    )
    last: PositiveDuration = Field(description="how far back they reach")


class DriftSettings(Strict):
    """What is compared with what, and when."""

    reference: Text = Field(description="data or a saved profile: what the model was trained on")
    current: Text = Field(description="a file or folder: what it is asked about now")
    schedule: Cron | None = Field(
        default="0 * * * *",
        description="five fields of cron, in UTC; null where `lightship drift run` is run by something else",
    )
    window: DriftWindowSettings | None = Field(default=None, description="all current rows when not given")
    target: Text | None = Field(default=None, description="the column that is predicted; never compared")
    exclude: tuple[Text, ...] = Field(default=(), description="columns that are not compared")
    features: tuple[Text, ...] = Field(default=(), description="the columns that are; all when empty")
    weights: dict[str, Annotated[Number, Field(ge=0)]] = Field(
        default_factory=dict, description="importance by column"
    )
    predictions: PredictionDriftSettings | None = None
    memory: ByteSize = Field(
        default=1 << 30, description="of the process that compares; a run that needs more fails by itself"
    )
    time_limit: PositiveDuration = Field(
        default=timedelta(minutes=15), description="of a run; one that takes longer fails"
    )
    pushgateway: ShownAddress | None = Field(
        default=None,
        description="where `lightship drift run` pushes the scores, for stores that no bot publishes from",
    )


class MetricSettings(Strict):
    """A named query, for `/shop metrics`, runbooks and verification."""

    query: Text = Field(description="PromQL that gives one number")
    unit: str = Field(default="", description="of the number: s, requests/s, ratio, bytes, …")
    threshold: Number | None = Field(default=None, description="beyond it the metric is bad")
    worse: Literal["above", "below"] = Field(
        default="above", description="the side of the threshold that is bad"
    )
    title: str = ""

    @model_validator(mode="after")
    def _one_side(self) -> MetricSettings:
        if self.worse == "below" and self.threshold is None:
            raise ValueError("`worse` says which side of a `threshold` is bad; give one")
        return self


class LinkSettings(Strict):
    """Addresses that messages link to, for people's browsers."""

    dashboard: WebAddress | None = None
    prometheus: WebAddress | None = None
    alertmanager: WebAddress | None = None


class ServiceSettings(Strict):
    """One watched service: where it runs, who looks after it, which alerts are its own."""

    channel: ChannelId = Field(description="id of the Slack channel of its incidents")
    match: tuple[MatcherText, ...] = Field(
        min_length=1, description="Alertmanager matchers; the first service they all match takes the alert"
    )
    command: Command | None = Field(
        default=None, description="its slash command; `/` and the service's name when not given"
    )
    kubernetes: KubernetesSettings | None = None
    model: ModelSettings | None = None
    drift: DriftSettings | None = None
    oncall: GroupOrUserId | None = Field(default=None, description="mentioned where `mention` says so")
    approvers: tuple[GroupOrUserId, ...] = Field(default=(), description="who may approve remediations")
    viewers: tuple[GroupOrUserId, ...] = Field(
        default=(), description="who may look; every full member who asks in the channel when empty"
    )
    responders: tuple[GroupOrUserId, ...] = Field(
        default=(), description="who may acknowledge, resolve, silence; as viewers when empty"
    )
    mention: tuple[SeverityWord, ...] = Field(
        default=(Severity.P1,), description="severities whose first post mentions people"
    )
    metrics_prefix: MetricPrefix | None = Field(
        default=None, description="of the published drift metrics; the service's name when not given"
    )
    metrics: dict[str, MetricSettings] = Field(default_factory=dict, description="Prometheus queries by name")
    connectivity: tuple[TargetSettings, ...] = Field(
        default=(), description="what the service depends on, tried from where the bot runs"
    )
    links: LinkSettings = LinkSettings()
    remediation: RemediationSettings = RemediationSettings()
    retraining: RetrainingSettings = RetrainingSettings()


class HeartbeatSettings(Strict):
    """An alert that always fires; its absence says that Alertmanager is silent."""

    match: tuple[MatcherText, ...] = Field(
        min_length=1, description="matchers of that alert, such as Watchdog; it opens no incident"
    )
    within: PositiveDuration = Field(
        default=timedelta(minutes=10),
        description="silence for so long is told in default_channel; its route must repeat more often",
    )


class FallbackSettings(Strict):
    """Where incidents go as JSON when Slack takes nothing."""

    url: SecretStr = Field(description="an http(s) address; it counts as a secret")
    after: PositiveDuration = Field(
        default=timedelta(minutes=10), description="so long an opening may wait for Slack"
    )

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("an address that begins with http:// or https:// is expected")
        return value


class GrafanaSettings(Strict):
    """Where incidents and remediations are marked in graphs."""

    url: Text = Field(description="Grafana's http(s) address")
    token: SecretStr = Field(description="of a service account that may read and write annotations")

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("an address that begins with http:// or https:// is expected")
        return value


class IntakeSettings(Strict):
    """How alerts are taken in."""

    queue: PositiveCount = Field(default=1000, description="webhooks that may wait; beyond it 503")
    max_body: ByteSize = Field(default=16 * 1024 * 1024, description="of a webhook")
    resolve_settle: Duration = Field(
        default=timedelta(seconds=60), description="a firing so soon after its resolve is a late repeat"
    )
    reopen_within: Duration = Field(
        default=timedelta(minutes=15), description="a new firing so soon after the end reopens the incident"
    )
    resolve_timeout: PositiveDuration = Field(
        default=timedelta(minutes=5), description="missing in Alertmanager for so long, an incident closes"
    )


class RetentionSettings(Strict):
    """How long things are kept. The audit trail is kept for ever."""

    payloads: PositiveDuration = timedelta(days=30)
    findings: PositiveDuration = timedelta(days=30)
    logs: PositiveDuration = timedelta(days=30)
    notices: PositiveDuration = Field(
        default=timedelta(days=30), description="what Lightship told of itself in the default channel"
    )
    drift_reports: PositiveDuration = Field(
        default=timedelta(days=90),
        description="whole reports and their files; the newest of each service stays",
    )
    incidents: PositiveDuration = Field(
        default=timedelta(days=400),
        description="also storms, actions outside of incidents, and a line with the score of each drift run",
    )


class Settings(Strict):
    """All of `lightship.yaml`."""

    services: dict[ServiceName, ServiceSettings] = Field(
        min_length=1, description="the watched services, in the order in which alerts are offered to them"
    )
    default_channel: ChannelId | None = Field(
        default=None, description="of alerts that no service matches, and of the bot's own notices"
    )
    runbooks: tuple[Text, ...] = Field(default=("runbooks",), min_length=1, description="folders of runbooks")
    heartbeat: HeartbeatSettings | None = None
    fallback: FallbackSettings | None = None
    grafana: GrafanaSettings | None = None
    intake: IntakeSettings = IntakeSettings()
    escalation: EscalationSettings = EscalationSettings()
    checks: CheckSettings = CheckSettings()
    storms: StormSettings = StormSettings()
    retention: RetentionSettings = RetentionSettings()
    remediations: RemediationsSettings = RemediationsSettings()

    def command_of(self, service: str) -> str:
        """The slash command of a service; raises KeyError when there is no such service."""
        return self.services[service].command or f"/{service}"

    def metrics_prefix_of(self, service: str) -> str:
        """The prefix of a service's published metrics; raises KeyError when there is no such service."""
        return self.services[service].metrics_prefix or service.replace("-", "_")
