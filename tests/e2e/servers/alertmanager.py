"""A real Alertmanager, of the operating system's package: it groups alerts and posts them to the bot.

Started by the fixture `start_alertmanager`. Silences and its notification log survive a restart.
"""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.servers.programs import Program, free_port, installed, serving


def posting_to(
    url: str, *, token: str | None = None, group_by: Sequence[str] = ("alertname",), repeat: str = "10s"
) -> dict[str, Any]:
    """A configuration with one receiver, a webhook with this bearer token, and waits that fit a test."""
    webhook: dict[str, Any] = {"url": url, "send_resolved": True}
    if token:
        webhook["http_config"] = {"authorization": {"type": "Bearer", "credentials": token}}
    return {
        "route": {
            "receiver": "lightship",
            "group_by": list(group_by),
            "group_wait": "100ms",
            "group_interval": "1s",
            "repeat_interval": repeat,
        },
        "receivers": [{"name": "lightship", "webhook_configs": [webhook]}],
    }


class Alertmanager:
    """One server on loopback without peers; `address` and `url` stay the same over restarts."""

    def __init__(self, directory: Path, config: Mapping[str, Any]) -> None:
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._program: Program | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._write(config)

    @property
    def program(self) -> Program:
        """The running process, to be suspended or killed."""
        assert self._program, "not started"
        return self._program

    def start(self) -> "Alertmanager":
        """Start and wait until it serves. Raises `Missing` and `NotStarted`."""
        command = (
            installed("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.directory / 'alertmanager.yml'}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={self.address}",
            f"--web.external-url={self.url}",
            "--cluster.listen-address=",  # no gossip: it would wait for peers and need another port
        )
        self._program = Program("alertmanager", command, log=self.directory / "alertmanager.log")
        serving(self._program, f"{self.url}/-/ready", "Alertmanager")
        return self

    def stop(self) -> None:
        """End it; it may be started again."""
        if self._program:
            self._program.stop()

    def reload(self, config: Mapping[str, Any]) -> None:
        """Change its configuration while it runs."""
        self._write(config)
        self._post("/-/reload", None)

    def fire(self, *alerts: Mapping[str, Any]) -> None:
        """Hand it alerts as Prometheus does: `labels`, and if wanted `annotations`, `startsAt`, `endsAt`."""
        self._post("/api/v2/alerts", list(alerts))

    def get(self, path: str) -> Any:
        """A GET of its API, such as `/api/v2/silences`."""
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:  # noqa: S310  # our own address
            return json.load(answer)

    def _post(self, path: str, body: Any) -> None:
        request = urllib.request.Request(  # noqa: S310  # our own address
            self.url + path,
            method="POST",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310  # the same

    def _write(self, config: Mapping[str, Any]) -> None:
        path = self.directory / "alertmanager.yml"
        path.touch(mode=0o600)  # it may hold the bot's token
        path.write_text(json.dumps(config, indent=1))  # JSON is YAML
