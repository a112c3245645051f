"""The pipeline's side of MLflow: runs, the registered model, its aliases. Called by `run_pipeline`."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import mlflow
import mlflow.sklearn
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

from examples.churn.pipeline.training import inputs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from examples.churn.pipeline.training import Trained

MODEL: Final = "churn-model"
ALIAS: Final = "Production"
TRAINING: Final = "churn-training"
EVALUATION: Final = "production_evaluation"
CANDIDATE: Final = "Candidate"


def production() -> tuple[str, Any] | None:
    """The version behind the alias and its model; None while there is none."""
    try:
        found = mlflow.MlflowClient().get_model_version_by_alias(MODEL, ALIAS)
    except MlflowException:
        return None
    return str(found.version), mlflow.sklearn.load_model(f"models:/{MODEL}/{found.version}")


def log_candidate(
    trained: Trained,
    *,
    metrics: Mapping[str, float],
    parameters: Mapping[str, object],
    files: tuple[Path, ...],
) -> str:
    """Log the run with its metrics and files and register the model; its version, by the alias Candidate."""
    mlflow.set_experiment(TRAINING)
    sample = inputs(trained.held_out.head(5))
    with mlflow.start_run(run_name="training"):
        mlflow.log_params(dict(parameters))
        mlflow.log_metrics(dict(metrics))
        for file in files:
            mlflow.log_artifact(str(file))
        logged = mlflow.sklearn.log_model(
            trained.classifier,
            name="model",
            registered_model_name=MODEL,
            signature=infer_signature(sample, trained.classifier.predict_proba(sample)),
            # Named here, because MLflow's own search for them takes longer than the training.
            pip_requirements=[f"{name}=={version(name)}" for name in ("scikit-learn", "pandas", "numpy")],
            serialization_format="cloudpickle",
        )
    candidate = str(logged.registered_model_version)
    mlflow.MlflowClient().set_registered_model_alias(MODEL, CANDIDATE, candidate)
    return candidate


def make_production(number: str) -> None:
    """Move the alias. Only the first version is promoted without anybody's approval."""
    mlflow.MlflowClient().set_registered_model_alias(MODEL, ALIAS, number)


def log_evaluation(number: str, metrics: Mapping[str, float], rows: pd.DataFrame) -> None:
    """Keep how good the version in production is on fresh customers, as a run of its own."""
    mlflow.set_experiment(TRAINING)
    with mlflow.start_run(run_name=EVALUATION):
        mlflow.set_tags({"model_name": MODEL, "model_version": number})
        mlflow.log_metrics(dict(metrics))
        mlflow.log_param("rows", len(rows))
