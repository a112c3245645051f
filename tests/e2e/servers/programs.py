"""Starting, watching and ending one server process: what every module of this package builds on.

A start that fails raises `NotStarted` with the tail of the server's log, a program that is not on the machine
`Missing` with the way to get it.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
REPOSITORY = Path(__file__).resolve().parents[3]
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 120.0
"""As in `eventually.py`."""
# Below the range from which the kernel gives ports to outgoing connections: those would race with servers.
FIRST_PORT, LAST_PORT = 20_000, 32_000
PORT_LOCKS = Path(tempfile.gettempdir()) / "lightship-e2e-ports"
_given_ports: dict[int, int] = {}
"""Each with its lock, which ends with this process."""


class Missing(Exception):  # noqa: N818  # read as a sentence: raises Missing
    """A program that the tests need is not on this machine; the message says how to get it."""


class NotStarted(Exception):  # noqa: N818  # the same
    """A server did not become ready; the message holds the end of its log."""


def cached(name: str) -> Path:
    """A file that `tests/cluster/build.sh` made. Raises `Missing`."""
    path = Path(os.environ.get("LIGHTSHIP_CACHE", REPOSITORY / ".cache")).resolve() / "cluster" / name
    if not path.exists():
        raise Missing(
            f"{name} is not built: run tests/e2e/setup.sh (it needs Go), "
            "or set LIGHTSHIP_TEST_KUBECONFIG to use a cluster that you have"
        )
    return path


def installed(name: str, package: str) -> str:
    """The path of a program of the operating system. Raises `Missing`."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed (Debian's package {package}): run tests/e2e/setup.sh")
    return found


def free_port() -> int:
    """A TCP port on loopback that nothing listens on, given out once in this run and in no other meanwhile.

    A lock keeps it, so that it stays free for a server that is started later, or again.
    """
    PORT_LOCKS.mkdir(mode=0o777, exist_ok=True)
    for _ in range(1000):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311  # no secret
        if port in _given_ports:
            continue
        lock = os.open(PORT_LOCKS / str(port), os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _given_ports[port] = lock
        return port
    raise NotStarted("no free port")


def until(
    ready: Callable[[], bool],
    what: str,
    *,
    seconds: float = PATIENCE_SECONDS,
    program: "Program | None" = None,
) -> None:
    """Poll until `ready`; raises `NotStarted` after `seconds`, or at once when the program has ended."""
    deadline = time.monotonic() + seconds
    while not ready():
        if program and not program.running and not ready():  # its end may be what was waited for
            raise NotStarted(f"{program.name} ended with {program.code} before: {what}\n{program.tail()}")
        if time.monotonic() > deadline:
            log = f"\n{program.tail()}" if program else ""
            raise NotStarted(f"{what}: not within {seconds:g} s{log}")
        time.sleep(POLL_SECONDS)


def answers(url: str) -> bool:
    """Whether a GET of the address is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # our own loopback address
            return bool(answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def serving(program: "Program", url: str, what: str) -> None:
    """Return once a GET of the address is answered. Raises `NotStarted`; then the program is killed."""
    try:
        until(lambda: answers(url), f"{what} is ready", program=program)
    except BaseException:
        program.kill()
        raise


class Program:
    """One server process under its guard. `log` gets its output and error, appended over restarts."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` is all that the server sees; without it, it sees that of the test run."""
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        reader, writer = os.pipe()
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), str(writer), user or "-", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the test run's business
                pass_fds=[writer],
                cwd="/",
                env=environment,
            )
        os.close(writer)
        with os.fdopen(reader) as told:
            started = told.read()
        if not started:
            self.kill()
            raise NotStarted(f"{name} could not be run\n{self.tail()}")
        self.pid = int(started)

    def __repr__(self) -> str:
        return f"<{self.name} {'running' if self.running else f'ended with {self.code}'}, log {self.log}>"

    @property
    def running(self) -> bool:
        """Whether the server is alive."""
        return self._guard.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._guard.poll()

    def tail(self, lines: int = 30) -> str:
        """The end of the log, each line cut at 400 characters."""
        if not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"  {self.name}: {line[:400]}" for line in text)

    def stop(self, seconds: float = 30.0) -> None:
        """End it in its own way, and by force when that takes longer than `seconds`."""
        self.resume()
        self.signal(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait(60)

    def suspend(self) -> None:
        """Make it hang: connections are accepted by the kernel, and nobody answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended server go on."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send the server itself a signal, if it is alive."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
