"""Drift reports as messages show them, for the golden files and for the tests of any input."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.domain.drift import (
    ColumnSummary,
    DriftReport,
    DriftSide,
    DriftTest,
    DriftVerdict,
    FeatureDrift,
    JointDrift,
    NotCompared,
    PredictionDrift,
    SchemaChanges,
    UnseenContent,
)
from bot.domain.drift_runs import DriftPoint, DriftRun, DriftRunState, DriftTrigger, DriftWindow
from bot.rendering.views import DriftView, JobView
from tests.rendering.samples import NOW

_SCORES = (0.04, 0.05, 0.04, 0.12, 0.2, None, 0.31, 0.62)


def drift_run(**changes: Any) -> DriftRun:
    """The run of the hour."""
    at = NOW - timedelta(minutes=12)
    values: dict[str, Any] = {
        "id": "3f2c9a",
        "service": "churn",
        "trigger": DriftTrigger.SCHEDULE,
        "started_at": at - timedelta(seconds=4),
        "tick": at,
        "window": DriftWindow(column="day", start=at - timedelta(days=1), end=at),
        "model_version": "7",
        "state": DriftRunState.SUCCEEDED,
        "ended_at": at,
        "score": 0.62,
        "shown_with": "3f2c9a",
    }
    return DriftRun(**{**values, **changes})


def drift_feature(name: str, effect: float, reason: str, **changes: Any) -> FeatureDrift:
    """A column of numbers that moved."""
    values: dict[str, Any] = {
        "test": DriftTest.KS,
        "statistic": effect / 2.5,
        "p_value": 1e-9,
        "q_value": 1e-8,
        "distance": effect / 2.5,
        "bracket": None,
        "unseen": 0.0,
        "unseen_content": (),
        "weight": 1.0,
        "reference": ColumnSummary(rows=70_000, missing=0.01, minimum=0.0, median=30.0, maximum=72.0),
        "current": ColumnSummary(rows=4_100, missing=0.01, minimum=0.0, median=14.0, maximum=72.0),
    }
    return FeatureDrift(name=name, effect=effect, reason=reason, **{**values, **changes})


def drift_report(**changes: Any) -> DriftReport:
    """Severe drift: a column that moved, a new category, a column that is gone."""
    contract = drift_feature(
        "contract",
        0.5,
        "5.0% of the rows hold what the reference never held (5.0% unseen category `five years`)",
        test=DriftTest.CHI2,
        weight=0.62,
        unseen=0.05,
        unseen_content=(UnseenContent(kind="unseen category `five years`", rows=205, share=0.05),),
        reference=ColumnSummary(rows=70_000, missing=0.0, top=(("month", 0.55), ("year", 0.45))),
        current=ColumnSummary(
            rows=4_100, missing=0.0, top=(("month", 0.51), ("year", 0.44), ("five years", 0.05))
        ),
    )
    tenure = drift_feature("tenure", 0.62, "the distribution moved strongly (D = 0.248, q < 0.0001)")
    values: dict[str, Any] = {
        "verdict": DriftVerdict.SEVERE,
        "score": 0.62,
        "reason": "Severe drift: the score is 0.62, above 0.5. Most of it: tenure, contract.",
        "seed_score": 0.71,
        "joint": JointDrift(value=0.58),
        "features": (contract, tenure, drift_feature("calls", 0.0, "no significant change")),
        "not_compared": (NotCompared(name="customer_id", reason="an identifier by its name"),),
        "schema": SchemaChanges(missing=("plan",), added=("referrer",)),
        "reference": DriftSide(name="data/reference.parquet", rows=70_000, model_version="7"),
        "current": DriftSide(name="data/current", rows=4_100),
        "predictions": PredictionDrift(
            score=0.18, reason="the distribution moved (D = 0.072, q = 0.0003)", rows=(70_000, 4_100)
        ),
    }
    return DriftReport(**{**values, **changes})


def drift_view(**changes: Any) -> DriftView:
    """The report of the hour with what led to it."""
    values: dict[str, Any] = {
        "service": "churn",
        "command": "/churn",
        "report": drift_report(),
        "run": drift_run(),
        "newest": drift_run(),
        "trend": tuple(
            DriftPoint(at=NOW - timedelta(hours=8 - place), score=score, run_id=str(place))
            for place, score in enumerate(_SCORES)
        ),
        "tracker_id": "f00dfeed",
        "followed_by": None,
        "now": NOW,
    }
    return DriftView(**{**values, **changes})


def steady_view() -> DriftView:
    """No drift, and a newest run that failed."""
    report = drift_report(
        verdict=DriftVerdict.STEADY,
        score=0.04,
        reason="No drift: the score is 0.04, not above 0.3. No column drifted.",
        features=(drift_feature("tenure", 0.0, "no significant change (D = 0.012, q = 0.6)"),),
        schema=SchemaChanges(),
        joint=JointDrift(value=None, reason="it needs rows of the reference"),
        predictions=None,
    )
    failed = drift_run(
        id="9b1d07",
        state=DriftRunState.FAILED,
        reason="data/current does not exist",
        ended_at=NOW - timedelta(minutes=2),
        score=None,
        shown_with="",
    )
    return drift_view(
        report=report, run=drift_run(score=0.04, window=None), newest=failed, trend=(), tracker_id=""
    )


def job_view(**changes: Any) -> JobView:
    """The job that makes them."""
    values: dict[str, Any] = {
        "name": "drift-churn",
        "does": "drift report",
        "schedule": "0 * * * *",
        "last": drift_run(),
        "last_success": drift_run(),
        "next_at": NOW + timedelta(minutes=48),
    }
    return JobView(**{**values, **changes})
