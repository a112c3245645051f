"""What the closed loop is made of beside the servers: the workload, the callers, the rules, the timeline.

Used by `test_closed_loop.py`, which `make loop` runs and shows. The rules, the configuration and the runbooks
are the shipped ones; only the windows of the alert that is played are shorter, unless LIGHTSHIP_LOOP=shipped
asks for the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from ruamel.yaml import YAML

from examples.churn.customers import Population, make_customers
from examples.churn.features import TARGET
from tests.e2e.scenes import DEPLOYMENT
from tests.e2e.servers.cluster import BY_HAND
from tests.e2e.servers.kubelet import PORT
from tests.e2e.servers.programs import REPOSITORY, Program
from tests.e2e.servers.workloads import cron_job, deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

ALICE, BOB = "U0ALICE", "U0BOB"
RULES = REPOSITORY / "k8s" / "monitoring" / "rules.yaml"
SHIPPED_WINDOWS = os.environ.get("LIGHTSHIP_LOOP") == "shipped"
WINDOW, HOLD = ("5m", "5m") if SHIPPED_WINDOWS else ("20s", "10s")
PATIENCE = 900.0 if SHIPPED_WINDOWS else 180.0
"""Seconds that the alert may take to come or to go."""

DRIFT_WINDOW = "1m"
DRIFT_PATIENCE = 200.0
"""The same for what follows drift reports, which are made once a minute at most."""

USUAL_RATE = 3.0
"""Requests a second of the quiet callers, today and yesterday."""


class Timeline:
    """What happened when, printed as it happens and kept."""

    def __init__(self, title: str) -> None:
        self._began = time.monotonic()
        self.lines: list[str] = []
        sys.stdout.write(f"\n{title}\n")

    def note(self, words: str) -> None:
        """Something has just happened."""
        line = f"{time.monotonic() - self._began:6.1f} s  {words}"
        self.lines.append(line)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def serving(namespace: str, *, image: str, delay: float) -> dict[str, Any]:
    """The Deployment of the sample service, three pods; a prediction is `delay` seconds of a pod's work."""
    made = deployment(namespace, DEPLOYMENT, replicas=3, image=image)
    template = made["spec"]["template"]
    template["metadata"]["annotations"][BY_HAND] = "true"
    (container,) = template["spec"]["containers"]
    container |= {
        "command": ["python", "-m", "examples.churn"],
        "env": [
            {"name": "CHURN_MODEL", "value": "models:/churn-model@Production"},
            {"name": "CHURN_KNOB_DELAY", "value": str(delay)},
        ],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": PORT}},
    }
    return made


def training(namespace: str, *, image: str, out: Path) -> dict[str, Any]:
    """The CronJob of the training pipeline; since the customers changed it learns from the new ones."""
    made = cron_job(namespace, image=image)
    template = made["spec"]["jobTemplate"]["spec"]["template"]
    template["metadata"] = {"annotations": {BY_HAND: "true"}}
    (container,) = template["spec"]["containers"]
    container |= {
        "command": ["python", "-m", "examples.churn.pipeline.run_pipeline"],
        "args": ["--out", str(out), "--rows", "6000", "--seed", "8"],
        "env": [{"name": "CHURN_POPULATION", "value": Population.NEWCOMERS.value}],
    }
    return made


class Batches:
    """A system that has its customers scored, a hundred at a time, for the time of a block."""

    def __init__(self) -> None:
        self._url = ""
        self.population = Population.TODAY
        """Who its customers are; may be changed while it asks."""
        self.answered = 0

    @contextlib.asynccontextmanager
    async def asking(self, url: str) -> AsyncIterator[None]:
        """Ask the service there until the block ends."""
        self._url = url
        task = asyncio.create_task(self._ask())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ask(self) -> None:
        limit = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=limit) as session:
            for seed in itertools.count(100):
                table = await asyncio.to_thread(make_customers, 100, seed=seed, population=self.population)
                rows = json.loads(table.drop(columns=TARGET).to_json(orient="records"))
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(f"{self._url}/predict/batch", json={"customers": rows}) as answer:
                        self.answered += len(rows) if answer.ok else 0
                await asyncio.sleep(0.5)


class Callers:
    """Locust's users of `tests/load/locustfile.py`, until they are stopped."""

    def __init__(self, directory: Path, url: str) -> None:
        self._directory, self._url = directory, url
        self._programs: list[Program] = []

    def come(self, users: int, *, wait: str = "1,3") -> None:
        """So many more; each waits `wait` seconds (shortest, longest) between two requests."""
        command = (
            *(sys.executable, "-m", "locust", "-f", REPOSITORY / "tests" / "load" / "locustfile.py"),
            *("--headless", "--host", self._url, "--users", str(users), "--spawn-rate", "10"),
            *("--run-time", "30m", "--only-summary"),
        )
        log = self._directory / f"callers-{len(self._programs)}.log"
        environment = {**os.environ, "LOAD_WAIT": wait}
        self._programs.append(Program("locust", command, log=log, environment=environment))

    def leave(self) -> None:
        """All of them, at once."""
        for program in self._programs:
            program.kill()
        self._programs.clear()


def rules(*played: str) -> dict[str, Any]:
    """The shipped rules; those of the alerts that are `played` with the windows of this run."""
    content: dict[str, Any] = YAML(typ="safe").load(RULES)
    if SHIPPED_WINDOWS:
        return content
    for group in content["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if rule["alert"] in played:
                rule["for"] = HOLD
                rule["expr"] = _windowed(rule["expr"])
    return content


def configuration(directory: Path, *, drift_schedule: str | None = None) -> Path:
    """The shipped `lightship.yaml` with the windows of this run and the shipped runbooks.

    Without a schedule no drift report is made; with one it is of the folder `data` beside the file.
    """
    text = _windowed((REPOSITORY / "lightship.yaml").read_text())
    changes = {
        "runbooks: [runbooks]": f"runbooks: [{REPOSITORY / 'runbooks'}]",
        'schedule: "0 * * * *"': f"schedule: {json.dumps(drift_schedule)}",
        "reference: data/reference.parquet": "reference: data/reference.profile",
        "last: 1d": f"last: {DRIFT_WINDOW}",
    }
    for shipped, here in changes.items():
        assert shipped in text, f"lightship.yaml no longer says {shipped}"
        text = text.replace(shipped, here)
    file = directory / "lightship.yaml"
    file.write_text(text)
    return file


def _windowed(text: str) -> str:
    return re.sub(r"\[1?5m\]", f"[{WINDOW}]", text)


def yesterday(now: datetime | None = None) -> str:
    """What Prometheus remembers of the quiet day before, in OpenMetrics: the latencies of one pod."""
    middle = (now or datetime.now(UTC)) - timedelta(days=1)
    start, points = middle - timedelta(minutes=10), 300
    name, labels = "churn_prediction_latency_seconds", 'job="churn-api",endpoint="/predict",pod="yesterday"'
    lines = [f"# TYPE {name} histogram"]
    for bound in ("0.1", "0.25", "0.5", "+Inf"):
        share = {"0.1": 0.0, "0.25": 0.5}.get(bound, 1.0)
        lines += _growing(f'{name}_bucket{{{labels},le="{bound}"}}', start, points, USUAL_RATE * share)
    lines += _growing(f"{name}_count{{{labels}}}", start, points, USUAL_RATE)
    lines += _growing(f"{name}_sum{{{labels}}}", start, points, USUAL_RATE * 0.25)
    return "\n".join([*lines, "# EOF\n"])


def _growing(series: str, start: datetime, points: int, rate: float, *, every: float = 5.0) -> list[str]:
    return [
        f"{series} {rate * every * number:.1f} {start.timestamp() + every * number:.0f}"
        for number in range(points)
    ]


def of_pods(targets: Path, **labels: str) -> Mapping[str, Any]:
    """The scrape job of the sample service, whose pods come and go."""
    relabel = [{"target_label": name, "replacement": value} for name, value in labels.items()]
    return {
        "job_name": "churn-api",
        "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
        "relabel_configs": relabel,
    }
