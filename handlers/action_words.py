"""What follows an action's word in a slash command, read into arguments and a reason; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.actions import ACTIONS, ActionArgument, fault_in, whole_number
from bot.domain.remedies import Action
from handlers.command_words import read_reason
from handlers.package_words import is_named, usage_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.remedies import Argument

ACTION_WORDS: Final[Mapping[str, Action]] = {action.value: action for action in ACTIONS}
"""The word of a command → the action that it asks for."""

_EXAMPLES: Final = {
    Action.SCALE: "scale 6 more traffic",
    Action.ROLLBACK: "rollback 12 errors since the release",
    Action.RESOURCES: "resources memory=2Gi cpu=2 killed for want of memory",
    Action.DELETE_POD: "delete-pod shop-api-6d4b75cb6d-abcde stuck",
    Action.RUN: "run training-pipeline",
    Action.PROMOTE: "promote 7 better on the newest data",
}


class ActionWordsError(ValueError):
    """What was typed cannot be understood; the text is for the person."""


def read_action(action: Action, words: tuple[str, ...]) -> tuple[dict[str, Argument], str]:
    """The arguments and the reason. Raises ActionWordsError."""
    if is_named(action):
        arguments, rest = _named(action, words)
    else:
        arguments, rest = _leading(action, words)
    return arguments, read_reason(rest)


def _leading(action: Action, words: tuple[str, ...]) -> tuple[dict[str, Argument], tuple[str, ...]]:
    """An action's first argument, which stands right behind its word."""
    facts = ACTIONS[action]
    if not facts.arguments:
        return {}, words
    argument = facts.arguments[0]
    typed = words[0] if words else ""
    wrong = fault_in(argument, typed)
    if not wrong:
        number = whole_number(typed)
        return {argument.name: typed if number is None else number}, words[1:]
    if argument.required:
        raise ActionWordsError(_asked(action, argument))
    return {}, words


def _named(action: Action, words: tuple[str, ...]) -> tuple[dict[str, Argument], tuple[str, ...]]:
    """Arguments as `name=value`, up to the first word that is none."""
    known = {argument.name: argument for argument in ACTIONS[action].arguments}
    arguments: dict[str, Argument] = {}
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        name = name.casefold().replace("-", "_")
        if not equals:
            return _some(action, arguments), words[place:]
        if name not in known:
            raise ActionWordsError(f"`{action.value}` knows no `{name}`; it knows {', '.join(known)}.")
        wrong = fault_in(known[name], value)
        if wrong:
            raise ActionWordsError(f"`{name}` {wrong}, not `{value}`. Write it like `{_example(action)}`.")
        arguments[name] = value
    return _some(action, arguments), ()


def _some(action: Action, arguments: dict[str, Argument]) -> dict[str, Argument]:
    if not arguments:
        raise ActionWordsError(f"What is to be changed? Write it like `{_example(action)}`.")
    return arguments


def _asked(action: Action, argument: ActionArgument) -> str:
    if action is Action.SCALE:
        return f"To how many replicas? Write it like `{_example(action)}`."
    return f"Which {argument.title.partition(',')[0].lower()}? Write it like `{_example(action)}`."


def _example(action: Action) -> str:
    return _EXAMPLES.get(action) or usage_of(action)
