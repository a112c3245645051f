"""What a benchmark found: figures with their goals, and the statistics over samples. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One row of the table; `met` is None where there is no goal, only something to know."""

    name: str
    found: str
    absolute: str = ""
    goal: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal was met, in one word."""
        return {None: "", True: "met", False: "MISSED"}[self.met]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of one kind under a heading, for readers; it has no goals."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """What one benchmark found: how it was done in a sentence or two, its figures, more to read."""

    title: str
    how: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()


def at_least(name: str, ratios: Sequence[float], goal: float, *, absolute: str) -> Figure:
    """The median of ratios that were taken round by round must not be below the goal."""
    found = median(ratios)
    return Figure(
        name=name,
        found=f"{found:.2f} ({_spread(ratios)})",
        absolute=absolute,
        goal=f"at least {goal:g}",
        met=found >= goal,
    )


def at_most(name: str, ratios: Sequence[float], goal: float, *, absolute: str) -> Figure:
    """The median of ratios that were taken round by round must not be above the goal."""
    found = median(ratios)
    return Figure(
        name=name,
        found=f"{found:.2f} ({_spread(ratios)})",
        absolute=absolute,
        goal=f"at most {goal:g}",
        met=found <= goal,
    )


def percentile(samples: Sequence[float], part: float) -> float:
    """The nearest-rank percentile, `part` between 0 and 1. Raises ValueError without samples."""
    if not samples:
        raise ValueError("there are no samples")
    ordered = sorted(samples)
    return ordered[max(math.ceil(part * len(ordered)), 1) - 1]


def milliseconds(seconds: float) -> str:
    """For people."""
    return f"{seconds * 1_000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f} over {len(values)} rounds"
