"""A process that compares, and takes memory in Python until there is none: what a library may do to us."""

from __future__ import annotations

import sys

from bot.adapters.worker_side import serve


def answer(_question: bytes) -> bytes:
    """Never answers: the limit comes first."""
    return b"%d" % len(bytearray(4_000_000_000))


if __name__ == "__main__":
    sys.exit(serve(answer, expected=(Exception,)))
