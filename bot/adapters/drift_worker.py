"""The process that compares: a comparison as JSON in, report and profile out.

Started by `bot.adapters.drifting` alone.
"""

from __future__ import annotations

import sys

from bot.adapters.drifting import answer
from bot.adapters.worker_side import serve


def main() -> int:
    """Compare until the bot has nothing more to compare."""
    return serve(_answer, expected=(Exception,))


def _answer(question: bytes) -> bytes:
    # Loaded under the limit of memory and within the question: a limit too small even for them is an answer.
    from bot.drift.comparing import run_comparison  # noqa: PLC0415 - said above

    return answer(question, run_comparison)


if __name__ == "__main__":
    sys.exit(main())
