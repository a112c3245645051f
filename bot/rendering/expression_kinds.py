"""Which kinds of values an evidence expression compares: what can never hold is told when it is written.

Called by `bot.adapters.runbook_files` once the names are known to be right. What has no known kind (a loop's
variable, a filter's result) is left alone: no fault here is a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes

from bot.domain.facts import FactKind
from bot.domain.words import did_you_mean
from bot.rendering.templates import SourceFault, parsed, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.domain.facts import KnownFact

_ROOT: Final = "findings"
_ORDERED: Final = frozenset({FactKind.NUMBER, FactKind.TEXT})
_BY_FILTER: Final = {
    **dict.fromkeys(("count", "length", "int", "float", "round", "abs"), FactKind.NUMBER),
    **dict.fromkeys(("upper", "lower", "capitalize", "trim", "string", "truncate", "join"), FactKind.TEXT),
    **dict.fromkeys(("percent", "bytes", "counted"), FactKind.TEXT),
}
_OF_NUMBERS: Final = frozenset({"abs", "bytes", "counted", "percent", "round"})
_WITH_UNIT: Final = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[^\d\s]{0,10}\s*")
_PRECEDED: Final = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<="}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Value:
    """What a part of an expression gives: its kind where that is known, and how it is called in a fault."""

    kind: FactKind | None = None
    name: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        unit = f" of {self.unit}" if self.unit else ""
        return f"{self.name} is {self.kind}{unit}" if self.kind else self.name


_SOMETHING: Final = _Value()


def kind_faults(source: str, fact: Callable[[tuple[str, ...]], KnownFact | None]) -> tuple[SourceFault, ...]:
    """Comparisons that can never hold, and expressions that judge nothing.

    `fact` says what stands at a path below `findings`, None where that is not known.
    """
    tree = parsed(source)
    whole = next(tree.find_all(nodes.Output), None) if tree else None
    if whole is None or not whole.nodes:
        return ()
    reader = _Reader(fact)
    result = reader.value(whole.nodes[0])
    if not reader.faults:
        reader.judge(result, whole.nodes[0])
    return tuple(reader.faults)


class _Reader:
    """Goes through an expression once, from the leaves up."""

    def __init__(self, fact: Callable[[tuple[str, ...]], KnownFact | None]) -> None:
        self._fact = fact
        self.faults: list[SourceFault] = []
        self._readers: dict[Any, Callable[[Any], _Value]] = {
            (nodes.Name, nodes.Getattr, nodes.Getitem): self._read,
            nodes.Compare: self._compared,
            nodes.Filter: self._filtered,
            nodes.Test: self._tested,
            nodes.Not: self._negated,
            (nodes.And, nodes.Or): self._joined,  # before the other operators, which they are as well
            nodes.BinExpr: self._reckoned,
            (nodes.List, nodes.Tuple): self._listed,
        }

    def judge(self, result: _Value, node: nodes.Node) -> None:
        """The whole expression has to say yes or no, about something that was found."""
        names = (one.name for one in [node, *node.find_all(nodes.Name)] if isinstance(one, nodes.Name))
        if _ROOT not in names:
            self._say(node, "it names no finding, so it always says the same")
        elif result.kind is FactKind.TEXT:
            self._say(node, f"{result.told}, which says neither yes nor no: compare it with something")

    def value(self, node: nodes.Node) -> _Value:
        """What a part gives; the faults in it are then in `faults`."""
        if isinstance(node, nodes.Const):
            return _constant(node.value)
        for kind, read in self._readers.items():
            if isinstance(node, kind):
                return read(node)
        for child in node.iter_child_nodes():
            self.value(child)
        return _SOMETHING

    def _tested(self, node: nodes.Test) -> _Value:
        if not path_of(node.node):
            self.value(node.node)
        return _Value(kind=FactKind.YES_NO, name="a test")

    def _negated(self, node: nodes.Not) -> _Value:
        self._whole(self.value(node.node), node)
        return _Value(kind=FactKind.YES_NO, name="`not …`")

    def _joined(self, node: nodes.And | nodes.Or) -> _Value:
        left, right = self.value(node.left), self.value(node.right)
        self._whole(left, node)
        self._whole(right, node)
        return left if left.kind is right.kind else _SOMETHING

    def _listed(self, node: nodes.List | nodes.Tuple) -> _Value:
        inner = [self.value(item) for item in node.items]
        are_texts = bool(inner) and all(item.kind is FactKind.TEXT for item in inner)
        return _Value(kind=FactKind.TEXTS, name="the list") if are_texts else _SOMETHING

    def _read(self, node: nodes.Node) -> _Value:
        path = path_of(node)
        if not path or path[0] != _ROOT:
            return _SOMETHING
        name = f"`{'.'.join(path)}`"
        known = self._fact(path[1:])
        if known is None:
            return _Value(name=name)
        return _Value(kind=known.kind, name=name, unit=known.unit, choices=known.choices)

    def _compared(self, node: nodes.Compare) -> _Value:
        left = self.value(node.expr)
        for operand in node.ops:
            right = self.value(operand.expr)
            self._whole(left, node)
            self._whole(right, node)
            fault = _against(left, operand.op, right) or _choice(left, right) or _choice(right, left)
            if fault:
                self._say(node, fault)
            elif operand.op in {"in", "notin"} and isinstance(operand.expr, nodes.List | nodes.Tuple):
                for item in operand.expr.items:
                    self._say(node, _choice(left, self.value(item)))
            left = right
        return _Value(kind=FactKind.YES_NO, name="a comparison")

    def _filtered(self, node: nodes.Filter) -> _Value:
        inner = self.value(node.node) if node.node is not None else _SOMETHING
        if node.name in {"default", "d"}:
            return inner
        self._whole(inner, node)
        if node.name in _OF_NUMBERS and inner.kind not in {None, FactKind.NUMBER}:
            self._say(node, f"{inner.told}, and `{node.name}` takes a number")
        if node.name in {"first", "last"} and inner.kind is FactKind.TEXTS:
            return _Value(kind=FactKind.TEXT, name=f"`{node.name}` of {inner.name}")
        return _Value(kind=_BY_FILTER.get(node.name), name=f"`{node.name}`")

    def _reckoned(self, node: nodes.BinExpr) -> _Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node, nodes.Add) and left.kind is right.kind is FactKind.TEXT:
            return left
        for side in (left, right):
            if side.kind not in {None, FactKind.NUMBER}:
                self._say(node, f"{side.told}, and `{node.operator}` reckons with numbers")
        return _Value(kind=FactKind.NUMBER, name="the result")

    def _whole(self, value: _Value, node: nodes.Node) -> None:
        if value.kind is FactKind.GROUP:
            self._say(node, f"{value.told}: name one of them")

    def _say(self, node: nodes.Node, message: str) -> None:
        found = SourceFault(line=node.lineno, message=message)
        if message and found not in self.faults:
            self.faults.append(found)


def _constant(value: object) -> _Value:
    if isinstance(value, bool):
        return _Value(kind=FactKind.YES_NO, name=f"`{str(value).lower()}`")
    if isinstance(value, int | float):
        return _Value(kind=FactKind.NUMBER, name=f"`{value}`")
    if isinstance(value, str):
        return _Value(kind=FactKind.TEXT, name=f'`"{value[:60]}"`')
    return _Value(name="`none`")


def _against(left: _Value, operator: str, right: _Value) -> str:
    if left.kind is None or right.kind is None or FactKind.GROUP in {left.kind, right.kind}:
        return ""
    if operator in {"in", "notin"}:
        return _against_in(left, right)
    if left.kind is not right.kind:
        return f"{left.told} and {right.told}: they cannot be compared{_hint(left, right)}"
    if operator not in {"eq", "ne"} and left.kind not in _ORDERED:
        return f"{left.told}, which `{_PRECEDED.get(operator, operator)}` does not compare"
    return ""


def _against_in(left: _Value, right: _Value) -> str:
    if right.kind not in {FactKind.TEXTS, FactKind.TEXT}:
        return f"{right.told}, and `in` looks into a list or a text"
    if left.kind is not FactKind.TEXT:
        return f"{left.told}, and {right.name} holds texts: it is never in there"
    return ""


def _hint(left: _Value, right: _Value) -> str:
    """How it was probably meant."""
    known, given = (left, right) if left.name.startswith(f"`{_ROOT}") else (right, left)
    if known.kind is FactKind.NUMBER and given.kind is FactKind.TEXT:
        amount = _WITH_UNIT.fullmatch(given.name.strip('`"'))
        unit = f", in {known.unit}" if known.unit else ""
        return f"; write {amount.group(1)} without quotes{unit}" if amount else f"; write a number{unit}"
    if known.kind is FactKind.YES_NO:
        return f"; write {known.name} alone, or `not {known.name.strip('`')}`"
    if known.kind is FactKind.TEXTS and given.kind is FactKind.TEXT:
        return f"; write `{given.name.strip('`')} in {known.name.strip('`')}`"
    if known.kind is FactKind.TEXTS and given.kind is FactKind.NUMBER:
        return f"; write `{known.name.strip('`')} | length`"
    if known.kind is FactKind.TEXT and given.kind is FactKind.NUMBER:
        return f'; write "{given.name.strip("`")}" with quotes'
    return ""


def _choice(known: _Value, given: _Value) -> str:
    word = given.name.strip('`"')
    if not known.choices or given.kind is not FactKind.TEXT or given.choices or word in known.choices:
        return ""
    told = did_you_mean(word, known.choices) or f"; it is one of {', '.join(known.choices)}"
    return f"{known.name} is never {given.name}{told}"
