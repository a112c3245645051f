"""`lightship` and `python -m bot`: the way in. Nothing heavy is imported before a command is chosen."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Final

from bot import INTERRUPTED, TERMINATED

_FIRST: Final = 1


def main() -> None:
    """Run the command line; the exit status is the command's."""
    if os.getpid() == _FIRST:
        # The first process of a container hears no signal that it did not ask for; `run` asks for itself.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    try:
        # Importing it takes long enough for somebody to change their mind.
        import threading  # noqa: PLC0415 - said above

        from bot.cli import lightship  # noqa: PLC0415 - said above
        from bot.cli.leaving import no_word_of_closed_loops  # noqa: PLC0415 - said above

        threading.excepthook = no_word_of_closed_loops
        lightship(prog_name="lightship", color=False if os.environ.get("NO_COLOR") else None)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        # All of it goes with the process: Python need not look through it for garbage once more.
        gc.freeze()


if __name__ == "__main__":
    main()
