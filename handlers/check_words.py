"""What follows a check's word in a slash command, read into the check's arguments; pure.

`logs shop-api-1 --tail 50 --previous` is `{"pod": "shop-api-1", "tail": "50", "previous": True}`. The check
itself judges the values; here only names and numbers of words are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.domain.words import did_you_mean
from handlers.package_words import package_checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.runbooks import Argument


@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """What a check's word takes: a first word as this argument, options with a value, and flags."""

    first: str = ""
    options: frozenset[str] = frozenset()
    flags: frozenset[str] = field(default_factory=frozenset)


CHECK_WORDS: Final[Mapping[str, Grammar]] = {
    **{check.name: Grammar(options=check.arguments) for check in package_checks()},
    "failures": Grammar(),
    "pods": Grammar(),
    "hpa": Grammar(),
    "events": Grammar(options=frozenset({"since"})),
    "rollouts": Grammar(),
    "metrics": Grammar(first="name", options=frozenset({"range"})),
    "logs": Grammar(
        first="pod", options=frozenset({"tail", "since", "container"}), flags=frozenset({"previous"})
    ),
    "model": Grammar(),
    "drift": Grammar(first="feature"),
    "connectivity": Grammar(),
    "jobs": Grammar(first="cronjob"),
    "retraining": Grammar(),
    "candidate": Grammar(),
}
"""The words that run a check of the same name; those of other packages take its arguments as options."""


class CheckWordsError(ValueError):
    """What was typed cannot be read; the message is for the person."""


def read_arguments(word: str, typed: tuple[str, ...]) -> Mapping[str, Argument]:
    """The arguments of a check. Raises CheckWordsError for what its word does not take."""
    grammar = CHECK_WORDS[word]
    found: dict[str, Argument] = {}
    waiting = list(typed)
    while waiting:
        part = waiting.pop(0)
        if not part.startswith("--"):
            if not grammar.first or grammar.first in found:
                raise CheckWordsError(f"`{word}` does not take `{part}`{_takes(grammar)}.")
            found[grammar.first] = part
            continue
        name, equals, value = part[2:].casefold().partition("=")
        if name in grammar.flags and not equals:
            found[name] = True
        elif name in grammar.options:
            if not equals:
                if not waiting or waiting[0].startswith("--"):
                    raise CheckWordsError(f"`--{name}` needs a value.")
                value = waiting.pop(0)
            found[name] = value
        else:
            known = [*grammar.options, *grammar.flags]
            way_out = did_you_mean(name, known) or f"{_takes(grammar)}."
            raise CheckWordsError(f"`{word}` has no `--{name}`{way_out}")
    return found


def _takes(grammar: Grammar) -> str:
    known = sorted(f"--{name}" for name in grammar.options | grammar.flags)
    takes = [*([grammar.first.upper()] if grammar.first else []), *known]
    return f"; it takes {', '.join(takes)}" if takes else "; it takes nothing"
