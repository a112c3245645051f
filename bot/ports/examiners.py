"""What `lightship doctor` and `lightship init` ask beside the readers: how things are set up around the bot.

Every method raises `Temporary`, `Forbidden` or another `Permanent`, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.granted import Granted


class OwnRights(Protocol):
    """What the bot's own account may do in the cluster."""

    async def granted(self, namespace: str) -> tuple[Granted, ...]:
        """Every rule that holds for it in a namespace."""
        ...


class AlertRoutes(Protocol):
    """Where Alertmanager sends alerts."""

    async def webhooks(self) -> Mapping[str, tuple[str, ...]]:
        """By receiver the address of each webhook; empty where Alertmanager hides it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """An alerting rule as it is configured; `hold` in seconds."""

    name: str
    expression: str
    hold: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class RuleBook(Protocol):
    """Which alerts there can be."""

    async def every_alerting_rule(self) -> tuple[AlertRule, ...]:
        """All alerting rules that are evaluated, in their order."""
        ...
