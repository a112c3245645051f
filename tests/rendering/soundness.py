"""What must hold for anything drawn: Slack takes it, and nothing from outside is alive in it."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

from slack_sdk.models.blocks import Block

from bot.console.limits import (
    Surface,
    size_violations,
    update_text_violations,
    view_violations,
    violations,
)
from bot.rendering.blocks import MESSAGE_SIZE, TEXT, block_size
from bot.rendering.escaping import units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.ports.notifier import RenderedMessage

ALIVE = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|\d{4}-\d\d-\d\d \d\d:\d\d UTC>"
    r"|<@U0(?:ALICE|BOB)>|<!subteam\^S0ONCALL>|<https?://[^<>|\s]+\|[^<>|]+>"
)
BARE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")
# The tag characters of a flag are Cf too, and go with the rest.
UNSEEN = re.compile(
    "["
    + "".join(
        re.escape(sign)
        for sign in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(sign) in {"Cc", "Cf", "Cs"} and sign not in "\n\u200c\u200d"
    )
    + "]"
)


def assert_sound(message: RenderedMessage) -> None:
    """A message that Slack takes, with a text, and with nothing alive in it but what Lightship put there."""
    assert violations(list(message.blocks), Surface.MESSAGE) == ()
    assert size_violations(message.blocks) == ()
    assert update_text_violations(message.text) == ()
    assert message.text.strip()
    assert units(message.text) <= TEXT
    assert sum(map(block_size, message.blocks)) <= MESSAGE_SIZE
    assert_inert(message.text)
    assert_blocks(list(message.blocks))


def assert_sound_view(view: dict[str, Any]) -> None:
    """A modal that Slack takes, with nothing alive in it."""
    assert view_violations(view) == ()
    assert_blocks(view["blocks"])


def assert_blocks(blocks: list[dict[str, Any]]) -> None:
    """Blocks that the SDK knows, whose texts are inert and can be sent."""
    assert blocks
    json.dumps(blocks, ensure_ascii=False).encode()
    for block in blocks:
        assert Block.parse(block) is not None
    for kind, text in texts(blocks):
        assert text.strip()
        assert_clean(text)
        if kind == "mrkdwn":
            assert_inert(text)


def assert_inert(text: str) -> None:
    """No angle bracket or ampersand is left that Lightship did not write."""
    rest = ALIVE.sub("", text)
    assert "<" not in rest, text
    assert ">" not in rest, text
    assert BARE_AMPERSAND.search(rest) is None
    assert_clean(text)


def assert_clean(text: str) -> None:
    """No control character, direction override or lone surrogate."""
    assert UNSEEN.search(text) is None, ascii(text)


def texts(value: Any, kind: str = "") -> Iterator[tuple[str, str]]:
    """Every shown text at any depth, with the type of the object that holds it."""
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield str(value.get("type", kind)), value["text"]
        for item in value.values():
            yield from texts(item)


def all_texts(message: RenderedMessage) -> str:
    """Everything that the message shows, for looking something up in it."""
    return "\n".join([message.text, *(text for _, text in texts(list(message.blocks)))])
