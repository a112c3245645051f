"""Facts that a retraining is decided by; each test fills in what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.domain.drift import DriftSide, UnseenContent
from bot.domain.retraining import TrainingFacts
from bot.ports.readers import ModelVersion
from bot.testing import START
from tests.making import make_drift_report, make_feature_drift
from tests.planning import ALIAS, MODEL

if TYPE_CHECKING:
    from bot.domain.drift import DriftReport, FeatureDrift

DAY = timedelta(days=1)


def make_facts(**changes: Any) -> TrainingFacts:
    """A model of twelve days that does as it should on data that has not moved; no training runs."""
    values: dict[str, Any] = {
        "report": make_drift_report(score=0.12),
        "reported_at": START - timedelta(hours=1),
        "version": "7",
        "made_at": START - 12 * DAY,
        "baseline": 0.914,
        "baseline_words": "what version 7 had in training",
        "accuracy": 0.905,
        "evaluated_at": START - DAY,
        "trained_at": START - 12 * DAY,
        "newest_version": 7,
        "running": (),
        "begun": (),
    }
    return TrainingFacts(**{**values, **changes})


def moved(name: str, effect: float) -> FeatureDrift:
    """A column whose shape moved."""
    return make_feature_drift(name, effect=effect)


def emptied(name: str, share: float) -> FeatureDrift:
    """A column of which a share came missing; nothing else of it moved."""
    content = (UnseenContent(kind="missing", rows=round(share * 1200), share=share),)
    return replace(
        make_feature_drift(name, effect=min(1.0, 10 * share)), unseen=share, unseen_content=content
    )


def drifted(*features: FeatureDrift, score: float = 0.46, rows: int = 5_000) -> DriftReport:
    """A report of these columns."""
    return make_drift_report(score=score, features=features, current=DriftSide(name="current", rows=rows))


def make_version(number: str, *, days: float, alias: bool = False, **metrics: float) -> ModelVersion:
    """A version of the churn model, made so many days ago."""
    return ModelVersion(
        name=MODEL,
        version=number,
        aliases=(ALIAS,) if alias else (),
        created_at=START - days * DAY,
        run_id=f"run-{number}",
        metrics=metrics,
    )
