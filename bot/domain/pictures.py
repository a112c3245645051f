"""What a picture shows, as values: panels of lines over time or of bars beside each other. Nothing is drawn.

A check, a verification or a drift report makes a `Picture`; `bot.rendering.pictures.draw` turns it into PNG
in the drawing process, and the publisher shows that as a file in the thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.measures import Worse

if TYPE_CHECKING:
    from datetime import datetime


class Role(StrEnum):
    """How a line or a group of bars is drawn: what it is about stands out from the rest."""

    NOW = "now"
    BEFORE = "before"
    LONG_BEFORE = "long_before"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line over time, oldest point first; None is a gap. Its maker shifts yesterday to today."""

    label: str
    points: tuple[tuple[datetime, float | None], ...]
    role: Role = Role.NOW


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A moment that is marked by an upright line, such as an alert's start or a remediation."""

    at: datetime
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A second level beside the threshold, with the word that stands at it."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LinePanel:
    """Lines over the same time, the threshold with its bad side, and the moments that matter."""

    title: str
    lines: tuple[Line, ...]
    unit: str = ""
    threshold: float | None = None
    worse: Worse = Worse.ABOVE
    levels: tuple[Level, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """One group of bars, a value for each of the panel's labels; None where there is none."""

    label: str
    values: tuple[float | None, ...]
    role: Role = Role.NOW


@dataclass(frozen=True, kw_only=True, slots=True)
class BarPanel:
    """Groups of bars over the same labels, such as the shares of a column's levels then and now."""

    title: str
    labels: tuple[str, ...]
    bars: tuple[Bars, ...]
    unit: str = ""
    note: str = ""


Panel = LinePanel | BarPanel


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture: its title, what it says in one sentence (`subtitle`), and the same for who cannot see it."""

    title: str
    panels: tuple[Panel, ...]
    alt_text: str
    subtitle: str = ""

    def marked(self, *marks: Mark) -> Picture:
        """The same with these moments marked in every panel over time that they fall into."""
        panels = tuple(
            _marked(panel, marks) if isinstance(panel, LinePanel) else panel for panel in self.panels
        )
        return replace(self, panels=panels)


def _marked(panel: LinePanel, marks: tuple[Mark, ...]) -> LinePanel:
    times = [moment for line in panel.lines for moment, _ in line.points]
    if not times:
        return panel
    inside = tuple(mark for mark in marks if min(times) <= mark.at <= max(times))
    return replace(panel, marks=(*panel.marks, *inside))
