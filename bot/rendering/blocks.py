"""The blocks of Slack that are used, with their limits; the only place that writes Block Kit's keys.

Texts come in escaped and cut (`bot.rendering.escaping`). mrkdwn is always `verbatim`: Slack then leaves plain
words alone instead of making links and mentions of what looks like one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bot.ports.notifier import RenderedMessage
from bot.rendering.buttons import ActionWord, action_id, encode_value
from bot.rendering.dates import spelled_out
from bot.rendering.escaping import mrkdwn, plain, units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.ports.notifier import Block
    from bot.rendering.buttons import ButtonValue

SECTION: Final = 3_000
HEADER: Final = 150
MESSAGE_BLOCKS: Final = 50
ACTIONS: Final = 25
BUTTON: Final = 75
MESSAGE_SIZE: Final = 12_000
"""Bytes of all of a message's blocks together; see `fitting`."""

_SHORTENED_SIZE: Final = 150
TEXT: Final = 3_500
"""Characters of a message's `text`; chat.update takes 4,000."""


def message(text: str, blocks: Iterable[Block]) -> RenderedMessage:
    """A message. `text` is escaped mrkdwn for notifications and screen readers: dates in words, no stars."""
    return RenderedMessage(text=spelled_out(text).replace("*", ""), blocks=fitting(tuple(blocks)))


def fitting(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks that fit into one message, and a line that counts the others.

    Slack refuses what is too long in all with `msg_blocks_too_long`, from some 13,200 characters on, keys
    counted; where exactly is not documented. The first block, the first buttons and the last block stay.
    What stands below the first buttons goes first, from its end; then other buttons, then what stands above.
    """
    sizes = [block_size(block) for block in blocks]
    excess = sum(sizes) - MESSAGE_SIZE
    if excess <= 0:
        return blocks
    kinds = [block["type"] for block in blocks]
    first_row = kinds.index("actions") if "actions" in kinds else 0

    def worth(at: int) -> tuple[bool, bool, bool, int]:
        above = at < first_row
        return above, kinds[at] == "actions", above and kinds[at] == "context", -at

    dropped: set[int] = set()
    for at in sorted(set(range(1, len(blocks) - 1)) - {first_row}, key=worth):
        if excess + _SHORTENED_SIZE > 0:
            dropped.add(at)
            excess -= sizes[at]
    kept = [block for at, block in enumerate(blocks) if at not in dropped]
    noun = "part does" if len(dropped) == 1 else "parts do"
    return (*kept[:-1], context(f"Shortened: {len(dropped)} {noun} not fit into one message"), kept[-1])


def block_size(block: Block) -> int:
    """What a block adds to its message; of a table, whose own limit Slack documents, only the texts."""
    if block["type"] == "table":
        return sum(len(cell["text"].encode()) for row in block["rows"] for cell in row)
    return len(json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode()) + 1


def marked(text: str) -> dict[str, Any]:
    """A mrkdwn text object."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def unmarked(text: str, limit: int) -> dict[str, Any]:
    """A plain_text object, cleaned and cut here."""
    return {"type": "plain_text", "text": plain(text, limit), "emoji": True}


def header(text: str) -> Block:
    """The large first line."""
    return {"type": "header", "text": unmarked(text, HEADER)}


def section(text: str, *, accessory: Block | None = None) -> Block:
    """A paragraph of escaped mrkdwn, with a button at its side where one is given."""
    block: Block = {"type": "section", "text": marked(text)}
    if accessory is not None:
        block["accessory"] = accessory
    return block


def context(*texts: str) -> Block:
    """Small grey lines of escaped mrkdwn; at most ten."""
    return {"type": "context", "elements": [marked(text) for text in texts[:10]]}


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def actions(buttons: Iterable[Block | None]) -> tuple[Block, ...]:
    """A row of the buttons that exist; nothing where none does."""
    there = [button for button in buttons if button is not None][:ACTIONS]
    return ({"type": "actions", "elements": there},) if there else ()


def button(
    word: ActionWord,
    label: str,
    value: ButtonValue,
    *,
    suffix: str = "",
    style: str | None = None,
    confirm: Block | None = None,
) -> Block | None:
    """A button of the contract; None where its value is one that no button can carry."""
    try:
        carried = encode_value(value)
    except ValueError:
        return None
    block: Block = {
        "type": "button",
        "text": unmarked(label, BUTTON),
        "action_id": action_id(word, suffix),
        "value": carried,
    }
    if style is not None:
        block["style"] = style
    if confirm is not None:
        block["confirm"] = confirm
    return block


def confirm(title: str, text: str, *, yes: str, no: str = "Cancel", danger: bool = False) -> Block:
    """The question before something changes; plain texts, cut here."""
    block: Block = {
        "title": unmarked(title, 100),
        "text": marked(mrkdwn(text, 300)),
        "confirm": unmarked(yes, 30),
        "deny": unmarked(no, 30),
    }
    if danger:
        block["style"] = "danger"
    return block


def joined(lines: Sequence[str], limit: int = SECTION) -> str:
    """Escaped lines as one text; those that do not fit are counted instead of shown."""
    kept: list[str] = []
    room = limit - 40  # for the line that counts the rest
    for place, line in enumerate(lines):
        room -= units(line) + 1
        if room < 0:
            return "\n".join([*kept, f"_and {len(lines) - place} more lines_"])
        kept.append(line)
    return "\n".join(kept)
