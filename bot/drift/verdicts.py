"""A report in words, and weights from importances.

Pure; called by `bot.drift.report` and the command line.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bot.domain.drift import ALERT_ABOVE, ESCALATE_ABOVE, DriftReport, DriftVerdict
from bot.domain.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Mapping


def reason_of(report: DriftReport) -> str:
    """One or two sentences: how much, against which threshold, and because of which columns."""
    if report.score is None:
        return report.reason
    worst = report.worst(3)
    predictions = report.predictions
    names = [feature.name for feature in worst]
    if (
        predictions
        and predictions.feature
        and predictions.feature.drifted
        and predictions.feature.name not in names
    ):
        names.append(f"the prediction ({predictions.feature.name})")
    because = f" Most of it: {', '.join(names)}." if names else " No column drifted."
    return f"{_headline(report.verdict, report.score)}{because}"


def _headline(verdict: DriftVerdict, score: float) -> str:
    match verdict:
        case DriftVerdict.SEVERE:
            return f"Severe drift: the score is {score:.2f}, above {ESCALATE_ABOVE}."
        case DriftVerdict.DRIFTED:
            return f"Drift: the score is {score:.2f}, above {ALERT_ABOVE}."
        case _:
            return f"No drift: the score is {score:.2f}, not above {ALERT_ABOVE}."


def relative_weights(importances: Mapping[str, Any]) -> dict[str, float]:
    """Importance over the largest importance. Raises Permanent for what is no importance."""
    for name, value in importances.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or value < 0
        ):
            raise Permanent(f"the weight of `{name}` is not a number of 0 or more")
    largest = max(importances.values(), default=0)
    if importances and largest <= 0:
        raise Permanent("every weight is 0, so nothing would be scored")
    return {name: value / largest for name, value in importances.items()}
