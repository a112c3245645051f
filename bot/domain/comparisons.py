"""What a drift report compares, as the configuration says it: paths, columns, window, limits of its process.

Made from `lightship.yaml` by `bot.bootstrap.drifts`, run by `bot.engines.drifting`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.drift_runs import DriftWindow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain.drift import DriftReport


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionPaths:
    """The predictions of both sides and their column."""

    reference: str
    current: str
    column: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftComparison:
    """One comparison. `weights` are importances as they were given; `memory` is in bytes."""

    reference: str
    current: str
    target: str = ""
    exclude: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    predictions: PredictionPaths | None = None
    window: DriftWindow | None = None
    memory: int = 1 << 30
    time_limit: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What came out: the report, and the reference's profile as a file, None where it is too large."""

    report: DriftReport
    profile: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedDrift:
    """A service whose data is compared. `schedule` is cron in UTC, empty where somebody else runs it.

    `last` is how far back the current rows reach, by the times in `time_column`; None takes all rows.
    `pushgateway` is where runs outside of the bot push the scores; empty where they do not.
    """

    service: str
    channel: str
    comparison: DriftComparison
    schedule: str = ""
    model: str = ""
    model_alias: str = ""
    time_column: str = ""
    last: timedelta | None = None
    pushgateway: str = ""

    @property
    def job(self) -> str:
        """The name of its job in the scheduler."""
        return f"drift-{self.service}"

    def comparison_at(self, moment: datetime) -> DriftComparison:
        """The comparison of the rows before that moment."""
        if self.last is None:
            return self.comparison
        window = DriftWindow(column=self.time_column, start=moment - self.last, end=moment)
        return replace(self.comparison, window=window)
