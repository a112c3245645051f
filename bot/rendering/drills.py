"""The mark that every message of a drill carries, whatever it shows. Called by the composing engine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.ports.notifier import RenderedMessage
from bot.rendering.blocks import MESSAGE_BLOCKS, context, fitting
from bot.rendering.escaping import code

if TYPE_CHECKING:
    from bot.ports.notifier import Block

MARK: Final = "🧪 *This is a drill.* Nothing burns, and an approval does a dry run only"


def marked_as_drill(rendered: RenderedMessage, drill: str) -> RenderedMessage:
    """The message with the mark: first in what notifications read out, and right under a heading."""
    mark = context(f"{MARK}. {code(drill, 40)}")
    blocks = list(rendered.blocks)
    at = 1 if blocks and blocks[0]["type"] == "header" else 0
    if len(blocks) >= MESSAGE_BLOCKS:
        del blocks[-2]
    blocks.insert(at, mark)
    return RenderedMessage(text=f"🧪 Drill: {rendered.text}", blocks=_bounded(tuple(blocks)))


def _bounded(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    fitted = fitting(blocks)
    return fitted if any(MARK in str(block) for block in fitted) else blocks
