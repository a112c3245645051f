"""A YAML text as its tree of nodes; used by `reading` alone.

Two parsers, one language. The one of ruamel knows YAML 1.2 and says well what is wrong, and takes a tenth of
a second for the shipped runbooks; libyaml, through PyYAML, takes a twentieth of that and knows YAML 1.1. So
libyaml reads first, with the words of 1.2 (`yes` is a text), and whatever it refuses, or could read otherwise
than 1.2 does, is ruamel's.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.resolver import implicit_resolvers
from yaml.resolver import BaseResolver

if TYPE_CHECKING:
    from collections.abc import Callable

MAPPINGS: Final = (MappingNode, yaml.MappingNode)
SEQUENCES: Final = (SequenceNode, yaml.SequenceNode)
SCALARS: Final = (ScalarNode, yaml.ScalarNode)

_VERSION: Final = (1, 2)
_NOT_ALIKE: Final = re.compile(
    # Other characters that one of the two takes for the end of a line, for space, or not at all.
    "[^\\x20-\\x7e\\n\\u00a1-\\u1fff\\u2030-\\ud7ff\\ue000-\\ufefe]"
    # Directives and marks of documents; a comment too near to the sign of a block of text.
    r"|^(?:%|---|\.\.\.)|[|>][-+0-9]*#",
    re.MULTILINE,
)


_MOST_BRACKETS: Final = 10_000
_DEEPEST: Final = 500
"""libyaml goes into what is nested without counting: beyond ten thousand levels or so the process dies."""

_BRACKETS: Final = re.compile(r"[\[\]{}]")
_NESTED_IN_A_LINE: Final = re.compile(rf"(?:[-?:][ \t]+){{{_DEEPEST}}}")


def compose(text: str) -> Any:
    """The root node, of either parser; None for an empty text. Raises ruamel's errors, or RecursionError."""
    brackets = _BRACKETS.findall(text)
    if _depth(brackets) > _DEEPEST or _NESTED_IN_A_LINE.search(text):
        raise RecursionError
    # More brackets than this could be deeper than that count says: some may stand in quotes.
    if _fast is not None and len(brackets) <= _MOST_BRACKETS and _NOT_ALIKE.search(text) is None:
        try:
            return _fast(text)
        except (yaml.YAMLError, RecursionError, ValueError):
            pass  # said again below, in better words
    return YAML(typ="safe", pure=True).compose(text)


def _depth(brackets: list[str]) -> int:
    return max(accumulate((1 if one in "[{" else -1 for one in brackets), initial=0))


def _made_fast() -> Callable[[str], Any] | None:
    """Libyaml's parser with the plain words of YAML 1.2; None where PyYAML was built without it."""
    if not yaml.__with_libyaml__:
        return None
    from yaml.cyaml import CParser  # noqa: PLC0415 - it is not there without libyaml

    class Loader(CParser, BaseResolver):  # type: ignore[misc]  # PyYAML has no types
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            BaseResolver.__init__(self)

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if value == "" and implicit != (False, True):  # which it is in quotes
                raise yaml.YAMLError("a value that is left out: the two put it in different places")
            return super().resolve(kind, value, implicit)

    for versions, tag, pattern, first in implicit_resolvers:
        if _VERSION in versions:
            Loader.add_implicit_resolver(tag, pattern, first)

    def fast(text: str) -> Any:
        loader = Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
        if isinstance(root, yaml.ScalarNode):
            raise yaml.YAMLError("a text alone: the two take different lines of it for comments")
        return root

    return fast


_fast: Final = _made_fast()
