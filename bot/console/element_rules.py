"""Slack's limits on block elements and composition objects: buttons, selects, options, confirm dialogs.

Called by `block_rules`; pure.
"""

from typing import Any

from bot.console.faultfinding import (
    ID_LONGEST,
    Found,
    Violation,
    amount,
    as_objects,
    fault,
    length,
    one_of,
    optional_length,
    optional_text,
    text_object,
)
from bot.console.values import Json

SELECTS = frozenset(f"{kind}_select" for kind in ("static", "external", "users", "conversations", "channels"))
MULTI_SELECTS = frozenset(f"multi_{kind}" for kind in SELECTS)
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
IN_ACTIONS = SELECTS | PICKERS | CHOICES | {"button", "overflow", "workflow_button", "icon_button"}
IN_SECTION = IN_ACTIONS | MULTI_SELECTS | {"image"}
IN_INPUT = SELECTS | MULTI_SELECTS | PICKERS | CHOICES | TYPED | {"rich_text_input", "file_input"}

OPTION_TEXT, OPTION_VALUE = 75, 150
MOST_OPTIONS = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}
SELECT_OPTIONS = 100
BUTTON_TEXT, BUTTON_VALUE, URL, PLACEHOLDER, ALT = 75, 2000, 3000, 150, 2000
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
INPUT_LONGEST = 3000


def element_faults(element: Json, at: str, allowed: frozenset[str]) -> Found:
    """Everything wrong with one element where only the types `allowed` may stand."""
    kind = element.get("type")
    if kind not in allowed:
        yield fault(f"{at}/type", f"unsupported type: {kind}")
        return
    if kind == "image":
        yield from image_faults(element, at)
        return
    yield from optional_length(element, "action_id", at, longest=ID_LONGEST)
    if element.get("confirm") is not None:
        yield from _confirm_faults(element["confirm"], f"{at}/confirm")
    yield from optional_text(element, "placeholder", at, longest=PLACEHOLDER)
    if kind in {"button", "workflow_button"}:
        yield from _button_faults(element, at)
    elif kind in TYPED:
        yield from _typed_faults(element, at)
    elif kind in {"overflow", "static_select", "multi_static_select"} | CHOICES:
        yield from _choice_faults(element, at)


def image_faults(image: Json, at: str) -> Found:
    """An image element or block: one source, and words for those who do not see it."""
    if ("image_url" in image) == ("slack_file" in image):
        yield fault(at, "must define exactly one of image_url, slack_file")
    yield from optional_length(image, "image_url", at, longest=URL)
    yield from length(image.get("alt_text"), f"{at}/alt_text", longest=ALT)


def _button_faults(button: Json, at: str) -> Found:
    yield from text_object(button.get("text"), f"{at}/text", longest=BUTTON_TEXT)
    yield from optional_length(button, "value", at, longest=BUTTON_VALUE)
    yield from optional_length(button, "url", at, longest=URL)
    yield from optional_length(button, "accessibility_label", at, longest=BUTTON_TEXT)
    if "style" in button:
        yield from one_of(button["style"], f"{at}/style", "primary", "danger")


def _confirm_faults(confirm: Any, at: str) -> Found:
    if not isinstance(confirm, dict):
        yield fault(at, "must be an object")
        return
    yield from text_object(confirm.get("title"), f"{at}/title", longest=CONFIRM_TITLE)
    yield from text_object(confirm.get("text"), f"{at}/text", longest=CONFIRM_TEXT, mrkdwn=True)
    for key in ("confirm", "deny"):
        yield from text_object(confirm.get(key), f"{at}/{key}", longest=CONFIRM_BUTTON)


def _typed_faults(element: Json, at: str) -> Found:
    for key in ("min_length", "max_length"):
        value = element.get(key)
        if value is not None and not (isinstance(value, int) and 0 <= value <= INPUT_LONGEST):
            yield fault(f"{at}/{key}", f"must be less than {INPUT_LONGEST + 1}")
    if element["type"] == "number_input" and "is_decimal_allowed" not in element:
        yield fault(at, "missing required field: is_decimal_allowed")
    yield from optional_length(element, "initial_value", at, longest=INPUT_LONGEST)


def _choice_faults(element: Json, at: str) -> Found:
    kind = element["type"]
    groups = element.get("option_groups")
    if (groups is None) == (element.get("options") is None):
        yield fault(at, "must define exactly one of options, option_groups")
        return
    if groups is None:
        yield from _option_list_faults(element["options"], f"{at}/options", kind)
    else:
        yield from amount(groups, f"{at}/option_groups", most=SELECT_OPTIONS)
        for found in as_objects(groups, f"{at}/option_groups"):
            if isinstance(found, Violation):
                yield found
                continue
            pointer, group = found
            yield from text_object(group.get("label"), f"{pointer}/label", longest=OPTION_TEXT)
            yield from _option_list_faults(group.get("options"), f"{pointer}/options", kind)
    yield from _initial_faults(element, at)


def _option_list_faults(options: Any, at: str, kind: str) -> Found:
    yield from amount(options, at, most=MOST_OPTIONS.get(kind, SELECT_OPTIONS))
    for found in as_objects(options, at):
        if isinstance(found, Violation):
            yield found
        else:
            yield from _option_faults(found[1], found[0], mrkdwn=kind in CHOICES)


def _option_faults(option: Json, at: str, *, mrkdwn: bool) -> Found:
    yield from text_object(option.get("text"), f"{at}/text", longest=OPTION_TEXT, mrkdwn=mrkdwn)
    yield from length(option.get("value"), f"{at}/value", longest=OPTION_VALUE)
    yield from optional_text(option, "description", at, longest=OPTION_TEXT, mrkdwn=mrkdwn)
    yield from optional_length(option, "url", at, longest=URL)


def _initial_faults(element: Json, at: str) -> Found:
    offered = [option.get("value") for option in all_options(element)]
    initial = [("initial_option", element.get("initial_option"))]
    initial += [("initial_options", option) for option in element.get("initial_options") or ()]
    for key, option in initial:
        if option is not None and option.get("value") not in offered:
            yield fault(f"{at}/{key}", "must be one of the options")


def all_options(element: Json) -> list[Json]:
    """The options of an element, those of its groups among them."""
    grouped = [
        option for group in element.get("option_groups") or () for option in group.get("options") or ()
    ]
    return [option for option in [*(element.get("options") or ()), *grouped] if isinstance(option, dict)]
