"""Kubernetes selectors over labels: matched here, and written as the API's query text.

Called by the pods check (the pods of a deployment), the scaling remediation (which disruption budgets cover
those pods) and the rehearsal world (which stands in for the API server).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SET_TERM: Final = re.compile(r"\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)\s*")
_SPLIT: Final = re.compile(r",(?![^()]*\))")


def selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object selects the labels; None selects nothing, an empty one everything."""
    if selector is None:
        return False
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    return all(_expression(term, labels) for term in selector.get("matchExpressions") or ())


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector object as the text of a `labelSelector` query. Empty for an empty selector."""
    if selector is None:
        return ""
    terms = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    for term in selector.get("matchExpressions") or ():
        name, values = term.get("key", ""), ",".join(term.get("values") or ())
        terms.append(
            {
                "In": f"{name} in ({values})",
                "NotIn": f"{name} notin ({values})",
                "Exists": name,
                "DoesNotExist": f"!{name}",
            }[term.get("operator", "Exists")]
        )
    return ",".join(terms)


def text_matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether the text of a `labelSelector` query selects the labels. Raises ValueError where it is none."""
    return all(_term(term.strip(), labels) for term in _SPLIT.split(selector) if term.strip())


def _expression(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(term.get("key", "")), term.get("values") or ()
    match term.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False


def _term(term: str, labels: Mapping[str, str]) -> bool:
    members = _SET_TERM.fullmatch(term)
    if members is not None:
        name, word, values = members.groups()
        among = labels.get(name) in {value.strip() for value in values.split(",")}
        return among if word == "in" else not among
    if "!=" in term:
        name, value = term.split("!=", 1)
        return labels.get(name.strip()) != value.strip()
    if "=" in term:
        name, value = re.split("==|=", term, maxsplit=1)
        return labels.get(name.strip()) == value.strip()
    if term.startswith("!"):
        return term[1:].strip() not in labels
    if " " in term:
        raise ValueError(f"`{term}` is no label selector")
    return term in labels
