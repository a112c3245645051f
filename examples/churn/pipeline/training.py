"""Fits the model and says how good it is; pure but for the numbers of the seed. Called by `run_pipeline`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from examples.churn.features import CATEGORICAL_NAMES, FEATURES, NUMERIC_NAMES, TARGET

if TYPE_CHECKING:
    import pandas as pd

    from examples.churn.scoring import Classifier

HELD_OUT = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A fitted model, the rows it learned from, and those that it has not seen."""

    classifier: Any
    learned_from: pd.DataFrame
    held_out: pd.DataFrame


def train(table: pd.DataFrame, *, seed: int) -> Trained:
    """Fit on three quarters of the customers; numbers are imputed, unknown words are ignored."""
    learned, held_out = train_test_split(table, test_size=HELD_OUT, random_state=seed, stratify=table[TARGET])
    classifier = _pipeline(seed)
    classifier.fit(inputs(learned), learned[TARGET])
    return Trained(classifier=classifier, learned_from=learned, held_out=held_out)


def evaluate(classifier: Classifier, table: pd.DataFrame) -> dict[str, float]:
    """Accuracy, ROC AUC, F1 and log loss on these customers."""
    chances = classifier.predict_proba(inputs(table))[:, 1]
    truth = table[TARGET]
    return {
        "accuracy": float(accuracy_score(truth, chances >= 0.5)),  # noqa: PLR2004 - the service's threshold
        "roc_auc": float(roc_auc_score(truth, chances)),
        "f1": float(f1_score(truth, chances >= 0.5)),  # noqa: PLR2004 - as above
        "log_loss": float(log_loss(truth, chances)),
    }


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The features as the model takes them: numbers as floats, the identifier left out."""
    chosen = table[list(FEATURES)].copy()
    chosen[list(NUMERIC_NAMES)] = chosen[list(NUMERIC_NAMES)].astype("float64")
    chosen[list(CATEGORICAL_NAMES)] = chosen[list(CATEGORICAL_NAMES)].astype("object")
    return chosen


def _pipeline(seed: int) -> Pipeline:
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    prepare = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), list(NUMERIC_NAMES)),
            ("words", words, list(CATEGORICAL_NAMES)),
        ]
    )
    return make_pipeline(
        prepare, HistGradientBoostingClassifier(max_iter=80, learning_rate=0.08, random_state=seed)
    )
