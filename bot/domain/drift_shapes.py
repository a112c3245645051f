"""The shape of a compared column on both sides, ready to be drawn: bins of numbers, or levels. Pure.

Called by the pictures of checks and by the page; both draw the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bot.domain.drift import FeatureDrift, Histogram

MOST_LEVELS: Final = 10
_MISSING: Final = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Shares on both sides by label; `missing` rows come last where either side has any."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


def shape_of(feature: FeatureDrift) -> Shape | None:
    """The shape of a column; None where one side of it is not known."""
    before, now = feature.reference, feature.current
    if before is None or now is None:
        return None
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    if feature.histogram is not None:
        labels = _bins(feature.histogram)
        reference, current = feature.histogram.reference, feature.histogram.current
        if not reference[-1] and not current[-1]:
            labels, reference, current = labels[:-1], reference[:-1], current[:-1]
    else:
        known, seen = dict(before.top), dict(now.top)
        labels = tuple(dict.fromkeys([*known, *seen]))[:MOST_LEVELS]
        reference = tuple(known.get(one, 0.0) for one in labels)
        current = tuple(seen.get(one, 0.0) for one in labels)
    if not labels:
        return None
    if before.missing or now.missing:
        # Shares of all rows, so that what is missing stands beside what is there.
        reference = (*(share * (1 - before.missing) for share in reference), before.missing)
        current = (*(share * (1 - now.missing) for share in current), now.missing)
        labels = (*labels, _MISSING)
    return Shape(labels=labels, reference=reference, current=current)


def _bins(histogram: Histogram) -> tuple[str, ...]:
    edges = histogram.edges
    if all(edge == int(edge) for edge in edges) and all(
        after - before == 1 for before, after in pairwise(edges)
    ):
        return (*(f"{edge:.0f}" for edge in edges), f"> {edges[-1]:.0f}")
    return (
        f"≤ {_number(edges[0])}",
        *(f"to {_number(edge)}" for edge in edges[1:]),
        f"> {_number(edges[-1])}",
    )


def _number(value: float) -> str:
    return f"{value:.3g}"
