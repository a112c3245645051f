"""How what a person chose is told to the app, for every kind of input."""

from typing import Any

import pytest

from bot.console.answers import selection, state_values, unanswered

Json = dict[str, Any]
PODS = {"text": {"type": "plain_text", "text": "Pods"}, "value": "pods"}
HPA = {"text": {"type": "plain_text", "text": "HPA"}, "value": "hpa"}


def element(kind: str, **more: Any) -> Json:
    """An element with two options."""
    return {"type": kind, "action_id": "x", "options": [PODS, HPA], **more}


def form(*elements: Json, **more: Any) -> list[Json]:
    """One input block for each element, named a, b and so on."""
    return [{"type": "input", "block_id": chr(97 + n), "element": e, **more} for n, e in enumerate(elements)]


@pytest.mark.parametrize(
    ("kind", "chosen", "told"),
    [
        ("static_select", "hpa", {"selected_option": HPA}),
        ("static_select", None, {"selected_option": None}),
        ("radio_buttons", "pods", {"selected_option": PODS}),
        ("overflow", "pods", {"selected_option": PODS}),
        ("checkboxes", ["pods", "hpa"], {"selected_options": [PODS, HPA]}),
        ("checkboxes", [], {"selected_options": []}),
        ("multi_static_select", ["hpa"], {"selected_options": [HPA]}),
        ("users_select", "U0BOB", {"selected_user": "U0BOB"}),
        ("multi_users_select", ["U0BOB"], {"selected_users": ["U0BOB"]}),
        ("conversations_select", "C1", {"selected_conversation": "C1"}),
        ("channels_select", "C1", {"selected_channel": "C1"}),
        ("datepicker", "2026-11-24", {"selected_date": "2026-11-24"}),
        ("timepicker", "09:30", {"selected_time": "09:30"}),
        ("datetimepicker", "1795478000", {"selected_date_time": 1795478000}),
        ("number_input", "6", {"value": "6"}),
        ("plain_text_input", "", {"value": None}),
    ],
)
def test_each_kind_of_input_has_its_own_words(kind: str, chosen: Any, told: Json) -> None:
    """The fields are those of Slack's payloads."""
    assert selection(element(kind), chosen) == told


def test_an_option_that_was_never_offered_cannot_be_chosen() -> None:
    """A forged value is refused before it reaches the app."""
    with pytest.raises(KeyError):
        selection(element("static_select"), "root")


def test_options_of_groups_can_be_chosen() -> None:
    """A select with option groups offers the options of all of them."""
    grouped = {
        "type": "static_select",
        "action_id": "x",
        "option_groups": [{"options": [PODS]}, {"options": [HPA]}],
    }
    assert selection(grouped, "hpa") == {"selected_option": HPA}


def test_what_was_not_touched_tells_what_it_started_with() -> None:
    """The state of an unanswered input is its initial value; buttons have no state."""
    blocks = [
        *form(element("radio_buttons", initial_option=PODS), {"type": "plain_text_input", "action_id": "x"}),
        {"type": "actions", "block_id": "row", "elements": [{"type": "button", "action_id": "go"}]},
    ]
    assert state_values(blocks, {"b": {"x": "hello"}}) == {
        "a": {"x": {"type": "radio_buttons", "selected_option": PODS}},
        "b": {"x": {"type": "plain_text_input", "value": "hello"}},
    }


def test_required_and_too_short_inputs_are_named() -> None:
    """An optional input may stay empty, a text must have its length."""
    text = {"type": "plain_text_input", "action_id": "x", "min_length": 3, "max_length": 5}
    required, optional = form(text, text), form(text, optional=True)
    answers = {"a": {"x": "ab"}, "b": {"x": "abcdef"}}
    assert unanswered(required, state_values(required, answers)) == {
        "a": "This must be at least 3 characters long.",
        "b": "This must be at most 5 characters long.",
    }
    assert unanswered(required, state_values(required, {})).keys() == {"a", "b"}
    assert unanswered(optional, state_values(optional, {})) == {}
