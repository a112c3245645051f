"""`python -m tests.load`: the load test of the sample service, and what the alert rules would say to it.

With `--host` it asks a service that runs already; only addresses of this machine are accepted. It ends by
itself after `--seconds`, and with 1 where a threshold of the alert rules was breached.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from tests.e2e.servers.programs import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "k8s" / "monitoring" / "rules.yaml"
MODEL = REPOSITORY / ".cache" / "churn"
LOCAL = {"127.0.0.1", "localhost", "::1"}
MOST_USERS, MOST_SECONDS = 500, 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What the users saw. Times in seconds."""

    requests: int
    failures: int
    rate: float
    p50: float
    p95: float

    @property
    def failed(self) -> float:
        """The share of the requests that failed."""
        return self.failures / self.requests if self.requests else 1.0


def main() -> int:
    """Run it and print the table; 1 where an alert would fire."""
    given = _parsed()
    with _service(given) as host:
        result = run(host, users=given.users, seconds=given.seconds)
    return report(result)


def run(host: str, *, users: int, seconds: int) -> Result:
    """Let so many users ask for so long; only of this machine."""
    if urlsplit(host).hostname not in LOCAL:
        raise SystemExit(f"{host} is not on this machine: the load test asks loopback addresses only")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py"))]
        command += ["--headless", "--host", host, "--users", str(users), "--spawn-rate", "10"]
        command += [
            "--run-time",
            f"{seconds}s",
            "--csv",
            f"{folder}/run",
            "--only-summary",
            "--exit-code-on-error",
            "0",
        ]
        subprocess.run(command, check=True, timeout=seconds + 60, capture_output=True)
        with (Path(folder) / "run_stats.csv").open(newline="") as file:
            rows = {row["Name"]: row for row in csv.DictReader(file)}
    return _result(rows["Aggregated"])


def _result(row: dict[str, Any]) -> Result:
    return Result(
        requests=int(row["Request Count"]),
        failures=int(row["Failure Count"]),
        rate=float(row["Requests/s"]),
        p50=float(row["50%"]) / 1000,
        p95=float(row["95%"]) / 1000,
    )


def thresholds() -> dict[str, float]:
    """The numbers at which the shipped rules fire, by alert."""
    rules = YAML(typ="safe").load(RULES)["groups"][0]["rules"]
    return {
        rule["alert"]: float(found.group(1))
        for rule in rules
        if (found := re.search(r">\s*([\d.]+)\s*$", rule["expr"]))
    }


def report(result: Result) -> int:
    """Print the result beside the thresholds; 1 where one is breached."""
    limits = thresholds()
    slow = result.p95 > limits["HighAPILatency"]
    failing = result.failed > limits["HighErrorRate"]
    lines = [
        ("requests", f"{result.requests}", ""),
        ("RPS", f"{result.rate:.1f}", ""),
        ("p50", f"{result.p50:.3f} s", ""),
        (
            "p95",
            f"{result.p95:.3f} s",
            _against(limits["HighAPILatency"], " s", "HighAPILatency", breached=slow),
        ),
        (
            "failures",
            f"{result.failed:.1%}",
            _against(limits["HighErrorRate"] * 100, "%", "HighErrorRate", breached=failing),
        ),
    ]
    for name, value, words in lines:
        sys.stdout.write(f"{name:<10}{value:>10}  {words}".rstrip() + "\n")
    return int(slow or failing)


def _against(limit: float, unit: str, alert: str, *, breached: bool) -> str:
    return f"{'ABOVE' if breached else 'within'} {limit:g}{unit}, where {alert} fires"


@contextmanager
def _service(given: argparse.Namespace) -> Iterator[str]:
    """The address of the service, started for the time of the block unless one is named."""
    if given.host:
        yield given.host
        return
    model = MODEL / "model.joblib"
    if not model.exists():
        subprocess.run(
            [sys.executable, "-m", "examples.churn.pipeline.run_pipeline", "--out", str(MODEL)],
            cwd=REPOSITORY,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    host = f"http://127.0.0.1:{(port := free_port())}"
    added = {"CHURN_MODEL": str(model), "CHURN_PORT": str(port), "CHURN_LOG_LEVEL": "warning"}
    service = subprocess.Popen(
        [sys.executable, "-m", "examples.churn"], cwd=REPOSITORY, env=os.environ | added
    )
    try:
        _wait(host, service)
        yield host
    finally:
        service.terminate()
        service.wait(timeout=20)


def _wait(host: str, service: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and service.poll() is None:
        try:
            urllib.request.urlopen(f"{host}/health", timeout=2).close()  # noqa: S310 - our own loopback address
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the sample service did not start")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--host", help="a service that runs already, on this machine")
    parser.add_argument("--users", type=int, default=50, help=f"at most {MOST_USERS}")
    parser.add_argument("--seconds", type=int, default=20, help=f"at most {MOST_SECONDS}")
    given = parser.parse_args()
    if not (1 <= given.users <= MOST_USERS and 1 <= given.seconds <= MOST_SECONDS):
        parser.error(f"1 to {MOST_USERS} users and 1 to {MOST_SECONDS} seconds")
    return given


if __name__ == "__main__":
    sys.exit(main())
