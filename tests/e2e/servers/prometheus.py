"""A real Prometheus, of the operating system's package: it scrapes, evaluates rules, notifies Alertmanagers.

Started by the fixture `start_prometheus`. Rules and configuration are given as files or as values.
"""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.servers.programs import Program, free_port, installed, serving

Rules = Path | Mapping[str, Any]

# An alert that still fires is sent again after this long; the default of a minute would not fit a test.
RESEND = "2s"


def scraping(job: str, *addresses: str, **labels: str) -> dict[str, Any]:
    """A scrape job of fixed addresses (`host:port`) with these target labels."""
    return {"job_name": job, "static_configs": [{"targets": list(addresses), "labels": labels}]}


def alert(name: str, expr: str, *, labels: Mapping[str, str], hold: str = "0s", **annotations: str) -> Rules:
    """A rule file with one alert that fires after `expr` has held for `hold`."""
    rule = {"alert": name, "expr": expr, "for": hold, "labels": dict(labels), "annotations": annotations}
    return {"groups": [{"name": name, "rules": [rule]}]}


class Prometheus:
    """One server on loopback; `url` stays the same over restarts, and so do its data."""

    def __init__(
        self,
        directory: Path,
        *,
        scrape: Sequence[Mapping[str, Any]] = (),
        rules: Sequence[Rules] = (),
        alertmanagers: Sequence[str] = (),
        interval: str = "1s",
        past: str = "",
    ) -> None:
        """`alertmanagers` are addresses (`host:port`); `interval` is for scrapes and evaluations both.

        `past` is what it remembers from before its start, in OpenMetrics' text with timestamps.
        """
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._program: Program | None = None
        self._alertmanagers = list(alertmanagers)
        self._interval = interval
        self._write(scrape, rules)
        if past:
            self._remember(past)

    @property
    def program(self) -> Program:
        """The running process, to be suspended or killed."""
        assert self._program, "not started"
        return self._program

    def start(self) -> "Prometheus":
        """Start and wait until it serves. Raises `Missing` and `NotStarted`."""
        command = (
            installed("prometheus", "prometheus"),
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.external-url={self.url}",
            "--web.enable-lifecycle",
            f"--rules.alert.resend-delay={RESEND}",
        )
        self._program = Program("prometheus", command, log=self.directory / "prometheus.log")
        serving(self._program, f"{self.url}/-/ready", "Prometheus")
        return self

    def stop(self) -> None:
        """End it; it may be started again."""
        if self._program:
            self._program.stop()

    def reload(self, *, scrape: Sequence[Mapping[str, Any]], rules: Sequence[Rules] = ()) -> None:
        """Change what is scraped and ruled while it runs."""
        self._write(scrape, rules)
        request = urllib.request.Request(f"{self.url}/-/reload", method="POST")  # noqa: S310  # our own address
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310  # the same

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  # our own address
            return list(json.load(answer)["data"]["result"])

    def _remember(self, past: str) -> None:
        """Make blocks of it, which a server finds at its start."""
        file = self.directory / "past.txt"
        file.write_text(past)
        command = ("tsdb", "create-blocks-from", "openmetrics", str(file), str(self.directory / "tsdb"))
        subprocess.run(
            [installed("promtool", "prometheus"), *command], check=True, capture_output=True, timeout=120
        )

    def _write(self, scrape: Sequence[Mapping[str, Any]], rules: Sequence[Rules]) -> None:
        shutil.rmtree(self.directory / "rules", ignore_errors=True)
        (self.directory / "rules").mkdir(parents=True)
        for number, each in enumerate(rules):
            text = each.read_text() if isinstance(each, Path) else json.dumps(each)
            (self.directory / "rules" / f"{number}.yml").write_text(text)
        config = {
            "global": {
                "scrape_interval": self._interval,
                "scrape_timeout": self._interval,
                "evaluation_interval": self._interval,
            },
            "rule_files": [str(self.directory / "rules" / "*.yml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": self._alertmanagers}]}]},
            "scrape_configs": list(scrape),
        }
        (self.directory / "prometheus.yml").write_text(json.dumps(config, indent=1))  # JSON is YAML
