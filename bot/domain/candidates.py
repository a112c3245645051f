"""A candidate's logged metrics beside those of the version in production: which is better. Pure.

Made by the check `candidate`; the engine that follows trainings asks for a promotion by its verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCURACY: Final = "accuracy"
"""The metric that decides which version is better."""

_LOWER: Final = frozenset(
    {"loss", "logloss", "error", "mae", "mse", "rmse", "mape", "brier", "ece", "latency"}
)
_WORDS: Final = re.compile(r"[a-z]+")
_LEAST: Final = 1e-9


class ComparisonVerdict(StrEnum):
    """The candidate in one word; `unknown` where one of the two was not measured."""

    BETTER = "better"
    EQUAL = "equal"
    WORSE = "worse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricPair:
    """One metric of both; None where it was not logged."""

    name: str
    production: float | None
    candidate: float | None

    @property
    def lower_is_better(self) -> bool:
        """Whether its name says that it counts what is bad, such as `log_loss`."""
        return not _LOWER.isdisjoint(_WORDS.findall(self.name.lower()))

    @property
    def difference(self) -> float | None:
        """Candidate less production."""
        if self.production is None or self.candidate is None:
            return None
        return self.candidate - self.production

    @property
    def verdict(self) -> ComparisonVerdict:
        """Which of the two this metric speaks for."""
        if self.difference is None:
            return ComparisonVerdict.UNKNOWN
        if abs(self.difference) < _LEAST:
            return ComparisonVerdict.EQUAL
        better = (self.difference < 0) is self.lower_is_better
        return ComparisonVerdict.BETTER if better else ComparisonVerdict.WORSE


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All metrics of both, the deciding one first."""

    pairs: tuple[MetricPair, ...]
    verdict: ComparisonVerdict
    by: str = ACCURACY


def compare(
    production: Mapping[str, float], candidate: Mapping[str, float], *, by: str = ACCURACY
) -> Comparison:
    """Put them side by side; the metric `by` alone decides."""
    names = sorted(production.keys() | candidate.keys(), key=lambda name: (name != by, name))
    pairs = tuple(
        MetricPair(name=name, production=production.get(name), candidate=candidate.get(name))
        for name in names
    )
    deciding = next((pair for pair in pairs if pair.name == by), None)
    return Comparison(pairs=pairs, verdict=deciding.verdict if deciding else ComparisonVerdict.UNKNOWN, by=by)
