"""The joint score: how well a classifier tells reference rows from current ones, max(0, 2·AUC - 1).

Called by `bot.drift.report`. It sees what no column shows by itself, a broken correlation for example. The
classifier is gradient boosting of shallow trees over binned columns, as the libraries for it do it; it is
written out here because each of them imports scipy.stats or pandas, or needs a system library, for what takes
numpy a hundred lines on five thousand rows. Cross-fitted: no row is scored by trees that have seen it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from bot.drift.columns import Kind
from bot.drift.counting import as_floats
from bot.drift.precision import at_single

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from numpy.typing import NDArray

_BINS: Final = 32
_FOLDS: Final = 5
_TREES: Final = 50
_DEPTH: Final = 4
_RATE: Final = 0.2
_DAMPING: Final = 1.0
_LEAST_WEIGHT: Final = 2.0
_COLUMNS_PER_TREE: Final = 48
_SEED: Final = 20


def joint_score(
    reference: Any, current: Any, kinds: Mapping[str, Kind], *, single: Container[str] = ()
) -> float:
    """Tell the rows of two Arrow tables apart by the columns of `kinds`; 0 when they cannot be told apart.

    Those in `single` have no more than single precision on one side.
    """
    codes = np.column_stack([
        _codes(reference.column(name), current.column(name), kind, single=name in single)
        for name, kind in kinds.items()
    ])  # fmt: skip
    is_current = np.repeat([0.0, 1.0], [reference.num_rows, current.num_rows])
    random = np.random.default_rng(_SEED)
    folds = np.empty(len(is_current), np.int64)
    for side in (0.0, 1.0):
        rows = np.flatnonzero(is_current == side)
        folds[random.permutation(rows)] = np.arange(len(rows)) % _FOLDS
    areas = []
    for fold in range(_FOLDS):
        held_out = folds == fold
        scores = _boosted(codes[~held_out], is_current[~held_out], codes[held_out], random)
        areas.append(area_under_curve(scores, is_current[held_out] == 1))
    return max(0.0, 2 * float(np.mean(areas)) - 1)


def area_under_curve(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores higher than a negative; ties count half."""
    _, ranks, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - (sizes - 1) / 2
    positives = int(positive.sum())
    rank_sum = float(middle[ranks][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * (len(positive) - positives))


def _codes(reference: Any, current: Any, kind: Kind, *, single: bool) -> NDArray[np.int64]:
    """Both sides of a column as bins: 0 is missing; quantiles of both, or the levels by frequency."""
    if kind is Kind.NUMBER:
        values = np.concatenate([_floats(reference), _floats(current)])
        if single:
            values = at_single(values)
        known = ~np.isnan(values)
        places = np.linspace(0, 1, _BINS)[1:-1]
        edges = np.unique(np.quantile(values[known], places, method="lower")) if known.any() else np.zeros(0)
        return np.where(known, 1 + np.searchsorted(edges, values, side="left"), 0)
    held = [*reference.to_pylist(), *current.to_pylist()]
    frequencies: dict[str, int] = {}
    for level in held:
        if level is not None:
            frequencies[level] = frequencies.get(level, 0) + 1
    most = sorted(frequencies, key=lambda level: (-frequencies[level], level))
    numbered = {level: min(place, _BINS - 1) for place, level in enumerate(most, start=1)}
    return np.array([0 if level is None else numbered[level] for level in held], np.int64)


def _floats(column: Any) -> NDArray[np.float64]:
    merged = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return as_floats(merged.chunk(0) if isinstance(merged, pa.ChunkedArray) else merged)


def _boosted(
    train: NDArray[np.int64],
    labels: NDArray[np.float64],
    test: NDArray[np.int64],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Scores of the test rows after boosting on the training rows, with the logistic loss."""
    fitted = np.zeros(len(train))
    scores = np.zeros(len(test))
    width = train.shape[1]
    for _ in range(_TREES):
        columns = np.arange(width)
        if width > _COLUMNS_PER_TREE:
            columns = np.sort(random.choice(width, _COLUMNS_PER_TREE, replace=False))
        chance = 1 / (1 + np.exp(-fitted))
        leaves, held = _tree(train[:, columns], test[:, columns], labels - chance, chance * (1 - chance))
        fitted += _RATE * leaves
        scores += _RATE * held
    return scores


def _tree(
    train: NDArray[np.int64], test: NDArray[np.int64], slopes: NDArray[np.float64], bends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One tree, grown level by level on all its nodes at once; its values for both sets of rows."""
    width = train.shape[1]
    offsets = np.arange(width) * _BINS
    flat = train + offsets
    node, held = np.zeros(len(train), np.int64), np.zeros(len(test), np.int64)
    for depth in range(_DEPTH):
        nodes = 1 << depth
        places = (flat + (node * (width * _BINS))[:, None]).ravel()
        shape = (nodes, width, _BINS)
        slope = np.bincount(places, np.repeat(slopes, width), nodes * width * _BINS).reshape(shape)
        bend = np.bincount(places, np.repeat(bends, width), nodes * width * _BINS).reshape(shape)
        column, cut = _best_cuts(slope, bend)
        node = 2 * node + (np.take_along_axis(train, column[node][:, None], 1)[:, 0] > cut[node])
        held = 2 * held + (np.take_along_axis(test, column[held][:, None], 1)[:, 0] > cut[held])
    leaves = 1 << _DEPTH
    values = np.bincount(node, slopes, leaves) / (np.bincount(node, bends, leaves) + _DAMPING)
    return values[node], values[held]


def _best_cuts(slope: NDArray[Any], bend: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each node the column and the bin after which to cut; a node that no cut helps is not cut."""
    left_slope, left_bend = slope.cumsum(2), bend.cumsum(2)
    whole_slope, whole_bend = left_slope[:, :, -1:], left_bend[:, :, -1:]
    right_slope, right_bend = whole_slope - left_slope, whole_bend - left_bend
    gain = (
        left_slope**2 / (left_bend + _DAMPING)
        + right_slope**2 / (right_bend + _DAMPING)
        - whole_slope**2 / (whole_bend + _DAMPING)
    )
    gain[(left_bend < _LEAST_WEIGHT) | (right_bend < _LEAST_WEIGHT)] = 0.0
    nodes, width, bins = gain.shape
    best = gain.reshape(nodes, width * bins).argmax(axis=1)
    column, cut = np.divmod(best, bins)
    cut[gain.reshape(nodes, -1)[np.arange(nodes), best] <= 0] = bins  # everything stays on the left
    return column, cut
