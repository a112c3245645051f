"""What is wrong with a PromQL expression, and where in it; parsed, not only looked at.

Called by the reviews of runbooks and of the configuration. The parser names no place, so the place is looked
for by what it names; where nothing is named it is the beginning.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.domain.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST: Final = 10_000
_FUNCTIONS: Final = frozenset(
    {
        "abs",
        "absent",
        "absent_over_time",
        "avg",
        "avg_over_time",
        "bottomk",
        "ceil",
        "changes",
        "clamp",
        "clamp_max",
        "clamp_min",
        "count",
        "count_over_time",
        "count_values",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "days_in_month",
        "delta",
        "deriv",
        "exp",
        "floor",
        "group",
        "histogram_avg",
        "histogram_count",
        "histogram_fraction",
        "histogram_quantile",
        "histogram_sum",
        "hour",
        "idelta",
        "increase",
        "irate",
        "label_join",
        "label_replace",
        "last_over_time",
        "ln",
        "log10",
        "log2",
        "max",
        "max_over_time",
        "min",
        "min_over_time",
        "minute",
        "month",
        "predict_linear",
        "present_over_time",
        "quantile",
        "quantile_over_time",
        "rate",
        "resets",
        "round",
        "scalar",
        "sgn",
        "sort",
        "sort_desc",
        "sqrt",
        "stddev",
        "stddev_over_time",
        "stdvar",
        "stdvar_over_time",
        "sum",
        "sum_over_time",
        "time",
        "timestamp",
        "topk",
        "vector",
        "year",
    }
)
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_TURNED: Final = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_NAMED: Final = re.compile(r"(?:with name|syntax:|identifier|call to function|character:?) '?([^\s',]+)")
_OPEN: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class ExpressionFault:
    """One fault, `offset` characters from the beginning of the expression."""

    message: str
    offset: int = 0


def promql_faults(text: str) -> tuple[ExpressionFault, ...]:
    """Why the expression is no PromQL; empty where it is."""
    found = _parse(text)
    return (found,) if isinstance(found, ExpressionFault) else ()


def escalation_faults(text: str) -> tuple[ExpressionFault, ...]:
    """As `promql_faults`, and why a rule with it could never escalate, or always would."""
    found = _parse(text)
    if isinstance(found, ExpressionFault):
        return (found,)
    return tuple(_senseless(found, text))


def _parse(text: str) -> Any:
    import promql_parser  # noqa: PLC0415 - a start that checks nothing need not load it

    if len(text) > LONGEST:
        return ExpressionFault(f"it is longer than {LONGEST} characters")
    try:
        return promql_parser.parse(text)
    except ValueError as error:
        told = str(error)
    named = _NAMED.search(told)
    word = named[1] if named else ""
    hint = ""
    if "unknown function" in told:
        hint = did_you_mean(word, _FUNCTIONS)
    offset = _offset_of(told, word, text)
    if told == "invalid promql query":
        told = _nearby(text)
    return ExpressionFault(f"this is no PromQL: {told}{hint}", offset)


def _offset_of(told: str, word: str, text: str) -> int:
    if "unclosed" in told or "inside" in told:
        return _last_open(text)
    if "unexpected right" in told:
        return _first_surplus(text)
    found = re.search(rf"(?<![\w:]){re.escape(word)}", text) if word else None
    return found.start() if found else 0


def _last_open(text: str) -> int:
    stack: list[int] = []
    for place, letter in _outside_quotes(text):
        if letter in _OPEN:
            stack.append(place)
        elif letter in _OPEN.values() and stack:
            stack.pop()
    return stack[-1] if stack else 0


def _first_surplus(text: str) -> int:
    depth = 0
    for place, letter in _outside_quotes(text):
        depth += (letter in _OPEN) - (letter in _OPEN.values())
        if depth < 0:
            return place
    return 0


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    quote = ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[place - 1] != "\\" else quote
        elif letter in "\"'`":
            quote = letter
        else:
            yield place, letter


def _nearby(text: str) -> str:
    """Words for what the parser says nothing of: an operator without its right side, two values in a row."""
    ends = re.search(r"([-+*/%^<>=!]+|\b(?:and|or|unless|by|without|on))\s*$", text)
    return f"it ends after `{ends[1]}`, where more is expected" if ends else "an operator may be missing"


def _senseless(found: Any, text: str) -> Iterator[ExpressionFault]:
    import promql_parser as parser  # noqa: PLC0415 - as above

    expression = _bare(found)
    if isinstance(expression, (parser.MatrixSelector, parser.StringLiteral)):
        yield ExpressionFault("it gives no numbers at one time, so it can never hold")
        return
    if _constant(expression) is not None or _is_call(expression, "time", "scalar", "vector"):
        yield ExpressionFault("it always gives a number, so it holds always; compare it with something")
        return
    if not isinstance(expression, parser.BinaryExpr):
        return
    compares = str(expression.op) in _COMPARISONS
    if compares and expression.modifier is not None and expression.modifier.return_bool:
        offset = max(text.find("bool"), 0)
        yield ExpressionFault(
            "with `bool` it always gives a result, so it holds always; leave it out", offset
        )
        return
    low, high = _constant(expression.lhs), _constant(expression.rhs)
    if compares and low is not None and high is not None:
        holds = _COMPARISONS[str(expression.op)](low, high)
        yield ExpressionFault("it compares constants: it holds always" if holds else _NEVER)
    elif compares and _is_call(_bare(expression.lhs), "absent", "absent_over_time") and high is not None:
        if not _COMPARISONS[str(expression.op)](1.0, high):
            yield ExpressionFault(f"`absent` gives 1 or nothing, so it can never be {expression.op} {high:g}")
    elif str(expression.op) == "and" and _contradict(_bound(expression.lhs), _bound(expression.rhs)):
        yield ExpressionFault(f"its two sides contradict each other: {_NEVER}")


_NEVER: Final = "it can never hold"


def _bare(expression: Any) -> Any:
    while type(expression).__name__ == "ParenExpr":
        expression = expression.expr
    return expression


def _is_call(expression: Any, *names: str) -> bool:
    return type(expression).__name__ == "Call" and expression.func.name in names


def _constant(expression: Any) -> float | None:
    expression = _bare(expression)
    kind = type(expression).__name__
    if kind == "NumberLiteral":
        return float(expression.val)
    if kind == "UnaryExpr":
        inner = _constant(expression.expr)
        return None if inner is None else -inner
    if _is_call(expression, "vector"):
        return _constant(expression.args[0])
    return None


def _bound(expression: Any) -> tuple[str, str, float] | None:
    """`x > 5` (or `5 < x`) as what is compared, how, and with what number."""
    expression = _bare(expression)
    if type(expression).__name__ != "BinaryExpr" or str(expression.op) not in _COMPARISONS:
        return None
    left, right = _constant(expression.lhs), _constant(expression.rhs)
    if right is not None and left is None:
        return _bare(expression.lhs).prettify(), str(expression.op), right
    if left is not None and right is None:
        return _bare(expression.rhs).prettify(), _TURNED[str(expression.op)], left
    return None


def _contradict(one: tuple[str, str, float] | None, other: tuple[str, str, float] | None) -> bool:
    if one is None or other is None or one[0] != other[0]:
        return False
    tried = {number + shift for number in (one[2], other[2]) for shift in (-0.5, 0.0, 0.5)}
    tried |= {(one[2] + other[2]) / 2, math.inf, -math.inf}
    return not any(
        _COMPARISONS[one[1]](value, one[2]) and _COMPARISONS[other[1]](value, other[2]) for value in tried
    )
