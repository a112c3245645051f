"""When a retraining is proposed, and what refuses it, as configured. Part of `ServiceSettings`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StrictBool

from bot.documents.kinds import Number, PositiveCount, PositiveDuration, Strict

Share = Annotated[Number, Field(ge=0, le=1)]


class RetrainingSettings(Strict):
    """What speaks for a retraining, and what stands in its way; somebody approves it in any case."""

    propose: StrictBool = Field(
        default=True, description="ask for an approval when something speaks for it; false: only people ask"
    )
    drift_above: Share = Field(default=0.3, description="a drift score above it speaks for a retraining")
    accuracy_drop: Share = Field(
        default=0.05, description="an accuracy in production so far below the baseline speaks for one"
    )
    oldest: PositiveDuration = Field(
        default=timedelta(days=30), description="a model older than this speaks for one"
    )
    min_days_since_training: Annotated[Number, Field(ge=0)] = Field(
        default=7, description="never sooner after the last training, in days"
    )
    fewest_rows: PositiveCount = Field(default=1_000, description="with fewer fresh rows it is refused")
    most_a_week: PositiveCount = Field(
        default=2, description="trainings that may be asked for within seven days, beside the schedule"
    )
    broken_above: Share = Field(
        default=0.5,
        description="it is refused where missing or never seen content makes more of the drift",
    )
    report_holds: PositiveDuration = Field(
        default=timedelta(hours=48), description="an older drift report says nothing"
    )
    rest: PositiveDuration = Field(default=timedelta(days=1), description="between two proposals")
