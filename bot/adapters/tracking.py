"""Drift runs in MLflow, behind `bot.ports.comparing.Tracker`: metrics, report and profile as one run.

By the worker process that asks MLflow (`bot.adapters.models`); nothing of mlflow is loaded here.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Temporary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.adapters.models import MlflowModels
    from bot.domain.drift import DriftReport
    from bot.domain.drift_runs import DriftRun, Tracked

EXPERIMENT: Final = "drift_detection"
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_\-. /]")
_LONGEST_NAME: Final = 200


class MlflowTracker:
    """`bot.ports.comparing.Tracker`."""

    def __init__(self, models: MlflowModels) -> None:
        self._models = models

    async def log(self, tracked: Tracked, *, page: str, report_json: str) -> str:
        """Keep the run; MLflow's id of it. Raises Temporary or Permanent."""
        run, report = tracked.run, tracked.report
        artifacts = {"drift-report.json": report_json.encode(), "drift-report.html": page.encode()}
        if tracked.profile is not None:
            artifacts["reference.profile"] = tracked.profile
        answer = await self._models.ask(
            {
                "do": "log",
                "experiment": EXPERIMENT,
                "run_id": run.id,
                "run_name": f"{EXPERIMENT} {run.service}",
                "started_ms": int(run.started_at.timestamp() * 1000),
                "ended_ms": int((run.ended_at or run.started_at).timestamp() * 1000),
                "metrics": metrics_of(report),
                "params": _params(run, report),
                "tags": {"lightship.verdict": report.verdict.value, "lightship.reason": report.reason},
                "artifacts": {name: base64.b64encode(made).decode() for name, made in artifacts.items()},
            }
        )
        try:
            return str(answer["run_id"])
        except KeyError as error:
            raise Temporary("MLflow's answer cannot be read") from error


def metrics_of(report: DriftReport) -> dict[str, float]:
    """The numbers of a report by the names that the experiment always had; unknown ones are left out."""
    predictions = report.predictions
    schema = report.schema
    known: dict[str, float | None] = {
        "overall_drift_score": report.score,
        "features_with_drift": sum(feature.drifted for feature in report.features),
        "joint_score": report.joint.value,
        "prediction_drift_score": predictions.score if predictions else None,
        "seed_score": report.seed_score,
        "reference_rows": report.reference.rows,
        "current_rows": report.current.rows,
        "schema_changed_columns": len(schema.missing) + len(schema.added) + len(schema.retyped),
    }
    names = unique_names([feature.name for feature in report.features])
    for feature in report.features:
        known[f"drift_effect_{names[feature.name]}"] = feature.effect
        known[f"drift_pvalue_{names[feature.name]}"] = feature.p_value
    return {name: float(value) for name, value in known.items() if value is not None}


def unique_names(columns: list[str]) -> Mapping[str, str]:
    """Names that MLflow takes, a different one for each column."""
    taken: dict[str, str] = {}
    for column in columns:
        name = base = _NOT_ALLOWED.sub("_", column)[:_LONGEST_NAME].strip("/. ") or "_"
        number = 2
        while name in taken.values():
            name, number = f"{base}_{number}", number + 1
        taken[column] = name
    return taken


def _params(run: DriftRun, report: DriftReport) -> dict[str, str]:
    window = run.window
    return {
        "service": run.service,
        "trigger": run.trigger.value,
        "model_version": run.model_version,
        "reference": report.reference.name,
        "current": report.current.name,
        "window_start": window.start.isoformat() if window and window.start else "",
        "window_end": window.end.isoformat() if window and window.end else "",
    }
