"""Settings of escalation, reminders and storms, as parts of `bot.settings.models`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from bot.documents.kinds import Number, PositiveCount, PositiveDuration, SeverityWord, Strict
from bot.domain.escalation import Holder
from bot.domain.severity import Severity

_EVERY: Final = timedelta(seconds=15)


class ReminderSettings(Strict):
    """Reminders of incidents that nobody has acknowledged."""

    after: dict[SeverityWord, PositiveDuration] = Field(
        default={Severity.P1: timedelta(minutes=10)},
        description="by severity, after how long; a severity that is not named has none",
    )
    at_most: Annotated[PositiveCount, Field(le=20)] = Field(default=3, description="so often an incident")
    backoff: Annotated[Number, Field(ge=1, le=10)] = Field(
        default=2, description="each pause is so many times the one before"
    )


class EscalationSettings(Strict):
    """How the runbooks' escalation rules are evaluated, and what holds them back."""

    every: PositiveDuration = Field(default=_EVERY, description="so often Prometheus is asked")
    held_by: tuple[Holder, ...] = Field(
        default=(Holder.ACKNOWLEDGEMENT, Holder.SILENCE),
        description="what keeps a rule from escalating while it lasts; an empty list lets nothing hold it",
    )
    reminders: ReminderSettings = ReminderSettings()


class StormSettings(Strict):
    """When a channel's new incidents are gathered in one digest message."""

    begins_above: PositiveCount = Field(
        default=10, description="more new incidents than that within a minute begin a storm"
    )
    ends_at: PositiveCount = Field(default=3, description="so few within a minute, for `calm`, end it")
    calm: PositiveDuration = Field(default=timedelta(minutes=3), description="how long few must be new")
    own_critical: PositiveCount = Field(
        default=5, description="so many P1 of a storm have their own messages all the same"
    )


class CheckSettings(Strict):
    """What checks may cost."""

    calls_per_second: Annotated[PositiveCount, Field(le=1_000)] = Field(
        default=50, description="of the Kubernetes API and Prometheus, by a replica's checks"
    )
