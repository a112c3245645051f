"""Runs one server so that it cannot outlive the test run: `guard.py PIPE USER PROGRAM ARGUMENT...`.

`programs.Program` starts this file in place of the server. Its standard input is a pipe that the test run
holds open: when the run ends, even by SIGKILL, that pipe closes and the server's process group is killed.
Should this process itself be killed, Linux kills the server (PR_SET_PDEATHSIG). The server's process id is
written to the file descriptor PIPE; USER is the account that it runs as, or `-` for one's own.

It imports the standard library only and nothing of the tests: it runs with `python -I -S`.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _ask_linux(option: int, value: int) -> None:
    """Make one prctl call; on other systems the pipe alone has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _die_with_parent() -> None:
    _ask_linux(PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(user: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    account = None if user == "-" else pwd.getpwnam(user)
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  # no thread runs yet, and it makes one system call
    )


def _kill(server: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)


def _kill_orphans() -> None:
    """End what the server has left behind, in whatever group: PostgreSQL's backends make their own."""
    while orphans := [
        int(pid) for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()
    ]:
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main(pipe: int, user: str, arguments: list[str]) -> int:
    """Run the server to its end and answer with its exit code (negative: the signal that ended it)."""
    _ask_linux(PR_SET_CHILD_SUBREAPER, 1)  # the server's orphans become children of this process
    server = _start(user, arguments)
    with os.fdopen(pipe, "w") as told:
        told.write(str(server.pid))

    def kill_at_end_of_run() -> None:
        sys.stdin.buffer.read()
        _kill(server)

    threading.Thread(target=kill_at_end_of_run, daemon=True).start()
    code = server.wait()
    _kill(server)  # what is left of its group
    _kill_orphans()
    return code


if __name__ == "__main__":
    # The daemon thread may hold the lock of standard input, on which the interpreter's own exit would abort.
    os._exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]) & 0xFF)
