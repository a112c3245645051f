"""What is probably broken, by name: a failure mode seen in an object, with the field and what mends it.

Made by `bot.checks` (without a runbook's help), kept with their finding, ranked beside the causes of
runbooks. Nothing here was guessed: a suspect says what it was read from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class FailureMode(StrEnum):
    """The ways in which a service on Kubernetes fails that have a name."""

    IMAGE_MISSING = "image_missing"
    IMAGE_PULL_REFUSED = "image_pull_refused"
    IMAGE_ARCHITECTURE = "image_architecture"
    IMAGE_PULL_FAILS = "image_pull_fails"
    COMMAND_WRONG = "command_wrong"
    EXITS_WITH_ERROR = "exits_with_error"
    OUT_OF_MEMORY = "out_of_memory"
    LIVENESS_KILLS = "liveness_kills"
    READINESS_NEVER_PASSES = "readiness_never_passes"
    READINESS_FLAPS = "readiness_flaps"
    INIT_CONTAINER_HANGS = "init_container_hangs"
    INIT_CONTAINER_FAILS = "init_container_fails"
    CONFIG_MAP_MISSING = "config_map_missing"
    SECRET_MISSING = "secret_missing"  # noqa: S105 - the name of a failure
    CONFIG_KEY_MISSING = "config_key_missing"
    VOLUME_CLAIM_UNBOUND = "volume_claim_unbound"
    MOUNT_FAILS = "mount_fails"
    UNSCHEDULABLE_CPU = "unschedulable_cpu"
    UNSCHEDULABLE_MEMORY = "unschedulable_memory"
    UNSCHEDULABLE_NODE_SELECTOR = "unschedulable_node_selector"
    UNSCHEDULABLE_AFFINITY = "unschedulable_affinity"
    UNSCHEDULABLE_ANTI_AFFINITY = "unschedulable_anti_affinity"
    UNSCHEDULABLE_TAINT = "unschedulable_taint"
    NODE_CORDONED = "node_cordoned"
    NODE_NOT_READY = "node_not_ready"
    EVICTED_BY_PRESSURE = "evicted_by_pressure"
    PREEMPTED = "preempted"
    REFUSED_BY_QUOTA = "refused_by_quota"
    REFUSED_BY_LIMIT_RANGE = "refused_by_limit_range"
    REFUSED_BY_WEBHOOK = "refused_by_webhook"
    WEBHOOK_WITHOUT_PODS = "webhook_without_pods"
    ROLLOUT_PAST_DEADLINE = "rollout_past_deadline"
    ROLLOUT_PAUSED = "rollout_paused"
    DISRUPTION_BUDGET_BLOCKS = "disruption_budget_blocks"
    AUTOSCALER_AT_MAXIMUM = "autoscaler_at_maximum"
    AUTOSCALER_WITHOUT_METRICS = "autoscaler_without_metrics"
    AUTOSCALER_WRONG_TARGET = "autoscaler_wrong_target"
    AUTOSCALER_UNDOES_SCALE = "autoscaler_undoes_scale"
    SERVICE_SELECTS_NOTHING = "service_selects_nothing"
    SERVICE_PORT_MATCHES_NOTHING = "service_port_matches_nothing"
    NETWORK_POLICY_SHUTS_PORT = "network_policy_shuts_port"
    DNS_POLICY = "dns_policy"
    JOB_OVER_BACKOFF_LIMIT = "job_over_backoff_limit"
    JOB_OVER_DEADLINE = "job_over_deadline"
    CRON_JOB_SUSPENDED = "cron_job_suspended"
    CRON_JOB_MISSED = "cron_job_missed"
    CHANGED_IMAGE = "changed_image"
    CHANGED_ENVIRONMENT = "changed_environment"
    CHANGED_RESOURCES = "changed_resources"
    CHANGED_PROBE = "changed_probe"
    CHANGED_COMMAND = "changed_command"
    CONFIG_MAP_NEWER = "config_map_newer"

    @property
    def is_change(self) -> bool:
        """Whether it says that something changed, and not that something is broken."""
        return self in _CHANGES


_CHANGES = frozenset(
    {
        FailureMode.CHANGED_IMAGE,
        FailureMode.CHANGED_ENVIRONMENT,
        FailureMode.CHANGED_RESOURCES,
        FailureMode.CHANGED_PROBE,
        FailureMode.CHANGED_COMMAND,
        FailureMode.CONFIG_MAP_NEWER,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """One failure mode seen in one object.

    `title` is a sentence for a person, `subject` the object (`deployment shop-api`), `field` the path in it,
    `value` what stands there now, `mend` what to do about it. `certainty` goes from 0 to 1; `evidence` are
    sentences. `since` is when it began, where that is known. `action` names the kind of remediation that
    mends it (`rollback`), empty where a person has to.
    """

    mode: FailureMode
    title: str
    subject: str
    field: str = ""
    value: str = ""
    mend: str = ""
    certainty: float
    evidence: tuple[str, ...] = ()
    since: datetime | None = None
    action: str = ""

    def before(self, alert_at: datetime) -> timedelta | None:
        """How long before the alert it began; negative after it, None where its begin is not known."""
        return None if self.since is None else alert_at - self.since
