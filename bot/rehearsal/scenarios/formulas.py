"""The arithmetic of a rehearsal's world: `0.25 + 0.15 * (request_rate / ready / 15) ** 3`.

A small part of Python's expressions, read into closures: numbers, names, + - * / % **, comparisons, `and`,
`or`, `not`, `a if b else c`, and a few functions. Nothing else is known, so nothing else can run.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from datetime import datetime

LONGEST: Final = 500
_WINDOW: Final = 5


class FormulaError(ValueError):
    """The text is no formula; the message is for whoever wrote it."""


class Scope(Protocol):
    """Knows the numbers of a world."""

    def value(self, name: str, at: datetime) -> float:
        """The number of that name at a time. Raises ArithmeticError where there is none then."""
        ...

    def before(self, at: datetime, seconds: float) -> datetime:
        """The time so many seconds earlier."""
        ...


Evaluate = Callable[[Scope, "datetime"], float]
"""A formula as it is evaluated at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """A formula that was read; `names` are those of the numbers that it rests on."""

    text: str
    names: frozenset[str]
    evaluate: Evaluate

    def value(self, scope: Scope, at: datetime) -> float | None:
        """Its value at a time; None where it has none, as after a division by zero."""
        try:
            found = self.evaluate(scope, at)
        except (ArithmeticError, ValueError):
            return None
        return float(found) if isinstance(found, (int, float)) and math.isfinite(found) else None


def read_formula(text: str | float) -> Formula:
    """Read one; a number is a formula too. Raises FormulaError."""
    if isinstance(text, (int, float)):
        number = float(text)
        return Formula(text=f"{text}", names=frozenset(), evaluate=lambda _scope, _at: number)
    if len(text) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise FormulaError(f"`{text[:60]}` is no formula: {why}") from error
    names: set[str] = set()
    return Formula(text=text, evaluate=_read(tree.body, names), names=frozenset(names))


_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[float], float]]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: Final[dict[str, Callable[..., float]]] = {"min": min, "max": max, "abs": abs, "round": round}
SMOOTH: Final = "smooth"
"""`smooth(x, 20)`: the mean of x over the last twenty seconds, as a rate would smooth it."""


def _read(node: ast.expr, names: set[str]) -> Evaluate:
    read: Evaluate
    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            read = _constant(number)
        case ast.Name(id=name):
            names.add(name)
            read = _named(name)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            read = _pair(_BINARY[type(sign)], _read(left, names), _read(right, names))
        case ast.UnaryOp(op=sign, operand=inner) if type(sign) in _UNARY:
            read = _changed(_UNARY[type(sign)], _read(inner, names))
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
            read = _pair(_COMPARISONS[type(sign)], _read(left, names), _read(right, names))
        case ast.BoolOp(op=sign, values=values):
            read = _several(all if isinstance(sign, ast.And) else any, [_read(one, names) for one in values])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            read = _choice(*(_read(one, names) for one in (test, body, orelse)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            read = _call(name, [_read(one, names) for one in arguments])
        case _:
            raise FormulaError(
                f"`{ast.unparse(node)[:60]}` is not part of a formula; it has numbers, names, + - * / % **, "
                "comparisons, and, or, not, if … else, min, max, abs, round, smooth"
            )
    return read


def _constant(number: float) -> Evaluate:
    return lambda _scope, _at: number


def _named(name: str) -> Evaluate:
    return lambda scope, at: scope.value(name, at)


def _changed(change: Callable[[float], float], inner: Evaluate) -> Evaluate:
    return lambda scope, at: change(inner(scope, at))


def _pair(
    join: Callable[[float, float], float],
    left: Evaluate,
    right: Evaluate,
) -> Evaluate:
    return lambda scope, at: join(left(scope, at), right(scope, at))


def _several(join: Callable[..., bool], parts: list[Evaluate]) -> Evaluate:
    return lambda scope, at: join(part(scope, at) for part in parts)


def _choice(
    test: Evaluate,
    body: Evaluate,
    orelse: Evaluate,
) -> Evaluate:
    return lambda scope, at: body(scope, at) if test(scope, at) else orelse(scope, at)


def _call(name: str, arguments: list[Evaluate]) -> Evaluate:
    if name == SMOOTH and len(arguments) == 2:  # noqa: PLR2004 - the number, and over how many seconds
        number, seconds = arguments
        return lambda scope, at: _smoothed(number, seconds(scope, at), scope, at)
    if name not in FUNCTIONS or not arguments:
        known = ", ".join(sorted({*FUNCTIONS, SMOOTH}))
        raise FormulaError(f"there is no function `{name}` for that; known are {known}")
    function = FUNCTIONS[name]
    return lambda scope, at: function(*(one(scope, at) for one in arguments))


def _smoothed(number: Evaluate, seconds: float, scope: Scope, at: datetime) -> float:
    moments = [scope.before(at, seconds * place / _WINDOW) for place in range(_WINDOW)]
    return sum(number(scope, moment) for moment in moments) / _WINDOW
