"""`python -m examples.churn.pipeline.run_pipeline`: train, evaluate, compare with production, register.

With MLFLOW_TRACKING_URI the run is logged and the model registered as `churn-model`: the first version gets
the alias Production, later ones the alias Candidate, and a person decides. Without it the model is only
a file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd

from examples.churn.customers import Population, make_customers
from examples.churn.features import CATEGORICAL_NAMES, FEATURES, IDENTIFIER, TARGET
from examples.churn.pipeline.training import evaluate, inputs, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.churn.pipeline.training import Trained


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the pipeline as the arguments say; what it prints, as a mapping."""
    given = _parsed(arguments)
    table = _customers(given)
    trained = train(table, seed=given.seed)
    metrics = evaluate(trained.classifier, trained.held_out)
    given.out.mkdir(parents=True, exist_ok=True)
    files = _files(trained, given.out, metrics)
    told: dict[str, Any] = {"rows": len(table), "metrics": metrics, "model": str(files["model"])}
    if os.environ.get("MLFLOW_TRACKING_URI"):
        told |= _register(trained, metrics, given, (files["reference"], files["profile"]))
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return told


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_pipeline", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data"), help="where model and reference go")
    parser.add_argument("--data", type=Path, help="labelled customers as Parquet, in place of generated ones")
    parser.add_argument("--rows", type=int, default=20_000, help="how many customers are generated")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--population",
        type=Population,
        choices=list(Population),
        default=Population(os.environ.get("CHURN_POPULATION", Population.TODAY)),
        help="which customers are generated",
    )
    return parser.parse_args(arguments)


def _customers(given: argparse.Namespace) -> pd.DataFrame:
    if given.data is None:
        return make_customers(given.rows, seed=given.seed, population=given.population)
    table = pd.read_parquet(given.data)
    missing = [name for name in (IDENTIFIER, *FEATURES, TARGET) if name not in table.columns]
    if missing:
        sys.exit(f"{given.data} lacks the columns {', '.join(missing)}")
    return table


def _files(trained: Trained, folder: Path, metrics: dict[str, float]) -> dict[str, Path]:
    """The model, the rows that it learned from (the reference of the drift score), their saved profile."""
    model, reference, profile = (
        folder / name for name in ("model.joblib", "reference.parquet", "reference.profile")
    )
    kept = {"classifier": trained.classifier, "name": "churn-model", "version": "local"}
    joblib.dump(kept | {"accuracy": metrics["accuracy"]}, model)
    # As the service records its inputs: numbers as floats, because a value may be missing there.
    numbers = {name: "float64" for name in FEATURES if name not in CATEGORICAL_NAMES}
    rows = trained.learned_from.astype(numbers)
    rows.to_parquet(reference, index=False)
    _predictions(trained, folder)
    command = [sys.executable, "-m", "bot", "drift", "profile", "--data", reference, "--out", profile]
    subprocess.run([*map(str, command), "--target", TARGET, "--exclude", IDENTIFIER], check=True)  # noqa: S603 - our own program
    return {"model": model, "reference": reference, "profile": profile}


def _predictions(trained: Trained, folder: Path) -> None:
    """What the model says of customers that it has not seen: the reference of its predictions."""
    chances = trained.classifier.predict_proba(inputs(trained.held_out))[:, 1]
    pd.DataFrame({"prediction": chances}).to_parquet(folder / "reference_predictions.parquet", index=False)


def _register(
    trained: Trained, metrics: dict[str, float], given: argparse.Namespace, files: tuple[Path, ...]
) -> dict[str, Any]:
    from examples.churn.pipeline import registry  # noqa: PLC0415 - MLflow takes seconds to load

    parameters = {"rows": given.rows, "seed": given.seed, "population": given.population.value}
    before = registry.production()
    version = registry.log_candidate(trained, metrics=metrics, parameters=parameters, files=files)
    if before is None:
        registry.make_production(version)
        registry.log_evaluation(version, metrics, trained.held_out)
        return {"version": version, "alias": registry.ALIAS}
    now = evaluate(before[1], trained.held_out)
    registry.log_evaluation(before[0], now, trained.held_out)
    better = metrics["accuracy"] > now["accuracy"]
    return {
        "version": version,
        "alias": registry.CANDIDATE,
        "production": {"version": before[0], "metrics": now},
        "better": better,
    }


if __name__ == "__main__":
    main()
