"""The model behind the service: loaded once, asked in batches. Called by the app.

A model is a scikit-learn pipeline over the eleven features, from a file or from the MLflow registry
(`models:/churn-model@Production`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pandas as pd

from examples.churn.features import CATEGORICAL_NAMES, FEATURES, NUMERIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REGISTRY: Final = "models:/"
_MEDIUM, _HIGH = 0.3, 0.6
_CHURNS = 0.5


class Classifier(Protocol):
    """What is asked of a scikit-learn pipeline."""

    def predict_proba(self, table: pd.DataFrame) -> Any:
        """One row of (stays, churns) for each row."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What the model says of one customer."""

    customer_id: str
    churn_probability: float
    will_churn: bool
    risk_category: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A loaded model with what it says of itself."""

    classifier: Classifier
    name: str
    version: str
    accuracy: float | None = None
    run: str = ""
    """The training run that made it; empty for a model out of a file."""

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        """One prediction a row, in their order."""
        table = pd.DataFrame(rows, columns=["customer_id", *FEATURES])
        table[list(NUMERIC_NAMES)] = table[list(NUMERIC_NAMES)].astype("float64")
        table[list(CATEGORICAL_NAMES)] = table[list(CATEGORICAL_NAMES)].astype("object")
        chances = self.classifier.predict_proba(table[list(FEATURES)])[:, 1]
        return [
            Prediction(
                customer_id=str(identifier),
                churn_probability=round(float(chance), 4),
                will_churn=bool(chance >= _CHURNS),
                risk_category=risk_of(float(chance)),
            )
            for identifier, chance in zip(table["customer_id"], chances, strict=True)
        ]


def risk_of(chance: float) -> str:
    """`low`, `medium` or `high`."""
    return "high" if chance >= _HIGH else "medium" if chance >= _MEDIUM else "low"


def load_model(address: str) -> Model:
    """The model at a path, or behind `models:/NAME@ALIAS`. Raises what joblib or MLflow raise."""
    if is_in_registry(address):
        from examples.churn.registry import load  # noqa: PLC0415 - MLflow takes seconds, a file needs none

        return load(address)
    import joblib  # noqa: PLC0415 - of this branch alone

    return Model(**joblib.load(Path(address)))


def is_in_registry(address: str) -> bool:
    """Whether it is `models:/NAME@ALIAS`."""
    return address.startswith(REGISTRY)
