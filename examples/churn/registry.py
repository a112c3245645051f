"""The service's side of MLflow: the version behind an alias, again whenever the alias moves.

Loaded by `scoring.load_model` and `__main__` only where the model's address is one of the registry.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import mlflow
import mlflow.sklearn

from examples.churn.scoring import REGISTRY, Model

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE: Final = "reference.profile"


def load(address: str) -> Model:
    """The model behind `models:/NAME@ALIAS`. Raises MLflow's errors."""
    name, alias = _parts(address)
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias(name, alias)
    metrics = client.get_run(version.run_id).data.metrics if version.run_id else {}
    return Model(
        classifier=mlflow.sklearn.load_model(f"{REGISTRY}{name}/{version.version}"),
        name=name,
        version=str(version.version),
        accuracy=metrics.get("accuracy"),
        run=version.run_id or "",
    )


def follower(address: str) -> Callable[[Model], Model | None]:
    """A function from the model that is served to the one behind the alias; None while it is the same."""
    name, alias = _parts(address)

    def look(served: Model) -> Model | None:
        version = mlflow.MlflowClient().get_model_version_by_alias(name, alias)
        return None if str(version.version) == served.version else load(address)

    return look


def keep_reference(model: Model, folder: Path) -> None:
    """Put the profile of what the model learned from beside the inputs, for the drift report.

    It belongs to the model that answers, so it changes with it. Raises MLflow's errors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as here:
        found = mlflow.artifacts.download_artifacts(run_id=model.run, artifact_path=REFERENCE, dst_path=here)
        Path(found).replace(folder / REFERENCE)


def _parts(address: str) -> tuple[str, str]:
    name, _, alias = address.removeprefix(REGISTRY).partition("@")
    return name, alias
