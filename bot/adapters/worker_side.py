"""The inside of a worker process (see `bot.adapters.workers`): reads questions and answers them.

Called by the modules that are started as processes; it imports nothing heavy, they do.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from bot.adapters.workers import FAILED, HEAD, LONGEST_QUESTION, MEMORY, SERVED

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO


def serve(answer: Callable[[bytes], bytes], *, expected: tuple[type[Exception], ...] = ()) -> int:
    """Answer questions in turn until stdin ends, which it also does when the bot dies; the exit status.

    Errors of `expected` types, and a lack of memory, are told as answers; any other ends the process.
    """
    _bound_memory()
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    # Libraries print on stdout as they please, and stdout is the answers' alone.
    with contextlib.redirect_stdout(sys.stderr):
        while (question := _read(questions)) is not None:
            try:
                kind, said = SERVED, answer(question)
            except MemoryError:
                kind, said = FAILED, b"it needs more memory than it may have"
            except expected as error:
                kind, said = FAILED, str(error).encode()[:2_000]
            answers.write((len(said) + 1).to_bytes(HEAD, "big") + kind + said)
            answers.flush()
    return 0


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(HEAD)
    length = int.from_bytes(head, "big")
    if len(head) < HEAD or length > LONGEST_QUESTION:
        return None
    question = stream.read(length)
    return question if len(question) == length else None


def _bound_memory() -> None:
    most = int(os.environ.get(MEMORY, "0"))
    if most <= 0:
        return
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
