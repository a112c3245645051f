"""What a check looks at: the parts of one configured service. Made by `bot.bootstrap` from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.domain.retraining import RetrainingRules

if TYPE_CHECKING:
    from bot.domain.services import NamedMetric, ProbeTarget


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckTarget:
    """A service's objects; an empty text means that the service has none of that kind."""

    service: str
    namespace: str = ""
    deployment: str = ""
    hpa: str = ""
    cronjob: str = ""
    model: str = ""
    model_alias: str = ""
    model_baseline: float | None = None
    metrics: tuple[NamedMetric, ...] = ()
    connectivity: tuple[ProbeTarget, ...] = ()
    retraining: RetrainingRules = field(default_factory=RetrainingRules)

    def __str__(self) -> str:
        """The service's name."""
        return self.service
