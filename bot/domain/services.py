"""A watched service as the engines know it: where it runs, where it is talked about, what may be done to it.

Made from `lightship.yaml` by `bot.bootstrap`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.bounds import Bounds
from bot.domain.measures import Worse
from bot.domain.policies import ApprovalPolicy
from bot.domain.retraining import RetrainingRules
from bot.domain.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.access import AccessPolicy
    from bot.domain.matchers import Matcher


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedMetric:
    """A query of the configuration: PromQL for one number, which is bad on one side of its threshold."""

    name: str
    query: str
    title: str = ""
    unit: str = ""
    threshold: float | None = None
    worse: Worse = Worse.ABOVE


class Way(StrEnum):
    """How something is reached."""

    TCP = "tcp"
    HTTP = "http"
    DNS = "dns"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeTarget:
    """Something that the service depends on: `host:port`, a URL with the status to expect, or a host."""

    name: str
    way: Way
    address: str
    expect: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedService:
    """One service. Empty names mean that nothing of the kind is configured.

    How far actions may go is in `approval`, by action and target; `bounds` has what holds for all of them.
    """

    name: str
    channel: str
    command: str
    match: tuple[Matcher, ...]
    namespace: str = ""
    deployment: str = ""
    hpa: str = ""
    cronjob: str = ""
    model: str = ""
    model_alias: str = ""
    model_baseline: float | None = None
    metrics: tuple[NamedMetric, ...] = ()
    connectivity: tuple[ProbeTarget, ...] = ()
    policy: AccessPolicy
    oncall: str = ""
    mention: frozenset[Severity] = frozenset({Severity.P1})
    dashboard_url: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    verify_within: timedelta = timedelta(minutes=10)
    retraining: RetrainingRules = field(default_factory=RetrainingRules)

    @property
    def is_looked_at_only(self) -> bool:
        """Whether nothing of it is ever changed: as configured, or because its namespace is protected."""
        return self.approval.is_looked_at_only or self.namespace in self.approval.protected_namespaces

    def words(self) -> Mapping[str, object]:
        """What a runbook's text can name of it."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "deployment": self.deployment,
            "hpa": self.hpa,
            "cronjob": self.cronjob,
            "model": self.model,
            "command": self.command,
        }
