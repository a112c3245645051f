"""Buttons and forms are read back as they were written, and nothing forged gets further than a refusal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.approvals import ApprovalState
from bot.domain.incidents import IncidentState, Resolution
from bot.rendering import modals
from bot.rendering.approvals import approval_message
from bot.rendering.buttons import (
    ActionWord,
    ApprovalButton,
    ButtonRefusal,
    ButtonRefusalReason,
    CheckButton,
    IncidentButton,
    Press,
    RemediationButton,
    RunbookButton,
    encode_value,
    read_press,
)
from bot.rendering.forms import (
    DURATION,
    INPUT,
    REASON,
    REPLICAS,
    DenyForm,
    FieldFaults,
    FormRefusal,
    FormTarget,
    ScaleForm,
    SilenceForm,
    read_form,
)
from bot.rendering.incidents import incident_message
from tests.rendering.samples import NOW, approval, approval_view, incident, incident_view, silence

VALUES = [
    (ActionWord.ACKNOWLEDGE, IncidentButton(incident_id=12)),
    (ActionWord.UNDO, IncidentButton(incident_id=2**53 - 1)),
    (ActionWord.RUN_CHECK, CheckButton(incident_id=12, check="pods")),
    (ActionWord.REQUEST_REMEDIATION, RemediationButton(incident_id=12, remediation="scale-up")),
    (ActionWord.RUNBOOK, RunbookButton(incident_id=12, runbook="hohe-Latenz-ü")),
    (ActionWord.APPROVE, ApprovalButton(approval_id="a-1", digest="d" * 64)),
]
TARGET = FormTarget(service="churn", channel="C0CHURN", incident_id=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def _ids(blocks: Any) -> list[str]:
    found = [block["accessory"]["action_id"] for block in blocks if "accessory" in block]
    rows = [block["elements"] for block in blocks if block["type"] == "actions"]
    return found + [element["action_id"] for row in rows for element in row]


@pytest.mark.parametrize(("word", "value"), VALUES)
def test_what_is_written_is_read(word: ActionWord, value: Any) -> None:
    """Each kind of value comes back as it was, with the suffix beside it."""
    assert read_press(f"{word}:x", encode_value(value)) == Press(word=word, suffix="x", value=value)


def test_keys_of_a_later_version_are_passed_over() -> None:
    """A newer Lightship may add keys, even raise the version, as long as it says what this one needs."""
    text = json.dumps({"v": 7, "i": 12, "check": "pods", "tenant": ["new"]})
    press = read_press("run_check:pods", text)
    assert isinstance(press, Press)
    assert press.value == CheckButton(incident_id=12, check="pods")


@pytest.mark.parametrize(
    ("action", "text", "reason"),
    [
        ("launch", '{"v":1,"i":1}', ButtonRefusalReason.UNKNOWN_ACTION),
        (None, None, ButtonRefusalReason.UNKNOWN_ACTION),
        ("resolve", None, ButtonRefusalReason.MISSING),
        ("resolve", "x" * 2_001, ButtonRefusalReason.TOO_LONG),
        ("resolve", "[" * 2_000, ButtonRefusalReason.UNREADABLE),
        ("resolve", "12", ButtonRefusalReason.UNREADABLE),
        ("resolve", '{"v":true,"i":1}', ButtonRefusalReason.UNREADABLE),
        ("resolve", '{"v":1,"i":true}', ButtonRefusalReason.OTHER_KIND),
        ("resolve", '{"v":1,"i":-3}', ButtonRefusalReason.OTHER_KIND),
        ("run_check", '{"v":1,"i":1,"check":"\\ud800"}', ButtonRefusalReason.OTHER_KIND),
        ("approve", '{"v":1,"a":"a-1","d":"short"}', ButtonRefusalReason.OTHER_KIND),
        ("approve", '{"v":2,"token":"t"}', ButtonRefusalReason.NEWER_VERSION),
    ],
)
def test_a_press_that_says_nothing_is_refused(action: Any, text: Any, reason: ButtonRefusalReason) -> None:
    """What cannot be understood is refused with its reason and a sentence."""
    refusal = read_press(action, text)
    assert isinstance(refusal, ButtonRefusal)
    assert refusal.reason is reason
    assert refusal.sentence


@given(action=JSON | st.sampled_from(ActionWord), text=JSON | JSON.map(json.dumps))
def test_reading_a_press_never_raises(action: object, text: object) -> None:
    """Whatever comes in place of a press, the answer is a press or a refusal."""
    assert isinstance(read_press(action, text), Press | ButtonRefusal)


def test_a_name_that_no_button_carries_is_refused_when_written() -> None:
    """A name too long is a mistake of who draws, said at once."""
    with pytest.raises(ValueError, match="cannot carry"):
        encode_value(CheckButton(incident_id=1, check="x" * 201))


@pytest.mark.parametrize(
    ("shown", "there", "missing"),
    [
        (incident(), {"acknowledge", "silence", "resolve", "run_all_checks", "timeline"}, {"undo:silence"}),
        (
            incident(state=IncidentState.ACKNOWLEDGED, silence=silence()),
            {"undo:silence", "resolve", "run_check:pods", "request_remediation:scale-up"},
            {"acknowledge", "silence"},
        ),
        (
            incident(state=IncidentState.RESOLVED, resolution=Resolution.BY_HAND, resolved_at=NOW),
            {"timeline"},
            {"acknowledge", "silence", "resolve", "run_all_checks", "request_remediation:scale-up"},
        ),
    ],
)
def test_buttons_fit_the_state(shown: Any, there: set[str], missing: set[str]) -> None:
    """Only what makes sense in its state can be pressed under an incident."""
    ids = set(_ids(incident_message(incident_view(shown)).blocks))
    assert there <= ids
    assert not missing & ids


@pytest.mark.parametrize("state", ApprovalState)
def test_approval_buttons_are_there_while_it_waits(state: ApprovalState) -> None:
    """Approve and deny stand under a request that waits, and under no other; each carries the digest."""
    asked = approval(state=state)
    blocks = approval_message(approval_view(asked)).blocks
    assert _ids(blocks) == (["approve", "deny"] if state is ApprovalState.REQUESTED else [])
    for block in blocks:
        for element in block.get("elements", ()) if block["type"] == "actions" else ():
            press = read_press(element["action_id"], element["value"])
            assert isinstance(press, Press)
            assert press.value == ApprovalButton(approval_id="a-1", digest=asked.digest)


def test_an_approval_out_of_time_cannot_be_pressed() -> None:
    """A request whose time is up has no buttons and calls nobody, even before it is marked expired."""
    message = approval_message(approval_view(approval(expires_at=NOW)))
    assert _ids(message.blocks) == []
    assert "U0BOB" not in message.text


def test_nobody_is_called_without_a_mention() -> None:
    """An incident's message calls the group only where the view says so."""
    assert "<!subteam" not in str(incident_message(incident_view()))
    assert "<!subteam^S0ONCALL>" in incident_message(incident_view(mention="S0ONCALL")).text


def _filled(view: modals.View, **values: str) -> dict[str, Any]:
    def state(value: str, block: str) -> dict[str, Any]:
        return {"selected_option": {"value": value}} if block == DURATION else {"value": value}

    return {**view, "state": {"values": {block: {INPUT: state(v, block)} for block, v in values.items()}}}


def test_forms_are_read_as_they_were_filled_in() -> None:
    """Each modal comes back as a typed wish with the target that it was opened for."""
    silenced = read_form(
        _filled(modals.silence_modal(TARGET, title="t"), **{DURATION: "2h", REASON: " fix "})
    )
    assert silenced == SilenceForm(target=TARGET, duration=timedelta(hours=2), reason="fix")
    scaled = read_form(
        _filled(modals.scale_modal(TARGET, subject="s", present=3), **{REPLICAS: "6", REASON: "traffic"})
    )
    assert scaled == ScaleForm(target=TARGET, replicas=6, reason="traffic")
    denied = read_form(_filled(modals.deny_modal(TARGET, plan="p"), **{REASON: "no"}))
    assert denied == DenyForm(target=TARGET, reason="no")


@pytest.mark.parametrize("replicas", ["", "-1", "6.5", "١٢", "100000", "six", "9" * 400])
def test_a_wrong_number_is_shown_beside_its_field(replicas: str) -> None:
    """Replicas that are no whole number in bounds, and a missing reason, are faults of their fields."""
    view = _filled(modals.scale_modal(TARGET, subject="s", present=None), **{REPLICAS: replicas, REASON: " "})
    faults = read_form(view)
    assert isinstance(faults, FieldFaults)
    assert set(faults.errors) == {REPLICAS, REASON}


@given(view=st.dictionaries(st.sampled_from(["private_metadata", "callback_id", "state"]), JSON))
def test_reading_a_form_never_raises(view: dict[str, object]) -> None:
    """Whatever comes in place of a form is refused."""
    assert isinstance(read_form(view), FormRefusal)


@given(state=JSON)
def test_reading_filled_fields_never_raises(state: object) -> None:
    """Whatever comes as the state of a real form is a fault of its fields."""
    view = {**modals.scale_modal(TARGET, subject="s", present=None), "state": state}
    assert isinstance(read_form(view), FieldFaults | FormRefusal)
