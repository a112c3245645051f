"""A real Pushgateway, of the operating system's package: it keeps what jobs push until Prometheus comes.

Started by the fixture `pushgateway`.
"""

from pathlib import Path

from tests.e2e.servers.programs import Program, free_port, installed, serving


class Pushgateway:
    """One server on loopback; `address` and `url` stay the same over restarts, what was pushed does not."""

    def __init__(self, directory: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._log = directory / "pushgateway.log"
        self._program: Program | None = None

    def start(self) -> "Pushgateway":
        """Start and wait until it serves. Raises `Missing` and `NotStarted`."""
        command = (
            installed("prometheus-pushgateway", "prometheus-pushgateway"),
            f"--web.listen-address={self.address}",
        )
        self._program = Program("pushgateway", command, log=self._log)
        serving(self._program, f"{self.url}/-/ready", "the Pushgateway")
        return self

    def stop(self) -> None:
        """End it; it may be started again."""
        if self._program:
            self._program.stop()
