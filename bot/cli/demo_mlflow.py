"""The demo's MLflow: a real `mlflow server` on SQLite, where the full package is installed (group `demo`).

It takes seconds to start and is not waited for: until it answers, the model check says "unknown" and why.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Self

import aiohttp

if TYPE_CHECKING:
    from pathlib import Path

_READY_WITHIN = 120.0
_ACCURACY = 0.914


class DemoMlflow:
    """A server with one registered model, for the time of a block; nothing without a model or MLflow."""

    def __init__(self, folder: Path, *, model: str, alias: str) -> None:
        self._folder = folder
        self._model = model
        self._alias = alias
        self._process: asyncio.subprocess.Process | None = None
        self._seeding: asyncio.Task[None] | None = None
        self.tracking_uri = ""

    @property
    def words(self) -> str:
        """One line that says where it is, or how to get it."""
        if not self._model:
            return "not started, as no service has a model"
        if self.tracking_uri:
            return f"{self.tracking_uri} (takes a moment to start)"
        return "not installed, so the model check says unknown; `make demo` installs it (group `demo`)"

    async def __aenter__(self) -> Self:
        # The server lives in the full package alone; mlflow-skinny has the same import name.
        if (
            not self._model
            or importlib.util.find_spec("mlflow") is None
            or importlib.util.find_spec("flask") is None
        ):
            return self
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.tracking_uri = f"http://127.0.0.1:{port}"
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
            "--backend-store-uri",
            f"sqlite:///{self._folder / 'mlflow.db'}",
            "--artifacts-destination",
            str(self._folder / "artifacts"),
            cwd=self._folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._seeding = asyncio.create_task(self._seed())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._seeding is not None:
            self._seeding.cancel()
            await asyncio.gather(self._seeding, return_exceptions=True)
        if self._process is None or self._process.returncode is not None:
            return
        # Its own session: the server's workers end with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    async def _seed(self) -> None:
        """Register the model that the demo's service serves, once the server answers."""
        async with (
            asyncio.timeout(_READY_WITHIN),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        ):
            await self._until_ready(session)
            run = await self._post(session, "runs/create", {"experiment_id": "0", "run_name": "training"})
            run_id = run["run"]["info"]["run_id"]
            await self._post(
                session,
                "runs/log-metric",
                {"run_id": run_id, "key": "accuracy", "value": _ACCURACY, "timestamp": 0},
            )
            await self._post(session, "registered-models/create", {"name": self._model})
            version = await self._post(
                session,
                "model-versions/create",
                {"name": self._model, "source": f"runs:/{run_id}/model", "run_id": run_id},
            )
            number = version["model_version"]["version"]
            await self._post(
                session,
                "registered-models/alias",
                {"name": self._model, "alias": self._alias, "version": number},
            )

    async def _until_ready(self, session: aiohttp.ClientSession) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"{self.tracking_uri}/health") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.5)

    async def _post(
        self, session: aiohttp.ClientSession, call: str, body: dict[str, object]
    ) -> dict[str, dict[str, dict[str, str]]]:
        async with session.post(f"{self.tracking_uri}/api/2.0/mlflow/{call}", json=body) as answer:
            answer.raise_for_status()
            content: dict[str, dict[str, dict[str, str]]] = await answer.json()
        return content
