"""The configuration: `lightship.yaml`, what the environment adds to it, and the environment's own variables.

Read once at start by the command line and handed to `bot.bootstrap` as values.
"""

from bot.settings.environment import Environment, read_environment, reasons_not_to_run
from bot.settings.loading import LoadedSettings, load_settings
from bot.settings.models import (
    DriftSettings,
    FallbackSettings,
    GrafanaSettings,
    HeartbeatSettings,
    IntakeSettings,
    KubernetesSettings,
    MetricSettings,
    ModelSettings,
    RetentionSettings,
    ServiceSettings,
    Settings,
)
from bot.settings.policies import ApprovalRuleSettings, RemediationSettings, ScaleLimits

__all__ = [
    "ApprovalRuleSettings",
    "DriftSettings",
    "Environment",
    "FallbackSettings",
    "GrafanaSettings",
    "HeartbeatSettings",
    "IntakeSettings",
    "KubernetesSettings",
    "LoadedSettings",
    "MetricSettings",
    "ModelSettings",
    "RemediationSettings",
    "RetentionSettings",
    "ScaleLimits",
    "ServiceSettings",
    "Settings",
    "load_settings",
    "read_environment",
    "reasons_not_to_run",
]
