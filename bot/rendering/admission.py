"""What a runbook's templates and expressions may be made of; anything else is refused when it is loaded.

Called by `bot.rendering.sandbox` on the syntax tree, before a line of code is made from it.
"""

from __future__ import annotations

from typing import Final

from jinja2 import TemplateSyntaxError, nodes

from bot.domain.words import did_you_mean
from bot.rendering.filters import FILTERS, LIBRARY_FILTERS

TEXT_METHODS: Final = frozenset(
    {"lower", "upper", "strip", "startswith", "endswith", "split", "removeprefix", "removesuffix"}
)
MAPPING_METHODS: Final = frozenset({"items", "keys", "values", "get"})
KNOWN_FILTERS: Final = frozenset({*FILTERS, *LIBRARY_FILTERS})

_STATEMENTS: Final = (nodes.Output, nodes.If, nodes.For, nodes.Assign)
_LITERALS: Final = (nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair)
_DENIED: Final = (
    nodes.NSRef,
    nodes.EnvironmentAttribute,
    nodes.ExtensionAttribute,
    nodes.ImportedName,
    nodes.InternalName,
    nodes.ContextReference,
    nodes.DerivedContextReference,
    nodes.MarkSafe,
    nodes.MarkSafeIfAutoescape,
)


def admit(tree: nodes.Template) -> None:
    """Raise TemplateSyntaxError, with its line, for whatever a runbook may not use."""
    for node in tree.find_all(nodes.Node):
        reason = _against_statement(node) or _against_name(node) or _against_expression(node)
        if reason:
            raise TemplateSyntaxError(reason, node.lineno)


def _against_statement(node: nodes.Node) -> str:
    if isinstance(node, nodes.Stmt) and not isinstance(node, _STATEMENTS):
        return f"`{type(node).__name__.lower()}` cannot be used in a runbook; `if`, `for` and `set` can"
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop cannot be used in a runbook"
    return ""


def _against_name(node: nodes.Node) -> str:
    name = ""
    if isinstance(node, nodes.Name):
        name = node.name
    elif isinstance(node, nodes.Getattr):
        name = node.attr
    if name.startswith("_"):
        return f"`{name}`: names that begin with `_` cannot be used in a runbook"
    if isinstance(node, nodes.Filter) and node.name not in KNOWN_FILTERS:
        return f"unknown filter `{node.name}`{did_you_mean(node.name, KNOWN_FILTERS)}"
    return ""


def _against_expression(node: nodes.Node) -> str:
    if isinstance(node, _DENIED):
        return f"`{type(node).__name__}` cannot be used in a runbook"
    if isinstance(node, nodes.Call) and not _may_be_called(node.node):
        return "only `range` and simple methods of texts and mappings can be called in a runbook"
    if isinstance(node, _LITERALS) and not _is_plain(node):
        return "a list or mapping written in a runbook may hold texts and numbers only"
    return ""


def _may_be_called(callee: nodes.Node) -> bool:
    if isinstance(callee, nodes.Name):
        return callee.name == "range"
    return isinstance(callee, nodes.Getattr) and callee.attr in TEXT_METHODS | MAPPING_METHODS


def _is_plain(node: nodes.Node) -> bool:
    # Nested values built from names could double in size with every line: [x, x] of [x, x] of …
    if getattr(node, "ctx", "load") == "store":
        return True
    return all(
        isinstance(child, (nodes.Const, nodes.Neg)) or (isinstance(child, _LITERALS) and _is_plain(child))
        for child in node.iter_child_nodes()
    )
