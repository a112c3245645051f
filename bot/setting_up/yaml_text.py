"""YAML that is written line by line, so that it can have comments: how a text stands in it."""

from __future__ import annotations

import json
import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _/-]*[A-Za-z0-9]|[A-Za-z]")
_WORDS_THAT_MEAN_MORE: Final = frozenset(
    (
        "true",
        "false",
        "null",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "and",
        "or",
        "not",
        "in",
        "is",
        "if",
        "else",
    )
)
"""To YAML of either version, or to an expression of a runbook."""


def quoted(text: str) -> str:
    """The text as a YAML scalar: as it is where that is safe, in single quotes, or as JSON."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_THAT_MEAN_MORE:
        return text
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    return json.dumps(text)


def block(text: str, *, indent: int) -> str:
    """The lines of a literal block (`|-`), indented; the text must not begin with a space."""
    return "\n".join(f"{' ' * indent}{line}".rstrip() for line in text.splitlines())


def listed(texts: tuple[str, ...]) -> str:
    """A list in one line."""
    return f"[{', '.join(quoted(text) for text in texts)}]"
