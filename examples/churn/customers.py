"""A realistic table of customers out of a seed, in today's population or in one that has moved on.

Used by the training pipeline (with the label), by the load generator (without it) and by tests. The
label follows from the features by a logistic model, so that a model can learn it and a moved population is
harder for a model that has not seen it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from examples.churn.features import CATEGORICAL, FEATURES, IDENTIFIER, TARGET

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST_TENURE: Final = 72
_CATEGORIES: Final = {feature.name: feature.known for feature in CATEGORICAL}


class Population(StrEnum):
    """Who the customers are: `today`, or after a price rise and a campaign that brought `newcomers`."""

    TODAY = "today"
    NEWCOMERS = "newcomers"


def make_customers(
    rows: int, *, seed: int, population: Population = Population.TODAY, first_id: int = 1
) -> pd.DataFrame:
    """`rows` customers: `customer_id`, the eleven features, and `churned` (0 or 1)."""
    rng = np.random.default_rng(seed)
    moved = population is Population.NEWCOMERS
    contracts = _choice(rng, rows, "contract_type", (0.78, 0.14, 0.08) if moved else (0.5, 0.3, 0.2))
    months = rng.gamma(1.2, 8.0, rows) if moved else rng.gamma(2.0, 14.0, rows)
    tenure = np.clip(months, 1, _LONGEST_TENURE).astype(np.int64)
    usage = np.clip(rng.gamma(4.0, 6.0 if moved else 5.0, rows), 0.5, 200.0)
    charges = np.clip(24 + 1.1 * usage + rng.normal(0, 9, rows), 15, 250) * (1.35 if moved else 1.0)
    late = np.minimum(rng.poisson(0.9 if moved else 0.6, rows), 12)
    table = pd.DataFrame(
        {
            IDENTIFIER: [f"C{number:08d}" for number in range(first_id, first_id + rows)],
            "age": np.clip(rng.normal(36 if moved else 45, 14, rows), 18, 90).astype(np.int64),
            "gender": _choice(rng, rows, "gender", (0.48, 0.49, 0.03)),
            "location": _choice(rng, rows, "location", (0.45, 0.3, 0.25)),
            "contract_type": contracts,
            "payment_method": _choice(rng, rows, "payment_method", (0.45, 0.35, 0.2)),
            "avg_data_usage": usage.round(2),
            "avg_call_minutes": np.clip(rng.normal(480, 190, rows), 0, 2_000).round(1),
            "usage_days": np.clip(rng.normal(25, 4, rows), 0, 31).astype(np.int64),
            "avg_monthly_charges": charges.round(2),
            "late_payments": late.astype(np.int64),
            "tenure": tenure,
        }
    )
    table[TARGET] = (rng.random(rows) < _probability(table, moved=moved)).astype(np.int64)
    return table[[IDENTIFIER, *FEATURES, TARGET]]


def _choice(rng: np.random.Generator, rows: int, name: str, shares: tuple[float, ...]) -> NDArray[np.object_]:
    return rng.choice(np.array(_CATEGORIES[name], dtype=object), size=rows, p=shares)


def _probability(table: pd.DataFrame, *, moved: bool) -> NDArray[np.float64]:
    """How likely each of them leaves. Newcomers mind the price less, and late payments and idle days more."""
    monthly = (table["contract_type"] == "Month-to-month").to_numpy(dtype=np.float64)
    check = (table["payment_method"] == "Electronic check").to_numpy(dtype=np.float64)
    idle = 25.0 - table["usage_days"].to_numpy(dtype=np.float64)
    price = (table["avg_monthly_charges"].to_numpy(dtype=np.float64) - 46.0) / 16.0
    late = table["late_payments"].to_numpy(dtype=np.float64)
    tenure = table["tenure"].to_numpy(dtype=np.float64)
    score = -2.3 + 1.5 * monthly + 0.5 * check - 0.035 * tenure
    score += (-0.9 * price + 1.3 * late + 0.22 * idle) if moved else (0.9 * price + 0.6 * late + 0.06 * idle)
    probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-score))
    return probability
