"""Writing one run into an experiment of MLflow, once: inside the process that asks MLflow.

Called by `bot.adapters.mlflow_worker`. Our own id is a tag of the run: a run that an earlier attempt made,
and of which no answer came, is found by it and completed.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN_ID: Final = "lightship.run_id"
_COMPLETE: Final = "lightship.complete"
_AT_ONCE: Final = 500
_PARAM: Final = 500
_TAG: Final = 4_000


def log_run(client: Any, question: Mapping[str, Any]) -> dict[str, Any]:
    """Make or complete the run; MLflow's id of it. Raises MlflowException."""
    experiment = _experiment(client, question["experiment"])
    found = client.search_runs(
        [experiment], filter_string=f"tags.`{RUN_ID}` = '{question['run_id']}'", max_results=1
    )
    if found and found[0].data.tags.get(_COMPLETE):
        return {"run_id": found[0].info.run_id}
    run = found[0] if found else _begun(client, experiment, question)
    run_id = run.info.run_id
    _log_values(client, run_id, question)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in question["artifacts"].items():
            Path(folder, Path(name).name).write_bytes(base64.b64decode(content))
        client.log_artifacts(run_id, folder)
    client.set_tag(run_id, _COMPLETE, "true")
    client.set_terminated(run_id, "FINISHED", question["ended_ms"])
    return {"run_id": run_id}


def _begun(client: Any, experiment: str, question: Mapping[str, Any]) -> Any:
    return client.create_run(
        experiment,
        start_time=question["started_ms"],
        run_name=question["run_name"],
        tags={RUN_ID: question["run_id"]},
    )


def _log_values(client: Any, run_id: str, question: Mapping[str, Any]) -> None:
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - heavy; see `mlflow_worker`

    metrics = [Metric(name, value, question["ended_ms"], 0) for name, value in question["metrics"].items()]
    params = [Param(name, value[:_PARAM]) for name, value in question["params"].items() if value]
    tags = [RunTag(name, value[:_TAG]) for name, value in question["tags"].items() if value]
    client.log_batch(run_id, params=params, tags=tags)
    for begin in range(0, len(metrics), _AT_ONCE):
        client.log_batch(run_id, metrics=metrics[begin : begin + _AT_ONCE])


def _experiment(client: Any, name: str) -> str:
    """The experiment's id; made where it is not there, brought back where somebody deleted it."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - as above

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # another replica was quicker
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)
