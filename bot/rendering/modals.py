"""The modals: silence, scale, deny. Opened by the doors, read back by `bot.rendering.forms`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.domain.actions import ACTIONS
from bot.rendering.blocks import section, unmarked
from bot.rendering.escaping import bold, mrkdwn
from bot.rendering.forms import (
    DURATION,
    INPUT,
    LONGEST_REASON,
    MOST_REPLICAS,
    REASON,
    REPLICAS,
    FormWord,
    encode_target,
)
from bot.rendering.remedy_forms import about_action, argument_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.remedies import Action
    from bot.ports.notifier import Block
    from bot.rendering.forms import FormTarget

View = dict[str, Any]

DURATIONS: Final = {
    "30m": "30 minutes",
    "1h": "1 hour",
    "2h": "2 hours",
    "4h": "4 hours",
    "8h": "8 hours",
    "24h": "24 hours",
}
_SHORT: Final = 24


def silence_modal(target: FormTarget, *, title: str, chosen: str = "") -> View:
    """How long, and why. `title` is the incident's, raw; `chosen` is what a runbook proposes.

    Raises ValueError for a target too long to carry.
    """
    options = [{"text": unmarked(words, 75), "value": duration} for duration, words in DURATIONS.items()]
    proposed = next((one for one in options if one["value"] == chosen), options[1])
    element: Block = {
        "type": "static_select",
        "action_id": INPUT,
        "options": options,
        "initial_option": proposed,
    }
    about = f"Alertmanager stays silent about {bold(title, 300)} for that long. You can lift it at any time."
    return _modal(
        FormWord.SILENCE,
        target,
        title="Silence",
        submit="Silence",
        blocks=[section(about), _input(DURATION, "For how long", element), _reason(required=False)],
    )


def scale_modal(target: FormTarget, *, subject: str, present: int | None, asked: int | None = None) -> View:
    """To how many replicas, and why. `subject` names the deployment, raw; `present` is None where unknown."""
    number: Block = {
        "type": "number_input",
        "action_id": INPUT,
        "is_decimal_allowed": False,
        "min_value": "0",
        "max_value": str(MOST_REPLICAS),
    }
    if asked is not None:
        number["initial_value"] = str(asked)
    now = "not known" if present is None else str(present)
    replicas = _input(REPLICAS, "Replicas", number, hint=f"Now: {now}")
    about = f"Scale {bold(subject, 300)}. Nothing changes before somebody approves it."
    return _modal(
        FormWord.SCALE,
        target,
        title="Scale",
        submit="Ask for approval",
        blocks=[section(about), replicas, _reason(required=True)],
    )


def remedy_modal(target: FormTarget, action: Action, *, subject: str, given: Mapping[str, object]) -> View:
    """What an action is asked, and why. `subject` names the object, raw; `given` is what a runbook says."""
    fields = [
        _input(name, label, element, optional=optional)
        for name, label, element, optional in argument_inputs(action, given)
    ]
    return _modal(
        FormWord.REMEDY,
        target,
        title=ACTIONS[action].title,
        submit="Ask for approval",
        blocks=[about_action(action, subject), *fields, _reason(required=True)],
    )


def deny_modal(target: FormTarget, *, plan: str) -> View:
    """Why not. `plan` is the request in words (`approvals.plan_words`), raw."""
    about = f"Deny: {mrkdwn(plan, 500)}"
    return _modal(
        FormWord.DENY,
        target,
        title="Deny",
        submit="Deny",
        blocks=[section(about), _reason(required=True)],
    )


def glass_modal(target: FormTarget, *, plan: str) -> View:
    """Why nobody else can be waited for. `plan` is the request in words (`approvals.plan_words`), raw."""
    about = (
        f"🚨 You approve your own request without anybody else: {mrkdwn(plan, 500)}. It is done at once. All "
        "approvers are called, and it stands in the audit with your name and your reason."
    )
    return _modal(
        FormWord.BREAK_GLASS,
        target,
        title="Break glass",
        submit="Approve alone",
        blocks=[section(about), _reason(required=True)],
    )


def _modal(word: FormWord, target: FormTarget, *, title: str, submit: str, blocks: list[Block]) -> View:
    return {
        "type": "modal",
        "callback_id": word.value,
        "private_metadata": encode_target(target),
        "title": unmarked(title, _SHORT),
        "submit": unmarked(submit, _SHORT),
        "close": unmarked("Cancel", _SHORT),
        "blocks": blocks,
    }


def _input(block_id: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": unmarked(label, 100),
        "element": element,
        "optional": optional,
    }
    if hint:
        block["hint"] = unmarked(hint, 200)
    return block


def _reason(*, required: bool) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": INPUT,
        "max_length": LONGEST_REASON,
        "multiline": False,
    }
    return _input(REASON, "Reason", element, optional=not required)
