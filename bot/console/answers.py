"""From what a person chose to the words in which Slack tells an app: an action's selection, a form's state.

Called by `people` for presses and submissions, whether they come from the page or from a test; pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bot.console.element_rules import TYPED, all_options
from bot.console.values import Json

Chosen: TypeAlias = str | Sequence[str] | None
"""What was chosen: text, an option's value, an id, or several of them."""
Answers: TypeAlias = Mapping[str, Mapping[str, Chosen]]
"""block_id → action_id → what was chosen."""

SINGLE = {
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
SEVERAL = {
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}
ONE_OPTION = frozenset({"static_select", "external_select", "radio_buttons", "overflow"})
OPTIONS = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})
STATELESS = frozenset({"button", "overflow", "image", "workflow_button"})


def selection(element: Json, chosen: Chosen) -> Json:
    """The fields that say what was chosen; raises KeyError for an option that the element has not."""
    kind = element["type"]
    if kind == "button":
        return {key: element[key] for key in ("text", "value", "style") if key in element}
    if kind in ONE_OPTION:
        return {"selected_option": _option(element, chosen) if chosen else None}
    if kind in OPTIONS:
        return {"selected_options": [_option(element, value) for value in _several(chosen)]}
    if kind in SEVERAL:
        return {SEVERAL[kind][0]: list(_several(chosen))}
    if kind in SINGLE:
        value: Any = chosen or None
        return {SINGLE[kind][0]: int(value) if kind == "datetimepicker" and value else value}
    return {"value": chosen or None}


def _several(chosen: Chosen) -> Sequence[str]:
    if chosen is None or chosen == "":
        return ()
    return (chosen,) if isinstance(chosen, str) else chosen


def _option(element: Json, value: Any) -> Json:
    for option in all_options(element):
        if option.get("value") == value:
            return option
    raise KeyError(value)


def initial(element: Json) -> Json:
    """The selection that an element starts with."""
    kind = element["type"]
    if kind in ONE_OPTION:
        return {"selected_option": element.get("initial_option")}
    if kind in OPTIONS:
        return {"selected_options": element.get("initial_options") or []}
    if kind in SINGLE:
        return {SINGLE[kind][0]: element.get(SINGLE[kind][1])}
    if kind in SEVERAL:
        return {SEVERAL[kind][0]: element.get(SEVERAL[kind][1]) or []}
    return {"value": element.get("initial_value")}


def elements_of(blocks: Sequence[Json]) -> list[tuple[str, Json]]:
    """Every interactive element with its block's id."""
    found: list[tuple[str, Json]] = []
    for block in blocks:
        inner = [block.get("accessory"), block.get("element")]
        if block.get("type") == "actions":
            inner += block["elements"]
        found += [(block["block_id"], e) for e in inner if isinstance(e, dict) and "action_id" in e]
    return found


def state_values(blocks: Sequence[Json], answers: Answers) -> Json:
    """The `state.values` of a message or view: what was answered, else what the element started with."""
    values: Json = {}
    for block_id, element in elements_of(blocks):
        if element["type"] in STATELESS:
            continue
        action_id = element["action_id"]
        given = answers.get(block_id, {})
        chosen = selection(element, given[action_id]) if action_id in given else initial(element)
        values.setdefault(block_id, {})[action_id] = {"type": element["type"], **chosen}
    return values


def unanswered(blocks: Sequence[Json], values: Json) -> dict[str, str]:
    """The required inputs that were left empty, by block id: Slack refuses these before it asks the app."""
    wrong: dict[str, str] = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        state = values.get(block["block_id"], {}).get(block["element"]["action_id"], {})
        given = [value for key, value in state.items() if key != "type"]
        if not block.get("optional") and not any(given):
            wrong[block["block_id"]] = "Please complete this required field."
        elif block["element"]["type"] in TYPED and any(given):
            said = _length_fault(block["element"], str(given[0]))
            wrong |= {block["block_id"]: said} if said else {}
    return wrong


def _length_fault(element: Json, text: str) -> str:
    least, most = element.get("min_length"), element.get("max_length")
    if least and len(text) < least:
        return f"This must be at least {least} characters long."
    if most and len(text) > most:
        return f"This must be at most {most} characters long."
    return ""
