"""Counting in cells gives the integers that sorting gives, whatever the grid and the values are."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bot.drift.cells import CELLS, cells_of, ranks_by_sorting
from bot.drift.profiling import edges_of
from tests.drift.tables import UNTIMED

LARGEST = sys.float_info.max
SMALLEST = math.ulp(0.0)
FLOATS = st.one_of(
    st.floats(allow_nan=False),
    st.floats(-3, 3),
    st.integers(-3, 40_000).map(float),
    st.sampled_from([-math.inf, math.inf, LARGEST, -LARGEST, SMALLEST, -0.0, 0.1, math.nextafter(0.1, 1)]),
)
POINTS = st.one_of(
    st.lists(FLOATS.filter(math.isfinite), max_size=8),
    st.lists(st.integers(-3, 40_000), max_size=8),
)


def grid_of(points: list[float]) -> np.ndarray:
    """A grid as a profile has it."""
    return np.concatenate([[-math.inf], np.unique(np.array(points, np.float64)), [math.inf]])


@UNTIMED
@given(POINTS, arrays(np.float64, st.integers(0, 60), elements=FLOATS))
def test_cells_count_as_sorting_does(points: list[float], values: np.ndarray) -> None:
    """For any grid that can be divided, and any values: far out, next to each other, on the points."""
    grid = grid_of(points)
    cells = cells_of(grid)
    values = np.concatenate([values, grid, np.nextafter(grid[1:-1], 0.5)])
    if cells is not None:
        for found, expected in zip(cells.ranks(values), ranks_by_sorting(values, grid), strict=True):
            assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("shape", ["normal", "exponential", "lognormal", "integers", "far out", "prices"])
def test_cells_count_as_sorting_does_on_what_columns_hold(shape: str) -> None:
    """On the quantiles of usual columns, with one value far out as well, and on prices that repeat."""
    random = np.random.default_rng(3)
    made = {
        "normal": random.normal(size=40_000),
        "exponential": random.exponential(24, 40_000),
        "lognormal": random.lognormal(0, 2, 40_000),
        "integers": random.poisson(40, 40_000).astype(float),
        "far out": np.append(random.normal(size=39_999), 1e300),
        "prices": random.choice([0.99, 4.99, 9.95, 20.0], 40_000),
    }[shape]
    before, now = made[:20_000], made[20_000:] * (1.01 if shape == "normal" else 1)
    grid = grid_of(edges_of(np.sort(before)).tolist())
    cells = cells_of(grid)
    assert cells is not None
    for found, expected in zip(cells.ranks(now), ranks_by_sorting(now, grid), strict=True):
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("points", [[], [1.0], [-LARGEST, LARGEST], [0.0, SMALLEST]])
def test_grid_that_cannot_be_divided_has_no_cells(points: list[float]) -> None:
    """No width, or one that no float can hold: then all is sorted."""
    assert cells_of(grid_of(points)) is None


def test_one_value_far_out_makes_no_cell_wider() -> None:
    """Most points keep a cell of their own beside a point of another magnitude."""
    cells = cells_of(grid_of([*np.linspace(0.001, 1, 1_024).tolist(), 1e300]))
    assert cells is not None
    assert cells.number == CELLS
    assert cells.has_point.sum() > 1_000
