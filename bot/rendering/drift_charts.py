"""The charts of a drift report as SVG, for a page that needs nothing else: no script, no font, no network.

Called by `bot.rendering.drift_pages`. Colours are the page's own variables, so that they follow its mode.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from bot.domain.drift import ALERT_ABOVE, ESCALATE_ABOVE
from bot.domain.drift_shapes import shape_of
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.drift import FeatureDrift
    from bot.domain.drift_runs import DriftPoint

_WIDTH: Final = 300
_HEIGHT: Final = 110
_TREND_WIDTH: Final = 720
_TREND_HEIGHT: Final = 150
_MOST_LABELS: Final = 5


def shape_chart(feature: FeatureDrift) -> str:
    """Reference against current, as bars beside each other; empty where no shape is known."""
    shape = shape_of(feature)
    if shape is None:
        return ""
    count = len(shape.labels)
    tallest = max([*shape.reference, *shape.current, 1e-9])
    step = _WIDTH / count
    bars = []
    for place, sides in enumerate(zip(shape.reference, shape.current, strict=True)):
        for number, (side, share) in enumerate(zip(("before", "now"), sides, strict=True)):
            height = share / tallest * _HEIGHT
            bars.append(
                f'<rect class="{side}" x="{place * step + (0.1 + 0.4 * number) * step:.1f}"'
                f' y="{_HEIGHT - height:.1f}" width="{0.38 * step:.1f}" height="{height:.1f}">'
                f"<title>{_text(shape.labels[place])}: {share:.1%} {_SIDES[side]}</title></rect>"
            )
    every = -(-count // _MOST_LABELS)
    labels = [
        f'<text x="{(place + 0.5) * step:.1f}" y="{_HEIGHT + 14}" text-anchor="middle">'
        f"{_text(label, 14)}</text>"
        for place, label in enumerate(shape.labels)
        if place % every == 0
    ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img"'
        f' aria-label="{_text(feature.name)}: reference against current">'
        f'<line class="axis" x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"/>'
        f"{''.join(bars)}{''.join(labels)}</svg>"
    )


def trend_chart(points: Sequence[DriftPoint]) -> str:
    """The score over the runs, with both thresholds; a run with too little data leaves a gap."""
    if not points:
        return ""
    step = _TREND_WIDTH / max(len(points) - 1, 1)

    def up(score: float) -> float:
        return _TREND_HEIGHT * (1 - score)

    thresholds = "".join(
        f'<line class="{word}" x1="0" y1="{up(level):.1f}" x2="{_TREND_WIDTH}" y2="{up(level):.1f}"/>'
        f'<text x="{_TREND_WIDTH}" y="{up(level) - 3:.1f}" text-anchor="end">{word} {level}</text>'
        for word, level in (("alert", ALERT_ABOVE), ("escalate", ESCALATE_ABOVE))
    )
    parts: list[list[str]] = [[]]
    dots = []
    for place, point in enumerate(points):
        if point.score is None:
            parts.append([])
            continue
        x, y = place * step, up(point.score)
        parts[-1].append(f"{x:.1f},{y:.1f}")
        dots.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{point.at:%Y-%m-%d %H:%M} UTC:'
            f" {point.score:.2f}</title></circle>"
        )
    lines = "".join(f'<polyline points="{" ".join(part)}"/>' for part in parts if len(part) > 1)
    first, last = (f"{point.at:%Y-%m-%d %H:%M} UTC" for point in (points[0], points[-1]))
    return (
        f'<svg class="trend" viewBox="-6 -6 {_TREND_WIDTH + 12} {_TREND_HEIGHT + 28}" role="img"'
        ' aria-label="The score over the last runs">'
        f'<line class="axis" x1="0" y1="{_TREND_HEIGHT}" x2="{_TREND_WIDTH}" y2="{_TREND_HEIGHT}"/>'
        f"{thresholds}{lines}{''.join(dots)}"
        f'<text x="0" y="{_TREND_HEIGHT + 16}">{first}</text>'
        f'<text x="{_TREND_WIDTH}" y="{_TREND_HEIGHT + 16}" text-anchor="end">{last}</text>'
        "</svg>"
    )


_SIDES: Final = {"before": "of the reference", "now": "of the current data"}


def _text(words: str, limit: int = 80) -> str:
    return escape(one_line(words, limit=limit), quote=True)
