"""Where the values of a batch lie on a grid: how many below, and at or below, each of its points.

Called by `bot.drift.counting`. Sorting a batch and looking the grid up in it is exact, and was most of what a
report costs. So values are first put into cells of equal width: those of a cell without a point of the grid
need no order among them, and the others, a few in a hundred, are all that is sorted. The counts are the same
integers. The arithmetic of floats rounds, but it never puts a larger value into a lower cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray

    Ranks: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

CELLS: Final = 1 << 15
"""So many counters fit into the processor's cache beside a batch."""
WORTH_CELLS: Final = 1 << 13
"""Fewer values than this are sorted at once."""
_PIECE: Final = 1 << 13
_TAIL: Final = 0.005
"""The share of the grid's points in the open cell at each end: a value far out makes no cell wider."""
_CROWDED: Final = 0.4
"""With more of the values than this in cells with points of the grid, sorting all of them is as quick."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cells:
    """Cells over a grid, the first and the last one open to its side.

    `of_points` is the cell of each point of the grid. `whole`: each whole number has a cell of its own.
    """

    grid: NDArray[np.float64]
    low: float
    per_unit: float
    number: int
    of_points: NDArray[np.int64]
    has_point: NDArray[np.bool_]
    whole: bool

    def ranks(self, values: NDArray[Any]) -> Ranks:
        """How many values lie below, and how many at or below, each point of the grid.

        They are integers or floats; NaN is not among them.
        """
        places = _places(values, self.low, self.per_unit, self.number)
        held = np.bincount(places, minlength=self.number)
        if self.whole and _are_whole(values):
            return self._of_whole_numbers(values, held)
        if held[self.has_point].sum() > _CROWDED * len(values):
            return ranks_by_sorting(values, self.grid)
        held[self.has_point] = 0
        in_lower_cells = np.cumsum(held, out=held)[self.of_points]
        below, at_or_below = ranks_by_sorting(values[self.has_point.take(places)], self.grid)
        return in_lower_cells + below, in_lower_cells + at_or_below

    def _of_whole_numbers(self, values: NDArray[Any], held: NDArray[np.int64]) -> Ranks:
        """Each cell holds one number, but for the open ones at the ends, where only infinities are points."""
        at_or_below = np.cumsum(held)[self.of_points]
        below = at_or_below - held[self.of_points]
        below[0], at_or_below[0] = 0, np.count_nonzero(values == -math.inf)
        below[-1] = len(values) - np.count_nonzero(values == math.inf)
        return below, at_or_below


def cells_of(grid: NDArray[np.float64]) -> Cells | None:
    """The cells for a grid between the infinities; None where it cannot be divided and all is sorted."""
    points = grid[1:-1]
    if len(points) < 2:  # noqa: PLR2004 - two points make a width
        return None
    aside = int(_TAIL * len(points))
    low, high = float(points[aside]), float(points[-1 - aside])
    per_unit, number = (CELLS - 2) / (high - low), CELLS
    if not 0 < per_unit < math.inf:
        return None
    span = float(points[-1]) - float(points[0])
    whole = span <= CELLS - 3 and bool((np.floor(points) == points).all())
    if whole:
        low, per_unit, number = float(points[0]), 1.0, int(span) + 3
    of_points = _places(grid, low, per_unit, number)
    has_point = np.zeros(number, np.bool_)
    has_point[of_points] = True
    return Cells(
        grid=grid,
        low=low,
        per_unit=per_unit,
        number=number,
        of_points=of_points,
        has_point=has_point,
        whole=whole,
    )


def ranks_by_sorting(values: NDArray[Any], grid: NDArray[np.float64]) -> Ranks:
    """The same without cells."""
    ordered = np.sort(values)
    return np.searchsorted(ordered, grid, side="left"), np.searchsorted(ordered, grid, side="right")


def _places(values: NDArray[Any], low: float, per_unit: float, number: int) -> NDArray[Any]:
    """The cell of each value."""
    places = np.empty(len(values), np.int64)
    for piece in _pieces(values):
        with np.errstate(over="ignore"):  # infinity is beyond the last cell as well
            scaled = np.subtract(values[piece], low, dtype=np.float64)
            scaled *= per_unit
        scaled += 1
        places[piece] = scaled.clip(0, number - 1, out=scaled)
    return places


def _are_whole(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iu" or all(
        (np.floor(values[piece]) == values[piece]).all() for piece in _pieces(values)
    )


def _pieces(values: NDArray[Any]) -> Iterator[slice]:
    """What is freed in large pieces goes back to the system; having it again takes longer than using it."""
    for start in range(0, len(values), _PIECE):
        yield slice(start, start + _PIECE)
