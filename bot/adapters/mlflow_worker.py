"""The process that asks MLflow: a question as JSON in, its answer as JSON out.

Started by `bot.adapters.models`; nothing imports it, because it imports mlflow.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from bot.adapters.worker_side import serve

if TYPE_CHECKING:
    from collections.abc import Mapping

_METRICS = 200
_VERSIONS = 5
_EVALUATION = "production_evaluation"
_EVALUATIONS = 5
_RUNS = 50
_EXPERIMENTS = 1_000


def main() -> int:
    """Answer until the bot has no more to ask; errors of MLflow are answers too."""
    return serve(lambda question: json.dumps(_answer(json.loads(question))).encode())


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    from mlflow import MlflowClient  # noqa: PLC0415 - heavy; this process exists so that only it pays
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        client, name = MlflowClient(), question.get("name", "")
        match question.get("do", "alias"):
            case "log":
                from bot.adapters.mlflow_logging import log_run  # noqa: PLC0415 - loads mlflow as well

                return log_run(client, question)
            case "set_alias":
                return _set_alias(client, question)
            case "versions":
                return _versions(client, name)
            case "evaluations":
                return _evaluations(client, name, question["version"])
            case "version":
                version = client.get_model_version(name, question["version"])
            case _:
                version = client.get_model_version_by_alias(name, question["alias"])
        return _version(client, version)
    except MlflowException as error:
        return _failure(error)


def _version(client: Any, version: Any) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": str(version.version),
        "aliases": list(version.aliases),
        "created_ms": version.creation_timestamp,
        "run_id": version.run_id or "",
        "metrics": _metrics(client, version.run_id) if version.run_id else {},
        "tags": dict(version.tags or {}),
    }


def _versions(client: Any, name: str) -> dict[str, Any]:
    """The newest ones. The search leaves their aliases out, so each is asked for by itself."""
    quote = '"' if "'" in name else "'"
    found = client.search_model_versions(
        f"name={quote}{name}{quote}", order_by=["version_number DESC"], max_results=_VERSIONS
    )
    return {"versions": [_version(client, client.get_model_version(name, one.version)) for one in found]}


def _evaluations(client: Any, name: str, number: str) -> dict[str, Any]:
    """Over all experiments, because nothing says in which one production is evaluated."""
    made_ms = client.get_model_version(name, number).creation_timestamp
    experiments = [one.experiment_id for one in client.search_experiments(max_results=_EXPERIMENTS)]
    runs = client.search_runs(
        experiments,
        filter_string=f"attributes.run_name = '{_EVALUATION}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=_RUNS,
    )
    own = [run for run in runs if _is_of(run, name, number, made_ms)]
    return {
        "evaluations": [
            {"run_id": run.info.run_id, "at_ms": run.info.start_time, "metrics": _first(run.data.metrics)}
            for run in own[:_EVALUATIONS]
        ]
    }


def _is_of(run: Any, name: str, number: str, made_ms: int) -> bool:
    tags = run.data.tags
    if tags.get("model_name", name) != name:
        return False
    named = tags.get("model_version")
    return bool(named == number) if named is not None else bool(run.info.start_time >= made_ms)


def _set_alias(client: Any, question: Mapping[str, str]) -> dict[str, Any]:
    """Compare by looking, set, and leave the mark by which it is known again."""
    name, alias, after = question["name"], question["alias"], question["after"]
    now = str(client.get_model_version_by_alias(name, alias).version)
    if now != question["before"]:
        return {"error": "conflict", "message": f"{alias} is version {now} now"}
    client.set_registered_model_alias(name, alias, after)
    client.set_model_version_tag(name, after, question["tag"], question["mark"])
    return {"done": True}


def _metrics(client: Any, run_id: str) -> dict[str, float]:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        run = client.get_run(run_id)
    except MlflowException:
        return {}  # a deleted run takes its metrics along, and the version is still the version
    return _first(run.data.metrics)


def _first(metrics: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(metrics.items())[:_METRICS])


def _failure(error: Any) -> dict[str, Any]:
    code, status = str(error.error_code), error.get_http_status_code()
    message = str(error.message)
    if code == "RESOURCE_DOES_NOT_EXIST" or ("alias" in message.lower() and "not found" in message.lower()):
        return {"error": "not_found", "message": "there is no such model, or no such alias"}
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"} or status in {401, 403}:
        return {"error": "forbidden", "message": code}
    if "API request to" in message or status >= 500 or status == 429:  # noqa: PLR2004 - HTTP statuses
        # The message would show the address, which may hold a password.
        return {"error": "temporary", "message": "the server cannot be reached or failed"}
    return {"error": "permanent", "message": code}


if __name__ == "__main__":
    sys.exit(main())
