"""A drift report of a rehearsal's file as the world publishes it. Called by the staging of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.rehearsal.drift import Moved, Told

if TYPE_CHECKING:
    from bot.rehearsal.scenarios.models import DriftReportFile


def told_by(file: DriftReportFile) -> Told:
    """What the file says."""
    return Told(
        score=file.score,
        reason=file.reason or "",
        rows=file.rows,
        features={
            name: Moved(
                effect=one.effect,
                reason=one.reason,
                missing_before=one.missing_before,
                missing=one.missing,
            )
            for name, one in file.features.items()
        },
        steady=file.steady,
        not_compared=dict(file.not_compared),
        predictions=file.predictions,
    )
