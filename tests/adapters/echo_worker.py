"""A worker for the tests of workers: does what its question says."""

from __future__ import annotations

import os
import sys
import threading

from bot.adapters.worker_side import serve


def answer(question: bytes) -> bytes:
    """`pid X` gives its process id and X; the others misbehave."""
    word, _, rest = question.partition(b" ")
    if word == b"raise":
        raise LookupError("no such word")
    if word == b"eat":
        return b"%d" % len(bytearray(2_000_000_000))
    if word == b"hang":
        threading.Event().wait()
    if word == b"die":
        os._exit(3)
    if word == b"count":
        return b"%d" % len(rest)
    if word == b"print":
        print("library chatter")  # noqa: T201 - what libraries do
        return b"printed"
    return b"%d %s" % (os.getpid(), rest)


if __name__ == "__main__":
    sys.exit(serve(answer, expected=(LookupError,)))
