"""What the model knows of a customer: eleven features, their kinds, and the ranges that are plausible.

Read by the table's generator, the training pipeline, the request models and the data quality score. The
column `customer_id` beside them is an identifier: never trained on, never scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IDENTIFIER: Final = "customer_id"
TARGET: Final = "churned"


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericFeature:
    """A number, and the range in which it is plausible."""

    name: str
    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoricalFeature:
    """A word out of a few that are known."""

    name: str
    known: tuple[str, ...]


NUMERIC: Final = (
    NumericFeature(name="age", low=18, high=100, whole=True),
    NumericFeature(name="avg_data_usage", low=0, high=500),
    NumericFeature(name="avg_call_minutes", low=0, high=5_000),
    NumericFeature(name="usage_days", low=0, high=31, whole=True),
    NumericFeature(name="avg_monthly_charges", low=0, high=1_000),
    NumericFeature(name="late_payments", low=0, high=24, whole=True),
    NumericFeature(name="tenure", low=0, high=600, whole=True),
)
CATEGORICAL: Final = (
    CategoricalFeature(name="gender", known=("Male", "Female", "Other")),
    CategoricalFeature(name="location", known=("New York", "Los Angeles", "Chicago")),
    CategoricalFeature(name="contract_type", known=("Month-to-month", "One year", "Two year")),
    CategoricalFeature(name="payment_method", known=("Credit card", "Bank transfer", "Electronic check")),
)
NUMERIC_NAMES: Final = tuple(feature.name for feature in NUMERIC)
CATEGORICAL_NAMES: Final = tuple(feature.name for feature in CATEGORICAL)
FEATURES: Final = (
    "age",
    "gender",
    "location",
    "contract_type",
    "payment_method",
    "avg_data_usage",
    "avg_call_minutes",
    "usage_days",
    "avg_monthly_charges",
    "late_payments",
    "tenure",
)
"""All eleven, in the order of the table."""
