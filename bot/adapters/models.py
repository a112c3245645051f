"""The model registry behind `ModelReader`: MLflow, asked by a process that comes up on demand and goes away.

Importing mlflow takes seconds and much memory, so the bot never does: `bot.adapters.mlflow_worker` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bot.domain.errors import Forbidden, LightshipError, NotFound, Permanent, Temporary
from bot.domain.outside_text import one_line
from bot.ports.readers import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

HOW_TO_GET_IT: Final = (
    "no MLflow server is configured: set MLFLOW_TRACKING_URI to its http(s) address; "
    "`mlflow server --backend-store-uri sqlite:///mlflow.db` starts one"
)
_PASSED: Final = re.compile(
    r"(?:MLFLOW_|PYTHON|SSL_|REQUESTS_|CURL_|LC_)|(?:PATH|HOME|LANG|TZ|TMPDIR|VIRTUAL_ENV)\Z"
    r"|(?:https?|no|all)_proxy\Z",
    re.IGNORECASE,
)
_MOST_BYTES: Final = 2_000_000
_ERRORS: Final[dict[str, type[LightshipError]]] = {
    "not_found": NotFound,
    "permanent": Permanent,
    "temporary": Temporary,
}


class MlflowModels:
    """`bot.ports.readers.ModelReader` over an MLflow server; at most `processes` workers at a time."""

    def __init__(self, tracking_uri: str, *, timeout: float = 40.0, processes: int = 1) -> None:
        self._uri = tracking_uri
        self._timeout = timeout
        self._turns = asyncio.Semaphore(processes)

    async def version_by_alias(self, *, name: str, alias: str) -> ModelVersion:
        """The version behind an alias, with the metrics of its run. Raises NotFound where there is none."""
        if not self._uri.startswith(("http://", "https://")):
            # A file store is refused by MLflow itself, a database has no registry without its server.
            raise Permanent(HOW_TO_GET_IT)
        answer = await self._ask({"name": name, "alias": alias})
        try:
            return ModelVersion(
                name=str(answer["name"]),
                version=str(answer["version"]),
                aliases=tuple(str(one) for one in answer["aliases"]),
                created_at=datetime.fromtimestamp(answer["created_ms"] / 1000, UTC),
                run_id=str(answer["run_id"]),
                metrics={str(key): float(value) for key, value in answer["metrics"].items()},
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise Permanent("MLflow's answer cannot be read") from error

    async def _ask(self, question: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                output = await self._work(json.dumps(question).encode())
        except TimeoutError as error:
            raise Temporary("MLflow gave no answer in time") from error
        except OSError as error:
            raise Temporary("the process that asks MLflow cannot be started") from error
        try:
            answer = json.loads(output)
        except ValueError as error:
            raise Temporary("the process that asks MLflow ended without an answer") from error
        if not isinstance(answer, dict):
            raise Temporary("the process that asks MLflow ended without an answer")
        if "error" in answer:
            raise _error(str(answer["error"]), one_line(answer.get("message", ""), limit=300))
        return answer

    async def _work(self, question: bytes) -> bytes:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.adapters.mlflow_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(self._uri, self._timeout),
        )
        try:
            output, _ = await worker.communicate(question)
        finally:
            if worker.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.kill()
                await worker.wait()
        return output[:_MOST_BYTES]


def _environment(uri: str, timeout: float) -> dict[str, str]:
    # The chat's tokens are in this process' environment, and MLflow has no business with them.
    passed = {name: value for name, value in os.environ.items() if _PASSED.match(name)}
    return {
        **passed,
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(int(timeout / 2), 1)),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    }


def _error(word: str, message: str) -> LightshipError:
    if word == "forbidden":
        return Forbidden(f"MLflow does not let Lightship in: {message}", right="read models")
    return _ERRORS.get(word, Permanent)(f"MLflow: {message}")
