"""Both sides of a column of numbers in a few bins, from the counts that are there anyway.

Called by `bot.drift.measuring`. The edges are points of the reference's grid, so every share is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bot.domain.drift import Histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot.drift.counting import NumberCounts

BINS: Final = 14
_TAIL: Final = 0.01
"""The share of the reference that lies beyond the outermost edges, on each side."""


def histogram_of(
    grid: NDArray[np.float64] | None, before: NumberCounts, now: NumberCounts
) -> Histogram | None:
    """The bins; None where the reference has no finite value. A column of few values has one for each."""
    if grid is None or len(grid) < 3 or not before.values or not now.values:  # noqa: PLR2004 - two infinities
        return None
    finite = np.arange(1, len(grid) - 1)
    cuts: NDArray[Any] = finite
    if len(finite) > BINS:
        tails = np.array([_TAIL, 1 - _TAIL]) * before.values
        low, high = np.clip(np.searchsorted(before.at_or_below, tails), 1, len(grid) - 2)
        wanted = np.linspace(grid[low], grid[high], BINS - 1)
        near = np.clip(np.searchsorted(grid, wanted, side="right") - 1, 1, len(grid) - 2)
        cuts = near[np.diff(near, prepend=0) > 0]  # numpy's unique loads its masked arrays
    return Histogram(
        edges=tuple(float(edge) for edge in grid[cuts]),
        reference=_shares(before, cuts),
        current=_shares(now, cuts),
    )


def _shares(counts: NumberCounts, cuts: NDArray[Any]) -> tuple[float, ...]:
    up_to = np.concatenate([[0], counts.at_or_below[cuts], [counts.values]])
    return tuple(float(share) for share in np.diff(up_to) / counts.values)
