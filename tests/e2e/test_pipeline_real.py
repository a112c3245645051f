"""The sample service's training pipeline on a real MLflow server: what it logs, registers and compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.drift.profile_files import load_profile
from examples.churn.features import FEATURES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.servers.mlflow import Mlflow

pytestmark = pytest.mark.timeout(600)
"""The first test pays for the server's start and for two trainings: half a minute on an idle machine."""

QUALITY = {"accuracy", "roc_auc", "f1", "log_loss"}


@pytest.fixture(scope="module")
def trainings(
    mlflow: Mlflow, first_training: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """What the pipeline said of its first run, and of a second one on customers that have moved on."""
    out = tmp_path_factory.mktemp("second")
    second = mlflow.run_pipeline(out, "--rows", "6000", "--seed", "8", "--population", "newcomers")
    return [first_training, second]


def test_the_first_version_serves_and_a_later_one_waits_for_a_person(
    mlflow: Mlflow, trainings: list[dict[str, Any]]
) -> None:
    """The first training becomes Production by itself; the second is a Candidate, and Production stays."""
    first, second = trainings
    assert (first["version"], first["alias"]) == ("1", "Production")
    assert (second["version"], second["alias"]) == ("2", "Candidate")
    assert mlflow.version_of("Production") == "1"
    assert mlflow.version_of("Candidate") == "2"


def test_a_candidate_is_compared_with_production_on_the_same_customers(
    mlflow: Mlflow, trainings: list[dict[str, Any]]
) -> None:
    """Trained on the moved population it is better there, and the server holds both sides' numbers."""
    second = trainings[1]
    production = second["production"]
    assert production["version"] == "1"
    assert second["better"] is True
    assert second["metrics"]["accuracy"] > production["metrics"]["accuracy"]
    runs = mlflow.runs("churn-training")
    (training,) = [run for run in runs if run["name"] == "training" and run["params"]["seed"] == "8"]
    assert training["metrics"]["accuracy"] == pytest.approx(second["metrics"]["accuracy"])
    evaluation = next(run for run in runs if run["name"] == "production_evaluation")
    assert evaluation["tags"]["model_version"] == "1"
    assert evaluation["metrics"]["accuracy"] == pytest.approx(production["metrics"]["accuracy"])


def test_a_training_is_on_record_with_what_repeats_it(
    mlflow: Mlflow, trainings: list[dict[str, Any]]
) -> None:
    """Its run is finished, with its measures, and with rows, seed and population."""
    assert len(trainings) == 2
    (training,) = [
        run
        for run in mlflow.runs("churn-training")
        if run["name"] == "training" and run["params"]["seed"] == "7"
    ]
    assert training["status"] == "FINISHED"
    assert set(training["metrics"]) >= QUALITY
    assert training["params"]["rows"] == "6000"
    assert training["params"]["population"] == "today"


def test_a_training_leaves_the_reference_of_the_drift_score(
    trainings: list[dict[str, Any]], training_folder: Path
) -> None:
    """The profile that it saves is of the rows that it learned from: the features, without the identifier."""
    assert trainings[0]["model"] == str(training_folder / "model.joblib")
    profile = load_profile(training_folder / "reference.profile")
    assert profile.rows == 4500
    assert profile.targets == {"churned"}
    compared = {column.name for column in profile.columns if column.compared}
    assert compared == set(FEATURES)
