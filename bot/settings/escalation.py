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
