"""Numbers at single precision, where one side of a comparison, or one of its files, has no more.

0.1 is not the same number in both precisions: compared as they are, equal values would be a shift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def at_single(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values as single precision has them; beyond it is infinity there."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)
