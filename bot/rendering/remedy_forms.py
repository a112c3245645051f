"""The form behind a runbook's remediation: one field for each argument of its action, and a reason.

Opened by the doors, read back through `bot.rendering.forms`. Scaling and silencing have forms of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.domain.actions import ACTIONS, ArgumentKind, fault_in, whole_number
from bot.rendering.blocks import section
from bot.rendering.escaping import bold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.remedies import Action, Argument
    from bot.ports.notifier import Block
    from bot.rendering.forms import FormTarget


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyForm:
    """A wish for an action with these arguments; the reason is never empty."""

    target: FormTarget
    action: Action
    arguments: Mapping[str, Argument]
    reason: str


def about_action(action: Action, subject: str) -> Block:
    """What would be asked for; `subject` names the object, raw."""
    words = f"{ACTIONS[action].title}: {bold(subject, 300)}. Nothing changes before somebody approves it."
    return section(words)


def argument_inputs(action: Action, given: Mapping[str, object]) -> list[tuple[str, str, Block, bool]]:
    """The fields as (block id, label, element, optional), filled with what the runbook gives."""
    inputs = []
    for argument in ACTIONS[action].arguments:
        if not argument.in_forms:
            continue
        element: dict[str, Any] = {"type": "plain_text_input", "action_id": "input", "max_length": 253}
        value = given.get(argument.name)
        if value is not None and not fault_in(argument, value):
            element["initial_value"] = str(value)
        inputs.append((argument.name, argument.title, element, not argument.required))
    return inputs


def read_arguments(action: Action, filled: Mapping[str, str]) -> tuple[dict[str, Argument], dict[str, str]]:
    """The arguments of what was filled in, and what is wrong beside which field."""
    arguments: dict[str, Argument] = {}
    errors: dict[str, str] = {}
    for argument in ACTIONS[action].arguments:
        text = filled.get(argument.name, "")
        if not text and not argument.required:
            continue
        wrong = fault_in(argument, text)
        if wrong:
            errors[argument.name] = f"{wrong[0].upper()}{wrong[1:]}."
            continue
        number = whole_number(text) if argument.kind is ArgumentKind.COUNT else None
        arguments[argument.name] = text if number is None else number
    return arguments, errors


def action_of(word: str) -> Action | None:
    """The action of that word; None where this version has none."""
    return next((action for action in ACTIONS if action.value == word), None)
