from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.actions import ACTIONS
from bot.domain.remedies import Action, Target
from bot.rendering.forms import FieldFaults, FormTarget, read_form
from bot.rendering.modals import remedy_modal
from bot.rendering.remedy_forms import RemedyForm
from handlers.action_words import ACTION_WORDS, ActionWordsError, read_action
from handlers.command_words import BUILT
from handlers.services import target_of
from tests.doors.engine_bench import CHURN

if TYPE_CHECKING:
    from bot.domain.remedies import Argument


@pytest.mark.parametrize(
    ("word", "typed", "arguments", "reason"),
    [
        ("scale", "6 more traffic", {"replicas": 6}, "more traffic"),
        ("restart", "it leaks", {}, "it leaks"),
        ("restart", "", {}, ""),
        ("rollback", "12 errors", {"revision": 12}, "errors"),
        ("rollback", "errors since noon", {}, "errors since noon"),
        ("resources", "memory=2Gi CPU=2 killed often", {"memory": "2Gi", "cpu": "2"}, "killed often"),
        ("resources", "cpu-request=500m", {"cpu_request": "500m"}, ""),
        ("delete-pod", "churn-api-1 stuck", {"pod": "churn-api-1"}, "stuck"),
        ("run", "training-pipeline", {"cronjob": "training-pipeline"}, ""),
        ("retrain", "new data", {}, "new data"),
        ("promote", "7 better", {"version": 7}, "better"),
    ],
)
def test_what_follows_a_word_is_read(word: str, typed: str, arguments: dict[str, Any], reason: str) -> None:
    """The arguments that an action needs come first, and the rest is the reason."""
    assert read_action(ACTION_WORDS[word], tuple(typed.split())) == (arguments, reason)


@pytest.mark.parametrize(
    ("word", "typed", "words"),
    [
        ("scale", "lots", "To how many replicas"),
        ("delete-pod", "", "Which pod?"),
        ("delete-pod", "../../x", "Which pod?"),
        ("run", "", "Which cronjob?"),
        ("promote", "newest", "Which version?"),
        ("resources", "", "What is to be changed?"),
        ("resources", "disk=2Gi", "knows no `disk`"),
        ("resources", "cpu=lots", "must be a quantity"),
    ],
)
def test_what_cannot_be_read_is_said_with_an_example(word: str, typed: str, words: str) -> None:
    """The complaint says what is missing or wrong."""
    with pytest.raises(ActionWordsError, match=words.replace("?", r"\?")):
        read_action(ACTION_WORDS[word], tuple(typed.split()))


def test_every_action_has_its_word() -> None:
    """What can be asked for can be typed."""
    assert {action.value for action in Action} <= BUILT.keys()


@pytest.mark.parametrize("action", Action, ids=str)
def test_a_form_is_read_back(action: Action) -> None:
    """What a runbook proposes is in the fields, and what is submitted comes back as arguments."""
    examples = {"cpu": "2", "memory": "2Gi", "cpu_request": "1", "memory_request": "1Gi"}
    named: dict[str, Argument] = {
        "container": "api",
        "pod": "p-1",
        "cronjob": "c",
        "revision": 3,
        "version": 7,
        "replicas": 5,
    }
    known: dict[str, Argument] = {**examples, **named}
    given = {one.name: known[one.name] for one in ACTIONS[action].arguments if one.in_forms}
    target = FormTarget(service="churn", channel="C1", incident_id=7, remediation="x", action=action.value)
    view = remedy_modal(target, action, subject="deployment churn/api", given=given)
    fields = {
        block["block_id"]: {"input": {"value": block["element"].get("initial_value")}}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    fields["reason"]["input"]["value"] = "because"
    submitted = {**view, "state": {"values": fields}}
    assert read_form(submitted) == RemedyForm(target=target, action=action, arguments=given, reason="because")
    fields["reason"]["input"]["value"] = ""
    assert isinstance(read_form(submitted), FieldFaults)


def test_what_is_wrong_in_a_field_shows_beside_it() -> None:
    """A required field that is empty and one that is no number are faults of those fields."""
    target = FormTarget(service="churn", channel="C1", action="promote")
    view = remedy_modal(target, Action.PROMOTE, subject="model x", given={})
    values = {"version": {"input": {"value": "newest"}}, "reason": {"input": {"value": "x"}}}
    read = read_form({**view, "state": {"values": values}})
    assert isinstance(read, FieldFaults)
    assert read.errors == {"version": "Must be a whole number."}


def test_an_action_is_about_the_service_s_own_object() -> None:
    """The target is the pod, the CronJob or the deployment; what is not configured is a sentence."""
    assert target_of(CHURN, Action.DELETE_POD, {"pod": "p"}) == Target(
        kind="Pod", namespace=CHURN.namespace, name="p"
    )
    assert target_of(CHURN, Action.RUN, {"cronjob": "c"}) == Target(
        kind="CronJob", namespace=CHURN.namespace, name="c"
    )
    assert target_of(CHURN, Action.PROMOTE, {}) == "No model is configured for churn."
