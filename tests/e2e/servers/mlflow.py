"""A real `mlflow server` with its own store and artifacts, of the group `demo`: runs, models, aliases.

Started by the fixture `mlflow`. The pipeline of the sample service logs to it, the service loads from it, and
the bot asks it.
"""

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.servers.programs import REPOSITORY, Program, answers, free_port, until

START_SECONDS = 240.0
"""It takes ten on a machine that does nothing else."""

PIPELINE_SECONDS = 240.0


class Mlflow:
    """One server on loopback, one worker, its store in SQLite."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lightship-mlflow-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._program: Program | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a client of it is told."""
        return {"MLFLOW_TRACKING_URI": self.url}

    def start(self) -> "Mlflow":
        """Start and wait until it serves. Raises `NotStarted`."""
        store, artifacts = self.directory / "mlflow.db", self.directory / "artifacts"
        command = (
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{store}", "--artifacts-destination", str(artifacts)),
        )
        # Its jobs are of no use here, and five more processes.
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._program = Program("mlflow", command, log=self.directory / "mlflow.log", environment=environment)
        try:
            until(
                lambda: answers(f"{self.url}/health"),
                "MLflow answers",
                seconds=START_SECONDS,
                program=self._program,
            )
        except BaseException:
            self.discard()
            raise
        return self

    def stop(self) -> None:
        """Take it away; `start` brings it back at the same address with all that it knew."""
        if self._program:
            self._program.kill()

    def discard(self) -> None:
        """End it, and remove what it kept."""
        if self._program:
            self._program.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def make_older(self, version: str, days: int, *, model: str = "churn-model") -> None:
        """Let a version have been registered so many days earlier, as its store tells."""
        with sqlite3.connect(self.directory / "mlflow.db", timeout=30) as store:
            changed = store.execute(
                "UPDATE model_versions SET creation_time = creation_time - ? WHERE name = ? AND version = ?",
                (days * 86_400_000, model, int(version)),
            )
        assert changed.rowcount == 1

    def run_pipeline(self, out: Path, *arguments: str) -> dict[str, Any]:
        """The sample service's training pipeline as a program of its own; what it says of its end."""
        done = subprocess.run(
            [sys.executable, "-m", "examples.churn.pipeline.run_pipeline", "--out", str(out), *arguments],
            cwd=REPOSITORY,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=PIPELINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        # MLflow prints lines of its own before it.
        return dict(json.loads(done.stdout[done.stdout.index("{\n") :]))

    def get(self, call: str, **parameters: str) -> dict[str, Any]:
        """A GET of its API, such as `registered-models/get`."""
        return self._ask(f"{call}?{urllib.parse.urlencode(parameters)}")

    def post(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A POST of its API, such as `runs/search`."""
        return self._ask(call, body)

    def version_of(self, alias: str, *, model: str = "churn-model") -> str:
        """The version behind an alias."""
        found = self.get("registered-models/alias", name=model, alias=alias)
        return str(found["model_version"]["version"])

    def create_model(self, *, versions: int, alias: str, at: int) -> str:
        """Register a model of its own with versions whose runs say 0.71, 0.72, …; its name."""
        name = f"churn-model-{secrets.token_hex(4)}"
        self.post("registered-models/create", {"name": name})
        for number in range(1, versions + 1):
            run = self.post("runs/create", {"experiment_id": "0", "run_name": "training"})
            run_id = run["run"]["info"]["run_id"]
            accuracy = {"key": "accuracy", "value": 0.7 + number / 100, "timestamp": 0}
            self.post("runs/log-metric", {"run_id": run_id, **accuracy})
            version = {"name": name, "source": f"runs:/{run_id}/model", "run_id": run_id}
            self.post("model-versions/create", version)
        self.point(name, alias, at)
        return name

    def register(self, model: str, metrics: Mapping[str, float]) -> str:
        """Register a candidate with a run of its own, as the pipeline does; its number."""
        run_id = self._run("training", metrics, {})
        version = {"name": model, "source": f"runs:/{run_id}/model", "run_id": run_id}
        return str(self.post("model-versions/create", version)["model_version"]["version"])

    def evaluate(self, model: str, version: int, metrics: Mapping[str, float]) -> None:
        """Log how good a version is in production, in an experiment of its own, as the pipeline does."""
        self._run("production_evaluation", metrics, {"model_name": model, "model_version": str(version)})

    def _run(self, name: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> str:
        """A finished run; its id."""
        experiment = self.post("experiments/create", {"name": secrets.token_hex(4)})["experiment_id"]
        now = time.time_ns() // 1_000_000
        run = self.post("runs/create", {"experiment_id": experiment, "run_name": name, "start_time": now})
        run_id = str(run["run"]["info"]["run_id"])
        for key, value in metrics.items():
            self.post("runs/log-metric", {"run_id": run_id, "key": key, "value": value, "timestamp": now})
        for key, text in tags.items():
            self.post("runs/set-tag", {"run_id": run_id, "key": key, "value": text})
        self.post("runs/update", {"run_id": run_id, "status": "FINISHED"})
        return run_id

    def point(self, model: str, alias: str, version: int) -> None:
        """Move an alias, as somebody else would."""
        self.post("registered-models/alias", {"name": model, "alias": alias, "version": str(version)})

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        """An experiment's runs, the newest first, each with `id`, `name`, `metrics`, `params`, `tags`."""
        found = self.get("experiments/get-by-name", experiment_name=experiment)
        searched = self.post(
            "runs/search",
            {
                "experiment_ids": [found["experiment"]["experiment_id"]],
                "order_by": ["attributes.start_time DESC"],
            },
        )
        return [_told(run) for run in searched.get("runs", ())]

    def _ask(self, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  # our own address
            f"{self.url}/api/2.0/mlflow/{call}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
            return dict(json.load(answer))


def _told(run: Mapping[str, Any]) -> dict[str, Any]:
    content = run["data"]
    return {
        "id": run["info"]["run_id"],
        "name": run["info"].get("run_name", ""),
        "status": run["info"]["status"],
        "metrics": {one["key"]: one["value"] for one in content.get("metrics", ())},
        "params": {one["key"]: one["value"] for one in content.get("params", ())},
        "tags": {one["key"]: one["value"] for one in content.get("tags", ())},
    }
