"""Slack's limits on each kind of block. Called by `limits`; pure."""

from collections.abc import Callable, Iterator
from typing import Any

from bot.console.element_rules import IN_ACTIONS, IN_INPUT, IN_SECTION, element_faults, image_faults
from bot.console.faultfinding import (
    Found,
    Violation,
    amount,
    as_objects,
    fault,
    length,
    optional_text,
    text_object,
)
from bot.console.values import Json

SECTION_TEXT, FIELD_TEXT, FIELDS = 3000, 2000, 10
HEADER_TEXT, CONTEXT_ELEMENTS, CONTEXT_TEXT, ACTION_ELEMENTS = 150, 10, 3000, 25
LABEL, TITLE = 2000, 2000
MARKDOWN, TABLE_TEXT, TABLE_ROWS, TABLE_CELLS = 12_000, 10_000, 100, 20
RICH_PARTS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})
RICH_LEAVES = frozenset(
    {"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color", "team"}
)


def _section(block: Json, at: str) -> Found:
    if block.get("text") is None and block.get("fields") is None:
        yield fault(at, "must define either `text` or `fields`")
    optional = block.get("text") is not None
    if optional:
        yield from text_object(block["text"], f"{at}/text", longest=SECTION_TEXT, mrkdwn=True)
    if block.get("fields") is not None:
        yield from amount(block["fields"], f"{at}/fields", most=FIELDS)
        for index, field in enumerate(block["fields"] if isinstance(block["fields"], list) else ()):
            yield from text_object(field, f"{at}/fields/{index}", longest=FIELD_TEXT, mrkdwn=True)
    if block.get("accessory") is not None:
        yield from _single(block["accessory"], f"{at}/accessory", IN_SECTION)


def _single(element: Any, at: str, allowed: frozenset[str]) -> Found:
    if isinstance(element, dict):
        yield from element_faults(element, at, allowed)
    else:
        yield fault(at, "must be an object")


def _header(block: Json, at: str) -> Found:
    yield from text_object(block.get("text"), f"{at}/text", longest=HEADER_TEXT)


def _context(block: Json, at: str) -> Found:
    yield from amount(block.get("elements"), f"{at}/elements", most=CONTEXT_ELEMENTS)
    for found in as_objects(block.get("elements"), f"{at}/elements"):
        if isinstance(found, Violation):
            yield found
        elif found[1].get("type") == "image":
            yield from image_faults(found[1], found[0])
        elif found[1].get("type") in {"mrkdwn", "plain_text"}:
            yield from text_object(found[1], found[0], longest=CONTEXT_TEXT, mrkdwn=True)
        else:
            yield fault(f"{found[0]}/type", f"unsupported type: {found[1].get('type')}")


def _actions(block: Json, at: str) -> Found:
    yield from amount(block.get("elements"), f"{at}/elements", most=ACTION_ELEMENTS)
    seen: set[str] = set()
    for found in as_objects(block.get("elements"), f"{at}/elements"):
        if isinstance(found, Violation):
            yield found
            continue
        pointer, element = found
        yield from element_faults(element, pointer, IN_ACTIONS)
        action_id = element.get("action_id")
        if action_id in seen:
            yield fault(f"{pointer}/action_id", f"`action_id` must be unique in the block: {action_id}")
        if isinstance(action_id, str):
            seen.add(action_id)


def _image(block: Json, at: str) -> Found:
    yield from image_faults(block, at)
    yield from optional_text(block, "title", at, longest=TITLE)


def _input(block: Json, at: str) -> Found:
    yield from text_object(block.get("label"), f"{at}/label", longest=LABEL)
    yield from optional_text(block, "hint", at, longest=LABEL)
    yield from _single(block.get("element"), f"{at}/element", IN_INPUT)


def _markdown(block: Json, at: str) -> Found:
    yield from length(block.get("text"), f"{at}/text", longest=MARKDOWN)


def _rich_text(block: Json, at: str) -> Found:
    yield from amount(block.get("elements"), f"{at}/elements", most=1000)
    for found in as_objects(block.get("elements"), f"{at}/elements"):
        if isinstance(found, Violation):
            yield found
        else:
            yield from _rich_part(found[1], found[0])


def _rich_part(part: Json, at: str) -> Found:
    kind = part.get("type")
    if kind not in RICH_PARTS:
        yield fault(f"{at}/type", f"unsupported type: {kind}")
        return
    if not isinstance(part.get("elements"), list):
        yield fault(f"{at}/elements", "must be an array")
    for found in as_objects(part.get("elements"), f"{at}/elements"):
        if isinstance(found, Violation):
            yield found
        elif kind == "rich_text_list":
            yield from _rich_part(found[1], found[0])
        else:
            yield from _rich_leaf(found[1], found[0])


def _rich_leaf(leaf: Json, at: str) -> Found:
    kind = leaf.get("type")
    if kind not in RICH_LEAVES:
        yield fault(f"{at}/type", f"unsupported type: {kind}")
    elif kind == "text":
        yield from length(leaf.get("text"), f"{at}/text", longest=40_000)
    elif kind == "link":
        yield from length(leaf.get("url"), f"{at}/url", longest=3000)


def _table(block: Json, at: str) -> Found:
    rows = block.get("rows")
    yield from amount(rows, f"{at}/rows", most=TABLE_ROWS)
    for row_index, row in enumerate(rows if isinstance(rows, list) else ()):
        pointer = f"{at}/rows/{row_index}"
        yield from amount(row, pointer, most=TABLE_CELLS)
        for found in as_objects(row, pointer):
            if isinstance(found, Violation):
                yield found
            elif found[1].get("type") == "raw_text":
                yield from length(found[1].get("text"), f"{found[0]}/text", longest=TABLE_TEXT)
            elif found[1].get("type") == "rich_text":
                yield from _rich_text(found[1], found[0])
            else:
                yield fault(f"{found[0]}/type", f"unsupported type: {found[1].get('type')}")
    if sum(len(text) for text in texts_within(rows)) > TABLE_TEXT:
        yield fault(f"{at}/rows", f"must be less than {TABLE_TEXT + 1} characters in all")
    if block.get("column_settings") is not None:
        yield from amount(block["column_settings"], f"{at}/column_settings", most=TABLE_CELLS)


def texts_within(value: Any) -> Iterator[str]:
    """Every `text` string at any depth: what Slack counts of a table."""
    if isinstance(value, list):
        for item in value:
            yield from texts_within(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "text" and isinstance(item, str):
                yield item
            else:
                yield from texts_within(item)


def _unchecked(_block: Json, _at: str) -> Found:
    return iter(())


RULES: dict[str, Callable[[Json, str], Found]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "divider": _unchecked,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "table": _table,
    # Blocks whose limits the stand-in does not know: let through, never refused for what is inside them.
    "video": _unchecked,
    "file": _unchecked,
    "alert": _unchecked,
    "card": _unchecked,
    "carousel": _unchecked,
    "context_actions": _unchecked,
    "data_visualization": _unchecked,
}
ONLY_IN_MESSAGES = frozenset(
    {"markdown", "table", "file", "context_actions", "data_visualization", "carousel"}
)
