"""`lightship` and `python -m bot`: the way in. Nothing heavy is imported before a command is chosen."""

from __future__ import annotations

import os

from bot.cli import lightship


def main() -> None:
    """Run the command line; the exit status is the command's."""
    lightship(prog_name="lightship", color=False if os.environ.get("NO_COLOR") else None)


if __name__ == "__main__":
    main()
