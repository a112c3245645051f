"""A real PostgreSQL server in a folder of its own, run by an unprivileged user when the tests run as root.

Started by the session's fixture `postgres`; a test makes a database of its own in it.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.e2e.servers.programs import Missing, Program, free_port, until

ACCOUNTS = ("postgres", "nobody")  # the server refuses to run as root


class Postgres:
    """One server on loopback with a password; `url` is SQLAlchemy's, for asyncpg."""

    def __init__(self, *, synchronous: bool = True) -> None:
        """Without `synchronous` nothing is synced to disk: faster, and useless for tests of durability."""
        self._binaries = _binaries()
        self._user = _unprivileged()
        self._synchronous = synchronous
        self._password = secrets.token_hex(16)
        self._program: Program | None = None
        self.port = free_port()
        # Not below pytest's own folder: that one is closed to the unprivileged user.
        self.directory = Path(tempfile.mkdtemp(prefix="lightship-pg-"))
        self._log = self.directory / "postgres.log"

    @property
    def program(self) -> Program:
        """The running process, to be suspended or killed."""
        assert self._program, "not started"
        return self._program

    def start(self) -> "Postgres":
        """Start, making the cluster first if there is none. Raises `Missing` and `NotStarted`."""
        try:
            data = self.directory / "data"
            if not data.exists():
                self._initialize(data)
            flag = "on" if self._synchronous else "off"
            settings = {
                "port": str(self.port),
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": str(self.directory),
                "fsync": flag,
                "synchronous_commit": flag,
                "full_page_writes": flag,
            }
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            command: list[str | Path] = [self._binaries / "postgres", "-D", data, *options]
            # SIGINT: end without waiting for clients
            self._program = Program(
                "postgres", command, log=self._log, user=self._user, stop_signal=signal.SIGINT
            )
            until(self._accepts, "PostgreSQL accepts connections", program=self._program)
        except BaseException:
            self.discard()
            raise
        return self

    def stop(self) -> None:
        """End it; it may be started again with its data."""
        if self._program:
            self._program.stop()

    def suspend(self) -> None:
        """Make it hang, with all that it serves."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def discard(self) -> None:
        """End it and remove its data."""
        if self._program:
            self._program.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def create_database(self) -> str:
        """Make an empty database and return its URL (`postgresql+asyncpg://...`)."""
        name = f"e2e_{secrets.token_hex(4)}"
        self.sql(f'CREATE DATABASE "{name}"')
        return f"postgresql+asyncpg://lightship:{self._password}@127.0.0.1:{self.port}/{name}"

    def binary(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self._binaries / name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser; the rows as `psql` prints them. Raises CalledProcessError."""
        psql = str(self._binaries / "psql")
        command = [psql, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(
            [*command, "-h", "127.0.0.1", "-p", str(self.port), "-U", "lightship", database],
            env={**os.environ, "PGPASSWORD": self._password},
            capture_output=True,
            text=True,
            check=True,
            timeout=90,
        )
        return done.stdout.strip()

    def _signal(self, number: signal.Signals) -> None:
        """To the server and to the process that it has for each connection."""
        pid = self.program.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    def _accepts(self) -> bool:
        try:
            return self.sql("SELECT 1") == "1"
        except subprocess.CalledProcessError:
            return False

    def _initialize(self, data: Path) -> None:
        account = pwd.getpwnam(self._user) if self._user else None
        password = self.directory / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        if account:
            for path in (self.directory, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        command: list[str | Path] = [
            self._binaries / "initdb",
            "-D",
            data,
            "-U",
            "lightship",
            "--pwfile",
            password,
        ]
        command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        # As the server later: in a process of its own that gives its rights away.
        initializing = Program("initdb", command, log=self._log, user=self._user)
        until(lambda: initializing.code == 0, "initdb is done", seconds=180, program=initializing)
        initializing.kill()
        password.unlink()


def _binaries() -> Path:
    """The folder of the newest PostgreSQL: Debian keeps it out of the path. Raises `Missing`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    other = shutil.which("initdb")
    if other is None:
        raise Missing("PostgreSQL is not installed (Debian's package postgresql): run tests/e2e/setup.sh")
    return Path(other).resolve().parent


def _unprivileged() -> str | None:
    """Who runs the server: nobody else, unless we are root."""
    if os.getuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in ACCOUNTS if name in known)
