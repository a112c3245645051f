"""The process that draws: a picture as JSON in, PNG out. Started by `bot.adapters.drawing` alone."""

from __future__ import annotations

import sys

from bot.adapters.drawing import picture_adapter
from bot.adapters.worker_side import serve
from bot.rendering.pictures import draw


def main() -> int:
    """Draw until the bot has no more to draw."""
    adapter = picture_adapter()
    # Whatever matplotlib finds wrong with a picture is wrong with that picture, not with the next one.
    return serve(lambda question: draw(adapter.validate_json(question)), expected=(Exception,))


if __name__ == "__main__":
    sys.exit(main())
