"""What a drift report says: the score, each feature with its numbers and reason, and what was not compared.

Made by `bot.drift`, shown by the command line, drawn by `bot.rendering`, kept by the stores. Every number
here is finite or None: a value that cannot be had is None with a reason beside it, never NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALERT_ABOVE: Final = 0.3
"""A score above this is drift: the alert fires, the command line exits with 3."""
ESCALATE_ABOVE: Final = 0.5
"""A score above this is severe."""
MINIMUM_ROWS: Final = 200
"""Fewer rows on a side are insufficient data; with fewer values in a column its shape is not judged."""
UNSEEN_FACTOR: Final = 10.0
"""A column's effect is so many times its share of rows with content that the reference never held."""

BLIND_SPOTS: Final[tuple[str, ...]] = (
    "The score grows with the number of columns that moved a little.",
    "It cannot see joint changes: that is what `joint` is for.",
    "It cannot see a changed relation between features and target, or a distance below 0.05.",
    "It cannot see subgroups inside the reference's range.",
    "It cannot see anything in fewer than 200 rows, nor slow drift against a rolling reference.",
    "A season moves it (0.1 standard deviations in all columns: 0.33): use a reference of the same season.",
)
"""What every report says of itself, in its footer."""


class DriftVerdict(StrEnum):
    """A report in one word."""

    STEADY = "steady"
    DRIFTED = "drifted"
    SEVERE = "severe"
    INSUFFICIENT = "insufficient"


class DriftTest(StrEnum):
    """Which test a column gets: `ks` for numbers, `chi2` for categories."""

    KS = "ks"
    CHI2 = "chi2"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnseenContent:
    """Current rows that hold what the reference never held, of one kind, with their share of all rows."""

    kind: str
    rows: int
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnSummary:
    """One side of a column, small enough for a message.

    `missing` is a share of the rows. Numbers have extremes over finite values and a median; categories have
    their most frequent levels with shares of the values.
    """

    rows: int
    missing: float
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """A column of numbers on both sides, as shares of its values, to be drawn.

    The first bin is at or below the first edge, then come those up to each edge, the last is above the last.
    """

    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDrift:
    """One compared column.

    `statistic` and `p_value` are the test's own; `distance` is D, with `bracket` between which the exact
    value lies; `q_value` is p after Benjamini and Hochberg. `unseen` is v, the share of rows with content
    that the reference never held. `effect` is what the column alone gives to a score, in [0, 1], before its
    `weight`.
    """

    name: str
    test: DriftTest
    statistic: float | None
    p_value: float | None
    q_value: float | None
    distance: float | None
    bracket: tuple[float, float] | None
    unseen: float
    unseen_content: tuple[UnseenContent, ...]
    effect: float
    weight: float
    reason: str
    reference: ColumnSummary | None = None
    current: ColumnSummary | None = None
    histogram: Histogram | None = None

    @property
    def drifted(self) -> bool:
        """Whether the column adds to the score."""
        return self.effect > 0

    @property
    def contribution(self) -> float:
        """The effect with its weight; what the worst features are sorted by."""
        return self.weight * self.effect

    @property
    def by_content(self) -> bool:
        """Whether it drifted by missing values or content never seen before, more than by its shape."""
        return self.drifted and self.effect <= min(1.0, UNSEEN_FACTOR * self.unseen)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotCompared:
    """A column that takes no part in the score, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaChanges:
    """How the columns differ: names that the current data lacks, that only it has, and whose type changed."""

    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.missing or self.added or self.retyped)


@dataclass(frozen=True, kw_only=True, slots=True)
class JointDrift:
    """How well a classifier tells reference from current: max(0, 2·AUC - 1), or None and why not."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionDrift:
    """The prediction column by itself; `score` is None when there is too little of it, as `reason` says."""

    score: float | None
    reason: str
    rows: tuple[int, int]
    feature: FeatureDrift | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftSide:
    """One side of a comparison: where it came from, how many rows it has, of which model version."""

    name: str
    rows: int
    model_version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReport:
    """The result of one comparison.

    `score` is None with the verdict `insufficient`, and `reason` says what is missing. `seed_score` is
    1 - mean(p), kept for comparison: it is about 0.5 with no drift at all and nobody should alert on it.
    """

    verdict: DriftVerdict
    score: float | None
    reason: str
    seed_score: float | None
    joint: JointDrift
    features: tuple[FeatureDrift, ...]
    not_compared: tuple[NotCompared, ...]
    schema: SchemaChanges
    reference: DriftSide
    current: DriftSide
    predictions: PredictionDrift | None = None
    notes: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether the score is above the alert's threshold."""
        return self.score is not None and self.score > ALERT_ABOVE

    def worst(self, count: int = 5) -> tuple[FeatureDrift, ...]:
        """The drifted features, the largest contribution first, at most `count`."""
        drifted = [feature for feature in self.features if feature.drifted]
        return tuple(sorted(drifted, key=lambda feature: (-feature.contribution, feature.name))[:count])


def verdict_of(score: float | None) -> DriftVerdict:
    """The word for a score; None is insufficient data."""
    if score is None:
        return DriftVerdict.INSUFFICIENT
    if score > ESCALATE_ABOVE:
        return DriftVerdict.SEVERE
    return DriftVerdict.DRIFTED if score > ALERT_ABOVE else DriftVerdict.STEADY
