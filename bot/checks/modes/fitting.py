"""Whether a pod fits a node by what stands on both: cordon, readiness, taints, selector, node affinity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.checks.modes.nodes import is_cordoned, is_not_ready
from bot.checks.modes.sight import spec_of
from bot.checks.reading import name_of
from bot.domain.outside_text import one_line
from bot.domain.quantities import parse_quantity
from bot.domain.selectors import selector_matches
from bot.domain.suspects import FailureMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.ports.readers import KubeObject

_OWN_TAINTS: Final = frozenset(
    {
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/network-unavailable",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """What keeps a pod from a node, and the value that does."""

    mode: FailureMode
    node: str
    value: str


def blocks_of(pod: KubeObject, node: KubeObject) -> tuple[Block, ...]:
    """What keeps the pod from the node by what stands on both, most telling first."""
    spec, name = spec_of(pod), name_of(node)
    labels = (node.get("metadata") or {}).get("labels") or {}
    found = []
    if is_cordoned(node) and not _tolerated(
        spec, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    ):
        found.append(Block(mode=FailureMode.NODE_CORDONED, node=name, value="true"))
    if is_not_ready(node):
        found.append(Block(mode=FailureMode.NODE_NOT_READY, node=name, value="NotReady"))
    for taint in (node.get("spec") or {}).get("taints") or ():
        keeps = taint.get("effect") in {"NoSchedule", "NoExecute"} and taint.get("key") not in _OWN_TAINTS
        if keeps and not _tolerated(spec, taint):
            found.append(Block(mode=FailureMode.UNSCHEDULABLE_TAINT, node=name, value=taint_words(taint)))
            break
    wanted = spec.get("nodeSelector") or {}
    missing = {key: value for key, value in wanted.items() if labels.get(key) != value}
    if missing:
        found.append(Block(mode=FailureMode.UNSCHEDULABLE_NODE_SELECTOR, node=name, value=pairs(missing)))
    if not _affinity_allows(spec, node):
        found.append(Block(mode=FailureMode.UNSCHEDULABLE_AFFINITY, node=name, value=affinity_words(spec)))
    return tuple(found)


def taint_words(taint: Mapping[str, Any]) -> str:
    """`gpu=true:NoSchedule`."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return one_line(f"{taint.get('key')}{value}:{taint.get('effect')}", limit=200)


def _tolerated(spec: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    for one in spec.get("tolerations") or ():
        if one.get("effect") and one["effect"] != taint.get("effect"):
            continue
        if one.get("operator") == "Exists":
            if not one.get("key") or one["key"] == taint.get("key"):
                return True
        elif one.get("key") == taint.get("key") and (one.get("value") or "") == (taint.get("value") or ""):
            return True
    return False


def _required(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    rule = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    return rule.get("nodeSelectorTerms") or ()


def _affinity_allows(spec: Mapping[str, Any], node: KubeObject) -> bool:
    terms = _required(spec)
    return not terms or any(_term_allows(term, node) for term in terms)


def _term_allows(term: Mapping[str, Any], node: KubeObject) -> bool:
    labels = (node.get("metadata") or {}).get("labels") or {}
    fields = {"metadata.name": name_of(node)}
    plain = [one for one in term.get("matchExpressions") or () if one.get("operator") not in {"Gt", "Lt"}]
    numbers = [one for one in term.get("matchExpressions") or () if one.get("operator") in {"Gt", "Lt"}]
    return (
        selector_matches({"matchExpressions": plain}, labels)
        and selector_matches({"matchExpressions": term.get("matchFields") or []}, fields)
        and all(_compares(one, labels) for one in numbers)
    )


def _compares(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    here = parse_quantity(labels.get(str(expression.get("key"))))
    bound = parse_quantity((expression.get("values") or [None])[0])
    if here is None or bound is None:
        return False
    return here > bound if expression.get("operator") == "Gt" else here < bound


def affinity_words(spec: Mapping[str, Any]) -> str:
    """The node affinity that is required, in words."""
    words = [
        f"{one.get('key')} {one.get('operator')} {','.join(map(str, one.get('values') or ()))}".strip()
        for term in _required(spec)
        for one in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))
    ]
    return one_line("; ".join(words), limit=200)


def pairs(labels: Mapping[str, str]) -> str:
    """`disk=ssd, zone=a`."""
    return one_line(", ".join(f"{key}={value}" for key, value in sorted(labels.items())), limit=200)
