"""Slack's limits on what an app may show, as a pure function from blocks to the limits they break.

The Web API of the stand-in refuses by it, and the tests of whatever renders blocks call it directly: an empty
answer means that Slack takes them.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from bot.console.block_rules import MARKDOWN, ONLY_IN_MESSAGES, RULES, texts_within
from bot.console.faultfinding import (
    ID_LONGEST,
    Found,
    Violation,
    as_objects,
    fault,
    length,
    optional_length,
    optional_text,
    text_object,
)
from bot.console.values import Json

__all__ = [
    "Surface",
    "Violation",
    "size_violations",
    "update_text_violations",
    "view_violations",
    "violations",
]

VIEW_TITLE, PRIVATE_METADATA = 24, 3000
UPDATE_TEXT, POST_TEXT = 4_000, 40_000
BLOCKS_TOGETHER = 13_200
"""Characters of all blocks of a message; undocumented, as users measured it (slackapi/bolt-js 2509, 2867)."""


class Surface(StrEnum):
    """Where blocks are shown; it decides how many there may be, and of which kinds."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"

    @property
    def most_blocks(self) -> int:
        """How many blocks it takes."""
        return 50 if self is Surface.MESSAGE else 100


def violations(blocks: Sequence[Json], surface: Surface = Surface.MESSAGE) -> tuple[Violation, ...]:
    """Every limit of Slack's that the blocks break on that surface; empty when Slack would take them."""
    return tuple(_violations(blocks, surface, "/blocks"))


def size_violations(blocks: Sequence[Json]) -> tuple[Violation, ...]:
    """Whether chat.postMessage and chat.update take that much at once: 13,200 characters, keys counted.

    Of a table only its texts are counted, which have a limit of their own. Answers to commands and presses
    go through response URLs, where nobody met this limit.
    """
    if sum(map(_size, blocks)) <= BLOCKS_TOGETHER:
        return ()
    return (fault("/blocks", f"must be less than {BLOCKS_TOGETHER + 1} characters in all"),)


def view_violations(view: Any) -> tuple[Violation, ...]:
    """Every limit that a modal or Home tab breaks, its blocks among them."""
    return tuple(_view_faults(view)) if isinstance(view, dict) else (fault("/view", "must be an object"),)


def update_text_violations(text: str) -> tuple[Violation, ...]:
    """Whether chat.update takes the text: 4,000 characters, where chat.postMessage cuts above 40,000."""
    return tuple(length(text, "/text", longest=UPDATE_TEXT, shortest=0))


def _size(block: Json) -> int:
    if block.get("type") == "table":
        return sum(len(text) for text in texts_within(block.get("rows")))
    return len(json.dumps(block, ensure_ascii=False, separators=(",", ":")))


def _violations(blocks: Any, surface: Surface, at: str) -> Found:
    if not isinstance(blocks, (list, tuple)):
        yield fault(at, "must be an array")
        return
    if len(blocks) > surface.most_blocks:
        yield fault(at, f"no more than {surface.most_blocks} items allowed")
    sound: list[tuple[str, Json]] = []
    for found in as_objects(list(blocks), at):
        if isinstance(found, Violation):
            yield found
        else:
            sound.append(found)
            yield from _block_faults(found[1], found[0], surface)
    yield from _doubled_ids(sound)
    yield from _totals([block for _, block in sound], at)


def _block_faults(block: Json, at: str, surface: Surface) -> Found:
    kind = block.get("type")
    if kind not in RULES or (kind in ONLY_IN_MESSAGES and surface is not Surface.MESSAGE):
        yield fault(f"{at}/type", f"unsupported type: {kind}")
        return
    yield from optional_length(block, "block_id", at, longest=ID_LONGEST)
    yield from RULES[kind](block, at)


def _doubled_ids(blocks: list[tuple[str, Json]]) -> Found:
    seen: set[str] = set()
    for at, block in blocks:
        block_id = block.get("block_id")
        if not isinstance(block_id, str):
            continue
        if block_id in seen:
            yield fault(f"{at}/block_id", f"`block_id` must be unique: {block_id}")
        seen.add(block_id)


def _totals(blocks: list[Json], at: str) -> Found:
    if sum(1 for block in blocks if block.get("type") == "table") > 1:
        yield fault(at, "only_one_table_allowed")
    markdown = [block.get("text") for block in blocks if block.get("type") == "markdown"]
    if len(markdown) > 1 and sum(len(text) for text in markdown if isinstance(text, str)) > MARKDOWN:
        yield fault(at, f"markdown must be less than {MARKDOWN + 1} characters in all")


def _view_faults(view: Json) -> Found:
    kind = view.get("type")
    if kind not in {"modal", "home"}:
        yield fault("/view/type", f"unsupported type: {kind}")
        return
    surface = Surface(kind)
    if surface is Surface.MODAL:
        yield from text_object(view.get("title"), "/view/title", longest=VIEW_TITLE)
        for key in ("submit", "close"):
            yield from optional_text(view, key, "/view", longest=VIEW_TITLE)
        yield from _submit_faults(view)
    if view.get("private_metadata"):
        yield from length(view["private_metadata"], "/view/private_metadata", longest=PRIVATE_METADATA)
    for key in ("callback_id", "external_id"):
        if view.get(key):
            yield from length(view[key], f"/view/{key}", longest=ID_LONGEST)
    yield from _violations(view.get("blocks"), surface, "/view/blocks")


def _submit_faults(view: Json) -> Found:
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )
    if has_input and view.get("submit") is None:
        yield fault("/view/submit", "must be defined when the view has an input block")
