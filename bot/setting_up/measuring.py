"""From an alert rule's expression to the number that it watches: a metric of `lightship.yaml`.

Pure. `a / b > 0.05` watches `a / b` with the threshold 0.05; what compares nothing is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.documents.promql import promql_faults
from bot.setting_up.yaml_text import quoted

if TYPE_CHECKING:
    from bot.ports.examiners import AlertRule

_TURNED: Final = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_ARITHMETIC: Final = frozenset("+-*/%^")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A metric as the configuration will name it. `worse_above` is false where low values are bad."""

    name: str
    title: str
    query: str
    unit: str = ""
    threshold: float | None = None
    worse_above: bool = True


def watched_by(rule: AlertRule) -> Watched | None:
    """The metric of a rule; None where its expression cannot be read as PromQL."""
    if promql_faults(rule.expression):
        return None
    import promql_parser  # noqa: PLC0415 - only where a rule is drafted

    expression = _comparison(promql_parser.parse(rule.expression))
    compared = _compared(expression)
    if compared is None:
        query, threshold, above = f"count({rule.expression}) or vector(0)", 0.0, True
    else:
        inner, sign, threshold = compared
        above = sign in {">", ">=", "!="}
        query = (
            inner.prettify() if _is_one_number(inner) else f"{'max' if above else 'min'}({inner.prettify()})"
        )
    if promql_faults(query):  # a scalar cannot be aggregated
        return None
    return Watched(
        name=metric_name(rule.name),
        title=title_of(rule.name),
        query=query,
        unit=_unit(query, threshold) if compared else "",
        threshold=threshold,
        worse_above=above,
    )


def title_of(alert: str) -> str:
    """`HighErrorRate` as `High error rate`; abbreviations stay as they are."""
    words = _WORDS.findall(alert)
    if not words:
        return "An alert"
    lowered = [word if word.isupper() and len(word) > 1 else word.lower() for word in words]
    first = lowered[0]
    return " ".join([first[:1].upper() + first[1:], *lowered[1:]])[:80]


def metric_name(alert: str) -> str:
    """`HighErrorRate` as `high_error_rate`: a name that expressions can hold."""
    name = "_".join(word.lower() for word in _WORDS.findall(alert))[:60]
    return name if name[:1].isalpha() and quoted(name) == name else f"alert_{name}".rstrip("_")


def _comparison(expression: Any) -> Any:
    """The first comparison within `and`, `or` and `unless`."""
    expression = _bare(expression)
    while type(expression).__name__ == "BinaryExpr" and str(expression.op) in {"and", "or", "unless"}:
        expression = _bare(expression.lhs)
    return expression


def _compared(expression: Any) -> tuple[Any, str, float] | None:
    if type(expression).__name__ != "BinaryExpr" or str(expression.op) not in _TURNED:
        return None
    left, right = _bare(expression.lhs), _bare(expression.rhs)
    if type(right).__name__ == "NumberLiteral":
        return left, str(expression.op), float(right.val)
    if type(left).__name__ == "NumberLiteral":
        return right, _TURNED[str(expression.op)], float(left.val)
    return None


def _is_one_number(expression: Any) -> bool:
    """Whether it is an aggregate over everything, so that another one around it would say nothing."""
    expression = _bare(expression)
    kind = type(expression).__name__
    if kind == "BinaryExpr" and str(expression.op) in _ARITHMETIC:
        sides = (_bare(expression.lhs), _bare(expression.rhs))
        numbers = [type(side).__name__ == "NumberLiteral" or _is_one_number(side) for side in sides]
        return all(numbers)
    return kind == "AggregateExpr" and expression.modifier is None


def _bare(expression: Any) -> Any:
    while type(expression).__name__ == "ParenExpr":
        expression = expression.expr
    return expression


def _unit(query: str, threshold: float) -> str:
    if "histogram_quantile" in query and "_seconds" in query:
        return "s"
    if re.search(r"_bytes\b", query) and "/" not in query:
        return "bytes"
    return "ratio" if "/" in query and 0 < threshold <= 1 else ""
