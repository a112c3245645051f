"""What a person sees of work that lasts: a bar where its length is known, else a line that counts seconds.

Both are drawn on standard error and only where that is a terminal, in no colour; standard output stays for
the result. The line appears with the second second and is gone at the end: what is quick shows nothing.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHOWN_AFTER: Final = 1.0
_EVERY: Final = 0.25
_BAR: Final = 24


@contextmanager
def progress_bar(length: int, label: str, *, then: str = "") -> Iterator[Callable[[int], None]]:
    """How far work of that length has come; a length of 0 shows none. Called with what was done more.

    `then` is what follows when all of it is done, within the same block.
    """
    if length <= 0 or not sys.stderr.isatty():
        yield lambda _more: None
        return
    with ExitStack() as after, ExitStack() as drawn:
        bar = drawn.enter_context(click.progressbar(length=length, label=label, file=sys.stderr))
        left = length

        def update(more: int) -> None:
            nonlocal left
            if left <= 0:
                return
            bar.update(more)
            left -= more
            if left <= 0:
                drawn.close()
                if then:
                    after.enter_context(waiting(then))

        yield update


class Wait:
    """A line on the terminal, drawn by a thread of its own: what is waited for stands still meanwhile."""

    def __init__(self, label: str, *, limit: float = 0.0) -> None:
        """`limit`: seconds after which the wait ends by itself, where there is such a bound."""
        self._label = label
        self._limit = limit
        self._began = time.monotonic()
        self._width = 0
        self._over = threading.Event()
        self._drawing = threading.Thread(target=self._draw, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to draw, in a moment."""
        self._drawing.start()

    def say(self, label: str) -> None:
        """What is waited for from now on."""
        self._label = label

    def end(self) -> None:
        """Wipe the line away."""
        self._over.set()
        self._drawing.join()
        if self._width:
            self._write("")

    def _draw(self) -> None:
        pause = _SHOWN_AFTER
        while not self._over.wait(pause):
            pause = _EVERY
            passed = time.monotonic() - self._began
            bar = f"  {_bar(passed / self._limit)}" if self._limit else " …"
            bound = f" of at most {self._limit:.0f}" if self._limit else ""
            self._write(f"{self._label}{bar} {passed:.0f}{bound} s")

    def _write(self, text: str) -> None:
        text = text[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write(f"\r{text:<{self._width}}" if text else f"\r{'':<{self._width}}\r")
        sys.stderr.flush()
        self._width = len(text)


@contextmanager
def waiting(label: str, *, limit: float = 0.0) -> Iterator[Callable[[str], None]]:
    """What is waited for, and since when, on a terminal. Called with words where something else follows."""
    if not sys.stderr.isatty():
        yield lambda _label: None
        return
    wait = Wait(label, limit=limit)
    wait.start()
    try:
        yield wait.say
    finally:
        wait.end()


def _bar(share: float) -> str:
    filled = min(_BAR, int(share * _BAR))
    return f"[{'#' * filled}{'-' * (_BAR - filled)}]"
