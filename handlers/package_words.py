"""The words behind a slash command that packages beside Lightship bring, one for each check and action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.checks.registry import CHECKS, SHIPPED
from bot.domain.actions import ACTIONS
from bot.domain.remedies import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.checks.registry import Check


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageWord:
    """A word: how it is written, what it does, and whether it asks for an action."""

    word: str
    usage: str
    does: str
    asks: bool


def package_words() -> Iterator[PackageWord]:
    """Checks first, each in the order of their names."""
    for check in package_checks():
        usage = " ".join((check.name, *(f"[--{one} VALUE]" for one in sorted(check.arguments))))
        yield PackageWord(word=check.name, usage=usage, does=_lowered(check.title), asks=False)
    shipped = set(Action)
    for action in sorted(ACTIONS.keys() - shipped):
        does = f"ask to {_lowered(ACTIONS[action].title)}"
        yield PackageWord(word=action.value, usage=usage_of(action), does=does, asks=True)


def package_checks() -> tuple[Check, ...]:
    """The checks of other packages."""
    return tuple(CHECKS[name] for name in sorted(CHECKS.keys() - SHIPPED))


def is_named(action: Action) -> bool:
    """Whether a command gives its arguments as `name=value`: there is more than one to tell apart."""
    return sum(one.in_forms for one in ACTIONS[action].arguments) > 1


def usage_of(action: Action) -> str:
    """How a command asks for an action."""
    arguments = ACTIONS[action].arguments
    if is_named(action):
        taken = [f"[{one.name}=VALUE]" for one in arguments]
    else:
        taken = [one.name.upper() if one.required else f"[{one.name.upper()}]" for one in arguments[:1]]
    return " ".join((action.value, *taken, "[REASON]"))


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]
