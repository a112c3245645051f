"""What every command has in common: help with an example, `--config`, completion, colours, progress, JSON."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from bot.cli import COMMANDS, lightship

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).parents[2]
LISTS: Final = (
    "check",
    "rehearse",
    "doctor",
    "incident list",
    "audit verify",
    "drift report",
    "drift run",
    "extensions",
)
"""Commands that print a table or a list."""


def every_command() -> Iterator[tuple[str, click.Command]]:
    """All of them with their whole names, groups among them."""
    context = click.Context(lightship)
    for name in COMMANDS:
        command = lightship.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield f"{name} {inner}", found


NAMED: Final = dict(every_command())


@pytest.mark.parametrize("name", NAMED)
def test_help_shows_an_example_that_begins_as_it_is_called(name: str) -> None:
    """`--help` of each command, inner ones as well, has an example of this very command."""
    result = CliRunner().invoke(lightship, [*name.split(), "--help"])
    assert result.exit_code == 0
    head, word, examples = result.stdout.partition("Example")
    assert word, result.stdout
    assert f"lightship {name}" in examples, examples
    assert head


@pytest.mark.parametrize("name", [name for name, one in NAMED.items() if not isinstance(one, click.Group)])
def test_every_command_takes_a_configuration(name: str) -> None:
    """`--config FILE` can be handed to all of them alike."""
    assert any("--config" in parameter.opts for parameter in NAMED[name].params)


@pytest.mark.parametrize("name", LISTS)
def test_what_prints_a_table_prints_json_too(name: str) -> None:
    """`--json`, for programs."""
    assert any("--json" in parameter.opts for parameter in NAMED[name].params)


def test_check_tells_programs_the_place_of_each_fault() -> None:
    """File, line, column and message of each, and 1."""
    wrong = str(ROOT / "tests/wrong/runbooks")
    result = CliRunner().invoke(lightship, ["check", "--json", wrong])
    assert result.exit_code == 1
    faults = json.loads(result.stdout)["faults"]
    assert len(faults) > 20
    assert all({"file", "line", "column", "message"} == set(fault) for fault in faults)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    """It asks by click's variable."""
    result = CliRunner().invoke(lightship, ["completion", shell])
    assert result.exit_code == 0
    assert "_LIGHTSHIP_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("words", "number", "completed"),
    [
        ("lightship tes", 1, "plain,test-alert"),
        ("lightship test-alert HighAPI", 2, "plain,HighAPILatency"),
        ("lightship drift rep", 2, "plain,report"),
        ("lightship schema run", 2, "plain,runbook"),
    ],
)
def test_commands_and_runbooks_are_completed(
    words: str, number: int, completed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what bash's script is told."""
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(number)}
    for name, value in {**asked, "LIGHTSHIP_CONFIG": str(ROOT / "lightship.yaml")}.items():
        monkeypatch.setenv(name, value)
    told = BashComplete(lightship, {}, "lightship", "_LIGHTSHIP_COMPLETE").complete()
    assert told.splitlines() == [completed]


def test_the_shell_asks_the_program() -> None:
    """As bash asks it, in a process of its own."""
    words = {"COMP_WORDS": "lightship test-alert HighAPI", "COMP_CWORD": "2"}
    asked = {**words, "_LIGHTSHIP_COMPLETE": "bash_complete"}
    config = {"LIGHTSHIP_CONFIG": str(ROOT / "lightship.yaml")}
    code = "from bot.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **asked, **config},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.stdout.splitlines() == ["plain,HighAPILatency"], done.stderr


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_has_colours_unless_it_wants_none(no_color: str, coloured: bool) -> None:
    """On a terminal `lightship check` is green, with NO_COLOR it is not."""
    shown = on_terminal("check", NO_COLOR=no_color)
    assert "All is right" in shown
    assert ("\x1b[32m" in shown) is coloured


def test_work_that_lasts_shows_how_far_it_is() -> None:
    """`lightship rehearse` has a bar on a terminal; what it prints for others has none."""
    one = "runbooks/rehearsals/latency-database.yaml"
    assert "Playing" in on_terminal("rehearse", one)


def test_a_wait_says_for_what_and_is_wiped_away_and_programs_read_none_of_it() -> None:
    """`lightship doctor` names what has not answered, without colour; standard output is JSON and no more."""
    with silent_server() as (address, answer):
        environ = {"PROMETHEUS_URL": address, "NO_COLOR": "1"}
        seen, piped = on_terminal_and_pipe(
            "doctor", "--json", environ=environ, until="Waiting for prometheus … ", then=answer
        )
    assert "\x1b" not in seen
    *_, shown, wiped, rest = seen.split("\r")
    assert (wiped.strip(), rest) == ("", "")
    assert len(wiped) == len(shown.rstrip())
    said = [json.loads(line) for line in piped.splitlines()]
    assert {"configuration", "store", "prometheus"} <= {one["name"] for one in said}


@contextmanager
def silent_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """An address that takes connections and is silent, until it is told to hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", listening.close


def on_terminal_and_pipe(
    *words: str, environ: dict[str, str], until: str, then: Callable[[], None]
) -> tuple[str, str]:
    """Standard error as a terminal shows it, and standard output piped; `then` is called at `until`."""
    process, terminal = started(words, environ, out=subprocess.PIPE)
    seen = read_all(terminal, until=until, then=then)
    piped = process.communicate(timeout=150)[0]
    assert until in seen
    return seen, piped.decode()


def on_terminal(*words: str, **environ: str) -> str:
    """What the command writes where its outputs are a terminal."""
    process, terminal = started(words, environ, out=None)
    shown = read_all(terminal)
    assert process.wait(150) == 0, shown
    return shown


def started(
    words: Sequence[str], environ: Mapping[str, str], *, out: int | None
) -> tuple[subprocess.Popen[bytes], int]:
    """The command, its standard error (and standard output, unless that is `out`) a terminal's other side."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *words],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", **environ},
        stdin=subprocess.DEVNULL,
        stdout=out or theirs,
        stderr=theirs,
    )
    os.close(theirs)
    return process, ours


def read_all(ours: int, *, until: str = "", then: Callable[[], None] = lambda: None) -> str:
    """All that comes to the terminal; `then` is called once, when `until` was seen."""
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                piece = terminal.read(4096)
            except OSError:  # Linux's word for the end of a terminal
                return shown.decode()
            if not piece:
                return shown.decode()
            shown += piece
            if until and until in shown.decode(errors="replace"):
                until = ""
                then()
