"""How a command ends that was not let finish: by Ctrl-C, or because nobody takes what it writes.

The command line's own group calls it for every command; `bot.__main__` sets the hook of the threads.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from bot import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOWHERE_TO_WRITE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF})


@contextmanager
def ending_well(name: str) -> Iterator[None]:
    """Every end of a command as its exit status, with a sentence where one is due and never a traceback.

    Raises SystemExit alone, and what is the program's own fault.
    """
    try:
        yield
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as aborted:
        interrupted = was_interrupted(aborted)
        click.echo("Interrupted." if interrupted else "Aborted!", err=True)
        sys.exit(INTERRUPTED if interrupted else 1)
    except OSError as error:
        if error.errno not in _NOWHERE_TO_WRITE or error.filename is not None:
            raise
        _turn_away(sys.stdout.fileno())
        click.echo(f"{name}: the output cannot be written: {error.strerror}", err=True)
        sys.exit(1)


def was_interrupted(aborted: click.Abort) -> bool:
    """Whether it was Ctrl-C, and not the end of the input where a question was asked: click has one word."""
    return isinstance(aborted.__cause__ or aborted.__context__, KeyboardInterrupt)


@contextmanager
def interruptible() -> Iterator[None]:
    """While somebody is asked something Ctrl-C is heard at once; asyncio would note it for its next turn.

    Of the main thread alone, as all that has to do with signals.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)


def no_word_of_closed_loops(failed: threading.ExceptHookArgs) -> None:
    """A driver's thread that is done after Ctrl-C has nobody left to tell; everything else is told."""
    if isinstance(failed.exc_value, RuntimeError) and "Event loop is closed" in str(failed.exc_value):
        return
    threading.__excepthook__(failed)


def _turn_away(output: int) -> None:
    """What is left in the buffer goes nowhere, else the interpreter would try once more and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, output)
    finally:
        os.close(nowhere)
