"""How a command ends that is not let finish: exit status and words, never a traceback."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from bot import INTERRUPTED, TERMINATED
from bot.cli import LazyGroup

ROOT: Final = Path(__file__).parents[2]
FULL: Final = Path("/dev/full")
HEARS_CTRL_C: Final = (  # a shell's background job does not, and what it starts inherits that
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from bot.__main__ import main; main()"
)


def group_of(raised: BaseException) -> LazyGroup:
    """The command line with one command more, `leave`, that ends so."""
    group = LazyGroup(name="lightship")

    @group.command()
    def leave() -> None:
        raise raised

    return group


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), INTERRUPTED, "Interrupted."),
        (EOFError(), 1, "Aborted!"),
        (click.UsageError("no"), 2, "Error: no"),
    ],
)
def test_each_way_of_ending_has_its_status_and_its_words(raised: BaseException, code: int, said: str) -> None:
    """Ctrl-C is 130 as in every shell, an end of the input is 1, a wrong option 2."""
    result = CliRunner().invoke(group_of(raised), ["leave"])
    assert result.exit_code == code
    assert said in result.stderr


def test_a_fault_of_ours_is_not_hidden() -> None:
    """An error that no user causes keeps its traceback."""
    assert isinstance(CliRunner().invoke(group_of(OSError(2, "none", "file")), ["leave"]).exception, OSError)


def test_ctrl_c_ends_work_that_lasts_with_130(tmp_path: Path) -> None:
    """A rehearsal that is under way ends at Ctrl-C without a traceback."""
    shipped = ROOT / "runbooks" / "rehearsals"
    shutil.copytree(shipped / "worlds", tmp_path / "worlds")
    text = (shipped / "stale-at-night.yaml").read_text()
    for number in range(200):  # more than can be played before the signal, however busy the machine is
        (tmp_path / f"{number}.yaml").write_text(text.replace("stale-at-night", f"stale-{number}"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "rehearse", "--at-once", "1", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while b"Playing" not in shown:
            shown += terminal.read(4096)
        os.killpg(process.pid, signal.SIGINT)
        try:
            while piece := terminal.read(4096):
                shown += piece
        except OSError:  # Linux's word for the end of a terminal
            pass
    assert process.wait(50) == INTERRUPTED, shown
    assert b"Traceback" not in shown


def test_ctrl_c_at_a_question_ends_with_130(tmp_path: Path) -> None:
    """`lightship init` asks from inside of its event loop, which would keep the signal to itself."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "init"],
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while b"[my-service]" not in shown:
            shown += terminal.read(4096)
        code = pressed_until_it_ends(process)
        try:
            while piece := terminal.read(4096):
                shown += piece
        except OSError:  # Linux's word for the end of a terminal
            pass
    assert code == INTERRUPTED, shown
    assert b"Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def pressed_until_it_ends(process: subprocess.Popen[bytes]) -> int:
    """Its exit status: a signal between the question and the reading of the answer is heard with the next."""
    for _ in range(40):
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(1)
    process.kill()
    return process.wait()


def test_ctrl_c_during_the_imports_ends_with_130_too() -> None:
    """A terminal shows nothing of the modules that were being read."""
    code = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'bot.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from bot.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (INTERRUPTED, b"")


def test_the_first_process_of_a_container_hears_sigterm_from_its_first_moment() -> None:
    """Linux keeps from such a process every signal that it did not ask for: it would go on as if untold."""
    code = (
        "import os, signal, sys\n"
        "own = os.getpid()\n"
        "os.getpid = lambda: 1\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "class Telling:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'bot.cli': os.kill(own, signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Telling())\n"
        "sys.argv[1:] = ['--help']\n"
        "from bot.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (TERMINATED, b"", b"")


def test_a_question_that_nobody_answers_does_not_keep_a_bot_from_ending() -> None:
    """It hangs in a thread, as names and Prometheus are asked; Python alone would wait for it."""
    code = (
        "import asyncio, sys, time\n"
        "from bot.cli import running\n"
        "running.LEAVE_WITHIN = 0.05\n"
        "async def main():\n"
        "    asyncio.get_running_loop().run_in_executor(None, time.sleep, 3_600)\n"
        "    await running._leave(7)\n"
        "    return 7\n"
        "sys.exit(asyncio.run(main()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_said_in_a_sentence() -> None:
    """Output that nobody can take is an error of one line, also what is written last of all."""
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bot", "schema", "config"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=50,
        )
    assert done.returncode == 1
    assert done.stderr == b"lightship: the output cannot be written: No space left on device\n"
