"""The product itself as a server of the tests: `lightship run` in a process of its own, as it is deployed.

Used by `tests/e2e/scenes.py`. It is told everything by its environment, it is ended by SIGTERM, and it must
end well; the command line reads the same store beside it.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.servers.programs import REPOSITORY, Program, free_port, serving

LIGHTSHIP = Path(sys.executable).parent / "lightship"
RUN = (LIGHTSHIP, "run")
COMMAND_SECONDS = 120
STOP_SECONDS = 60.0


class Lightship:
    """One bot on loopback with the shipped configuration and runbooks; `url` stays the same over restarts."""

    def __init__(
        self, directory: Path, environment: Mapping[str, str], *, words: Sequence[str | Path] = RUN
    ) -> None:
        """`environment` is all that it gets; the address and the configuration are added."""
        self._words = words
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "lightship.log"
        config = Path(environment.get("LIGHTSHIP_CONFIG", REPOSITORY / "lightship.yaml"))
        watches_itself = "\n  lightship:" in config.read_text()
        self.environment = {
            "LIGHTSHIP_CONFIG": str(config),
            "LIGHTSHIP_LOG_FORMAT": "json",
            "LIGHTSHIP_HTTP_PORT": str(self.port),
            # It runs beside the cluster, so there is no Deployment of its own to look at.
            **({"LIGHTSHIP_SERVICES__LIGHTSHIP__KUBERNETES": "null"} if watches_itself else {}),
            **environment,
        }
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """The running process, to be suspended or killed."""
        assert self._program, "not started"
        return self._program

    def start(self) -> "Lightship":
        """Start and wait until it is ready. Raises `NotStarted`.

        Readiness asks Slack too, so a stand-in in the same process must not be blocked by this call.
        """
        self._program = Program("lightship", self._words, log=self.log, environment=self.environment)
        serving(self._program, f"{self.url}/readyz", "the bot")
        return self

    def stop(self) -> int | None:
        """End it by SIGTERM; its exit code, which is 0 where it ended in order."""
        if self._program is None:
            return None
        self._program.stop(STOP_SECONDS)
        return self._program.code

    def kill(self) -> None:
        """End it as a crash does (SIGKILL), if it was started."""
        if self._program is not None:
            self._program.kill()

    def log_lines(self, level: str) -> list[dict[str, Any]]:
        """What it has logged at this level."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["level"] == level]

    def command(self, *words: str) -> str:
        """What a command of the same environment prints. Raises CalledProcessError where it fails."""
        done = subprocess.run(
            [LIGHTSHIP, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=COMMAND_SECONDS,
        )
        return done.stdout
