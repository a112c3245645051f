"""How good the inputs are: the share of values that are there, plausible and known, from 0 to 1 each.

Called for every request; the scores are means over the newest rows, so that a single odd customer moves
little and a broken upstream shows within minutes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from examples.churn.features import CATEGORICAL, FEATURES, NUMERIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECENT: Final = 500
CHECKS: Final = ("completeness", "range", "known_categories")


class QualityWindow:
    """The scores over the newest rows."""

    def __init__(self) -> None:
        self._rows: dict[str, deque[float]] = {check: deque(maxlen=RECENT) for check in CHECKS}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take these rows into account."""
        for row in rows:
            for check, score in row_scores(row).items():
                self._rows[check].append(score)

    def scores(self) -> dict[str, float]:
        """Each check's mean; 1 before the first row."""
        return {check: sum(rows) / len(rows) if rows else 1.0 for check, rows in self._rows.items()}


def row_scores(row: Mapping[str, Any]) -> dict[str, float]:
    """The scores of one row; a missing value costs completeness alone."""
    given = [name for name in FEATURES if row.get(name) is not None]
    numbers = [feature for feature in NUMERIC if feature.name in given]
    words = [feature for feature in CATEGORICAL if feature.name in given]
    plausible = sum(feature.low <= row[feature.name] <= feature.high for feature in numbers)
    known = sum(row[feature.name] in feature.known for feature in words)
    return {
        "completeness": len(given) / len(FEATURES),
        "range": plausible / len(numbers) if numbers else 1.0,
        "known_categories": known / len(words) if words else 1.0,
    }
