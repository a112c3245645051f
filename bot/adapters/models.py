"""The model registry behind `ModelReader`: MLflow, asked by a process that comes up on demand and goes away.

Importing mlflow takes seconds and much memory, so the bot never does: `bot.adapters.mlflow_worker` does.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bot.adapters.workers import Worker
from bot.domain.calls import MARK, granted_call
from bot.domain.errors import (
    Ambiguous,
    Conflict,
    Forbidden,
    LightshipError,
    NotFound,
    Permanent,
    Temporary,
)
from bot.domain.outside_text import one_line
from bot.domain.remedies import CallKind
from bot.ports.readers import Evaluation, ModelVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.approvals import Grant

HOW_TO_GET_IT: Final = (
    "no MLflow server is configured: set MLFLOW_TRACKING_URI to its http(s) address; "
    "`mlflow server --backend-store-uri sqlite:///mlflow.db` starts one"
)
_PASSES: Final = r"(?:MLFLOW_|SSL_|REQUESTS_|CURL_)|(?:https?|no|all)_proxy\Z"
_MEMORY: Final = 2_000_000_000
_ERRORS: Final[dict[str, type[LightshipError]]] = {
    "not_found": NotFound,
    "conflict": Conflict,
    "permanent": Permanent,
    "temporary": Temporary,
}


class MlflowModels:
    """`bot.ports.readers.ModelReader` over an MLflow server, by one worker that questions take turns at."""

    def __init__(self, tracking_uri: str, *, timeout: float = 40.0, idle: float = 120.0) -> None:
        self._uri = tracking_uri
        self.worker = Worker(
            "bot.adapters.mlflow_worker",
            what="MLflow",
            timeout=timeout,
            idle=idle,
            memory=_MEMORY,
            passes=_PASSES,
            environment={
                "MLFLOW_TRACKING_URI": tracking_uri,
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
                "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(int(timeout / 2), 1)),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
            },
        )

    async def close(self) -> None:
        """End the worker."""
        await self.worker.aclose()

    async def version_by_alias(self, *, name: str, alias: str) -> ModelVersion:
        """The version behind an alias, with the metrics of its run. Raises NotFound where there is none."""
        return _version_of(await self.ask({"do": "alias", "name": name, "alias": alias}))

    async def version(self, *, name: str, version: str) -> ModelVersion:
        """A version by its number. Raises NotFound where there is none."""
        return _version_of(await self.ask({"do": "version", "name": name, "version": version}))

    async def versions(self, *, name: str) -> tuple[ModelVersion, ...]:
        """The newest versions, the newest first."""
        answer = await self.ask({"do": "versions", "name": name})
        return tuple(_version_of(one) for one in _listed(answer, "versions"))

    async def evaluations(self, *, name: str, version: str) -> tuple[Evaluation, ...]:
        """The newest finished runs `production_evaluation` of a version, the newest first."""
        answer = await self.ask({"do": "evaluations", "name": name, "version": version})
        return tuple(_evaluation_of(one) for one in _listed(answer, "evaluations"))

    async def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the worker answers to one question. Raises Temporary where it cannot be told."""
        if not self._uri.startswith(("http://", "https://")):
            # A file store is refused by MLflow itself, a database has no registry without its server.
            raise Permanent(HOW_TO_GET_IT)
        output = await self.worker.ask(json.dumps(question).encode())
        try:
            answer = json.loads(output)
        except ValueError as error:
            raise Temporary("MLflow's answer cannot be read") from error
        if not isinstance(answer, dict):
            raise Temporary("MLflow's answer cannot be read")
        if "error" in answer:
            raise _error(str(answer["error"]), one_line(answer.get("message", ""), limit=300))
        return answer


class MlflowAliases:
    """`bot.ports.writers.ModelWriter` by the same worker, which looks before it sets."""

    def __init__(self, models: MlflowModels) -> None:
        self._models = models

    async def set_alias(self, grant: Grant) -> None:
        """Move the alias as granted, and mark its new version with the approval."""
        call = granted_call(grant, CallKind.ALIAS)
        (edit,) = call.edits
        question = {
            "do": "set_alias",
            "name": call.name,
            "alias": edit.path[-1],
            "before": edit.before.strip('"'),
            "after": edit.after.strip('"'),
            "tag": MARK,
            "mark": grant.approval_id,
        }
        try:
            await self._models.ask(question)
        except Temporary as error:
            raise Ambiguous(f"MLflow may or may not have done it: {error}") from error


def _version_of(answer: Mapping[str, Any]) -> ModelVersion:
    try:
        return ModelVersion(
            name=str(answer["name"]),
            version=str(answer["version"]),
            aliases=tuple(str(one) for one in answer["aliases"]),
            created_at=datetime.fromtimestamp(answer["created_ms"] / 1000, UTC),
            run_id=str(answer["run_id"]),
            metrics=_metrics_of(answer),
            tags={str(key): str(value) for key, value in (answer.get("tags") or {}).items()},
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Permanent("MLflow's answer cannot be read") from error


def _evaluation_of(answer: Mapping[str, Any]) -> Evaluation:
    try:
        at = datetime.fromtimestamp(answer["at_ms"] / 1000, UTC)
        return Evaluation(run_id=str(answer["run_id"]), at=at, metrics=_metrics_of(answer))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Permanent("MLflow's answer cannot be read") from error


def _listed(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = answer.get(name)
    if not isinstance(found, list):
        raise Permanent("MLflow's answer cannot be read")
    return found


def _metrics_of(answer: Mapping[str, Any]) -> dict[str, float]:
    """The finite ones: a run may log NaN, which is no number to compare with."""
    numbers = {str(key): float(value) for key, value in answer["metrics"].items()}
    return {key: value for key, value in numbers.items() if math.isfinite(value)}


def _error(word: str, message: str) -> LightshipError:
    if word == "forbidden":
        return Forbidden(f"MLflow does not let Lightship in: {message}", right="read models")
    return _ERRORS.get(word, Permanent)(f"MLflow: {message}")
