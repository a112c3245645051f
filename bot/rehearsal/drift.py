"""Drift reports in a rehearsal's world: published by what the world says, at its times.

Called by the staging of scenarios. A report is told in a few words; the numbers that nobody reads of it are
left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.domain.drift import (
    ColumnSummary,
    DriftReport,
    DriftSide,
    DriftTest,
    FeatureDrift,
    JointDrift,
    NotCompared,
    PredictionDrift,
    SchemaChanges,
    verdict_of,
)
from bot.domain.drift_runs import DriftPoint
from bot.ports.readers import PublishedDrift

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ROWS: Final = 5_000
"""On both sides of a report, unless it says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A feature that moved, with its effect from 0 to 1 and the shares of missing values before and now."""

    effect: float
    reason: str
    missing_before: float = 0.0
    missing: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A report as a world tells it. Without a score there was too little data, as `reason` says."""

    score: float | None
    reason: str = ""
    rows: int = ROWS
    features: Mapping[str, Moved] = field(default_factory=dict)
    steady: int = 0
    not_compared: Mapping[str, str] = field(default_factory=dict)
    predictions: float | None = None


class RehearsalDrift:
    """`bot.ports.readers.DriftReader` in memory: the world has one service, whose reports these are."""

    def __init__(self) -> None:
        self._published: list[PublishedDrift] = []

    def publish(self, told: Told, *, made_at: datetime) -> None:
        """A report is there from now on."""
        trend = (
            *(self._published[-1].trend if self._published else ()),
            DriftPoint(at=made_at, score=told.score, run_id=""),
        )
        self._published.append(PublishedDrift(report=report_of(told), made_at=made_at, trend=trend))

    async def latest(self, service: str) -> PublishedDrift | None:  # noqa: ARG002 - the world has one
        """The newest one; None where there is none yet."""
        return self._published[-1] if self._published else None


def report_of(told: Told) -> DriftReport:
    """The report with everything that people are shown."""
    moved = [_feature(name, one, told.rows) for name, one in told.features.items()]
    still = [_feature(f"column_{n}", Moved(effect=0.0, reason=""), told.rows) for n in range(told.steady)]
    predictions = None
    if told.predictions is not None:
        predictions = PredictionDrift(score=told.predictions, reason="", rows=(ROWS, told.rows))
    return DriftReport(
        verdict=verdict_of(told.score),
        score=told.score,
        reason=told.reason,
        seed_score=None,
        joint=JointDrift(value=None, reason="a rehearsal's report has none"),
        features=(*moved, *still),
        not_compared=tuple(NotCompared(name=name, reason=why) for name, why in told.not_compared.items()),
        schema=SchemaChanges(),
        reference=DriftSide(name="reference", rows=ROWS),
        current=DriftSide(name="current", rows=told.rows),
        predictions=predictions,
    )


def _feature(name: str, moved: Moved, rows: int) -> FeatureDrift:
    return FeatureDrift(
        name=name,
        test=DriftTest.KS,
        statistic=None,
        p_value=None,
        q_value=None,
        distance=None,
        bracket=None,
        unseen=0.0,
        unseen_content=(),
        effect=moved.effect,
        weight=1.0,
        reason=moved.reason,
        reference=ColumnSummary(rows=ROWS, missing=moved.missing_before),
        current=ColumnSummary(rows=rows, missing=moved.missing),
    )
