"""A report and a profile as one JSON object each, the contract of `lightship drift report|profile --json`.

Called by the command line and by whoever stores or logs a report. Everything is finite or null.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.domain.drift import BLIND_SPOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.drift import ColumnSummary, DriftReport, FeatureDrift, PredictionDrift
    from bot.drift.profile import Profile


def report_json(report: DriftReport, *, indent: int | None = 2) -> str:
    """The object as strict JSON text; NaN is a ValueError, never output."""
    return json.dumps(report_object(report), indent=indent, ensure_ascii=False, allow_nan=False)


def report_object(report: DriftReport) -> dict[str, Any]:
    """The report with plain values."""
    return {
        "score": report.score,
        "drifted": report.drifted,
        "verdict": report.verdict.value,
        "reason": report.reason,
        "seed_score": report.seed_score,
        "joint": report.joint.value,
        "joint_reason": report.joint.reason,
        "predictions": None if report.predictions is None else _predictions(report.predictions),
        "not_compared": {one.name: one.reason for one in report.not_compared},
        "features": {feature.name: _feature(feature) for feature in report.features},
        "schema_changes": {
            "missing": list(report.schema.missing),
            "added": list(report.schema.added),
            "retyped": list(report.schema.retyped),
        },
        "reference": {
            "name": report.reference.name,
            "rows": report.reference.rows,
            "model_version": report.reference.model_version or None,
        },
        "current": {"name": report.current.name, "rows": report.current.rows},
        "notes": list(report.notes),
        "cannot_see": list(BLIND_SPOTS),
    }


def profile_json(profile: Profile, *, file: str, size: int, unknown: Sequence[str]) -> str:
    """What was saved: `size` in bytes, `unknown` the columns to be left out that are not there."""
    found = {
        "file": file,
        "bytes": size,
        "rows": profile.rows,
        "model_version": profile.model_version or None,
        "compared": [column.name for column in profile.columns if column.compared],
        "not_compared": {column.name: column.reason for column in profile.columns if not column.compared},
        "unknown": list(unknown),
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)


def _feature(feature: FeatureDrift) -> dict[str, Any]:
    return {
        "test": feature.test.value,
        "statistic": feature.statistic,
        "p_value": feature.p_value,
        "q_value": feature.q_value,
        "distance": feature.distance,
        "bracket": None if feature.bracket is None else list(feature.bracket),
        "unseen": feature.unseen,
        "unseen_content": [
            {"kind": content.kind, "rows": content.rows, "share": content.share}
            for content in feature.unseen_content
        ],
        "effect": feature.effect,
        "weight": feature.weight,
        "drifted": feature.drifted,
        "reason": feature.reason,
        "reference": None if feature.reference is None else _summary(feature.reference),
        "current": None if feature.current is None else _summary(feature.current),
    }


def _summary(summary: ColumnSummary) -> dict[str, Any]:
    made: dict[str, Any] = {"rows": summary.rows, "missing": summary.missing}
    if summary.top:
        return {**made, "top": dict(summary.top)}
    return {**made, "minimum": summary.minimum, "median": summary.median, "maximum": summary.maximum}


def _predictions(predictions: PredictionDrift) -> dict[str, Any]:
    sides = {"reference": predictions.rows[0], "current": predictions.rows[1]}
    about = {"score": predictions.score, "rows": sides}
    if predictions.feature is None:
        return {**about, "drifted": False, "reason": predictions.reason}
    return {"column": predictions.feature.name, **about, **_feature(predictions.feature), "rows": sides}
