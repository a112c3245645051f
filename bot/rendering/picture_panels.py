"""The panels of a picture drawn: lines over time, and bars. Called by `bot.rendering.pictures`.

`axes` are matplotlib's; its modules are loaded in the functions, as only the drawing process has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bot.domain.measures import format_measure
from bot.domain.outside_text import one_line
from bot.domain.pictures import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.measures import Worse
    from bot.domain.pictures import BarPanel, Line, LinePanel

MOST_LINES: Final = 8
MOST_POINTS: Final = 2_000
MOST_BARS: Final = 24
QUIET: Final = "#b4bcc8"
BAD: Final = "#ff7b72"
MARKED: Final = "#ffc24d"

_COLOURS: Final = ("#58b0ff", "#4fd1a5", "#d2a8ff", "#f0883e", "#f778ba", "#a5d6ff", "#ffe08a", "#9be9a8")
_DAY: Final = 86_400.0
_STEPS: Final = (10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, _DAY)
"""Seconds between the ticks of the time axis."""
_LARGEST: Final = 1e15
_SMALLEST: Final = 1e-9
_LATE: Final = 0.7
"""The part of the time axis after which a mark's label has no room to its right."""
_MOST_MARKS: Final = 6
_MOST_LEVELS: Final = 3
_MANY_BARS: Final = 6
_SHORT_UNIT: Final = 3
_WRITTEN: Final = frozenset({"second", "seconds", "ratio", "share", "percent", "bytes"})
"""Units that are part of a number as it is written; longer ones stand beside the axis, once."""


@dataclass(frozen=True, slots=True)
class _Look:
    colour: str
    style: str
    width: float
    layer: int


_LOOKS: Final = {
    Role.NOW: _Look(_COLOURS[0], "-", 2.2, 5),
    Role.BEFORE: _Look("#aab4c2", "--", 1.4, 4),
    Role.LONG_BEFORE: _Look("#8b95a5", ":", 1.5, 3),
}


def draw_lines(axes: Any, panel: LinePanel, *, alone: bool) -> None:
    """Draw lines, threshold and marks; `alone` where the panel has the picture for itself."""
    threshold = panel.threshold if panel.threshold is not None and _is_drawable(panel.threshold) else None
    lines = panel.lines[:MOST_LINES]
    values = [
        value for line in lines for _, value in line.points if value is not None and _is_drawable(value)
    ]
    levels = [level for level in panel.levels[:_MOST_LEVELS] if _is_drawable(level.value)]
    shown = [*values, *(level.value for level in levels), *([threshold] if threshold is not None else [])]
    _scale(axes, shown, panel.unit, most=5 if alone else 4)
    moments = [moment.timestamp() for line in lines for moment, _ in line.points]
    if moments:
        _draw_times(axes, min(moments), max(moments), most=7 if alone else 4)
    for number, line in enumerate(lines):
        _draw_line(axes, line, number, threshold, worse=panel.worse)
    axes.set_xlabel("UTC", loc="right", fontsize=7.5, labelpad=1)
    if not values:
        say_nothing(axes)
        return
    if threshold is not None:
        words = f"threshold {format_measure(threshold, one_line(panel.unit, limit=16))}"
        _draw_level(axes, threshold, words, BAD)
    for level in levels:
        _draw_level(axes, level.value, one_line(level.label, limit=30), MARKED)
    _draw_marks(axes, panel, alone=alone)


def draw_bars(axes: Any, panel: BarPanel) -> None:
    """Draw groups of bars over the panel's labels; a value that is missing or not finite has no height."""
    labels = [one_line(label, limit=14) for label in panel.labels[:MOST_BARS]]
    groups = panel.bars[:MOST_LINES]
    width = 0.8 / max(len(groups), 1)
    tallest = []
    for number, group in enumerate(groups):
        heights = [value if value and _is_drawable(value) else 0.0 for value in group.values[: len(labels)]]
        heights += [0.0] * (len(labels) - len(heights))
        tallest += heights
        places = [place + (number - (len(groups) - 1) / 2) * width for place in range(len(labels))]
        colour = _look_of(group.role, number).colour
        axes.bar(places, heights, width * 0.92, color=colour, label=one_line(group.label, limit=24))
    slanted = len(labels) > _MANY_BARS
    axes.set_xticks(
        range(len(labels)), labels, rotation=40 if slanted else 0, ha="right" if slanted else "center"
    )
    _scale(axes, tallest, panel.unit, most=4)
    axes.grid(visible=False, axis="x")
    if panel.note:
        axes.set_xlabel(one_line(panel.note, limit=60), fontsize=8.5)
    if not tallest:
        say_nothing(axes)


def say_nothing(axes: Any) -> None:
    """Say that there is nothing to draw."""
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=QUIET)


def _draw_line(axes: Any, line: Line, number: int, threshold: float | None, *, worse: Worse) -> None:
    look = _look_of(line.role, number)
    points = line.points[:: max(math.ceil(len(line.points) / MOST_POINTS), 1)]
    times = [at.timestamp() for at, _ in points]
    heights = [value if value is not None and _is_drawable(value) else math.nan for _, value in points]
    axes.plot(
        times, heights, look.style, color=look.colour, linewidth=look.width, zorder=look.layer,
        label=one_line(line.label, limit=40) or "?", marker="o" if len(times) == 1 else None, markersize=4,
    )  # fmt: skip
    if threshold is not None and line.role is Role.NOW:
        beyond = [worse.than(height, threshold) for height in heights]
        axes.fill_between(
            times, heights, threshold, where=beyond, interpolate=True, color=BAD, alpha=0.25, linewidth=0
        )


def _draw_times(axes: Any, first: float, last: float, *, most: int) -> None:
    """Ticks at round times of UTC; the date where there is more than a day, or at midnight."""
    span = max(last - first, 60.0)
    step = next((one for one in _STEPS if span / one <= most), math.ceil(span / most / _DAY) * _DAY)
    begin = math.ceil(first / step)
    ticks = [number * step for number in range(begin, math.floor((first + span) / step) + 1)]
    moments = [datetime.fromtimestamp(tick, UTC) for tick in ticks]
    dated = [step >= _DAY or not one.hour + one.minute + one.second for one in moments]
    clock = "%H:%M" if step >= 60 else "%H:%M:%S"  # noqa: PLR2004 - seconds in a minute
    names = [
        f"{one:%d %b}" if date else one.strftime(clock) for one, date in zip(moments, dated, strict=True)
    ]
    axes.set_xticks(ticks, names)
    axes.set_xlim(first - span * 0.01, first + span * 1.01)


def _scale(axes: Any, values: Sequence[float], unit: str, *, most: int) -> None:
    """The upright axis: from nothing, with room above for labels, in the unit's own words."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - see the module's docstring

    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    span = high - low if high - low > _SMALLEST else 1.0
    axes.set_ylim(low - (span * 0.12 if low < 0 else 0), max(high, low + span) + span * 0.12)
    word = one_line(unit, limit=24)
    if len(word) > _SHORT_UNIT and word not in _WRITTEN:
        axes.set_ylabel(word, fontsize=8, labelpad=3)
        word = ""
    axes.yaxis.set_major_locator(MaxNLocator(most))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_measure(round(value, 12), word)))


def _draw_level(axes: Any, value: float, words: str, colour: str) -> None:
    axes.axhline(value, color=colour, linewidth=1.2, linestyle=(0, (5, 3)), zorder=6)
    axes.annotate(
        words, xy=(1.0, value), xycoords=("axes fraction", "data"), xytext=(-3, 3),
        textcoords="offset points", ha="right", va="bottom", fontsize=8.5, color=colour, zorder=7,
    )  # fmt: skip


def _draw_marks(axes: Any, panel: LinePanel, *, alone: bool) -> None:
    left, right = axes.get_xlim()
    for number, mark in enumerate(panel.marks[:_MOST_MARKS]):
        at = mark.at.timestamp()
        late = (at - left) / (right - left) > _LATE
        axes.axvline(at, color=MARKED, linewidth=1.3, zorder=6)
        said = one_line(mark.label, limit=40)
        axes.annotate(
            f"{said} {mark.at.astimezone(UTC):%H:%M}" if alone else said,
            xy=(at, 1.0), xycoords=("data", "axes fraction"),
            xytext=(-4 if late else 4, -3 - 12 * (number % 3)), textcoords="offset points",
            ha="right" if late else "left", va="top", fontsize=8.5, color=MARKED, zorder=8,
        )  # fmt: skip


def _look_of(role: Role, number: int) -> _Look:
    other = _Look(_COLOURS[(number + 1) % len(_COLOURS)], "-", 1.6, 4)
    return _LOOKS.get(role, other)


def _is_drawable(value: float) -> bool:
    """Whether it is a number, and one that an axis can show."""
    return abs(value) < _LARGEST
