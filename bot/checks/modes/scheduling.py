"""Pods that no node takes. The scheduler no longer prints which taint or selector it is: the nodes tell.

A node that is kept from a pod by one thing alone is asked which; where some fit by all that stands on them,
the scheduler's own message says what they lack (CPU, memory, the neighbours that affinity is about).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from bot.checks.modes.fitting import Block, affinity_words, blocks_of, pairs
from bot.checks.modes.nodes import cordon, not_ready
from bot.checks.modes.sight import short, spec_of
from bot.checks.reading import condition_of, name_of
from bot.domain.outside_text import one_line
from bot.domain.quantities import parse_quantity
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject

_CLAIMS: Final = "persistentvolumeclaim"
_ORDER: Final = (
    FailureMode.NODE_CORDONED,
    FailureMode.NODE_NOT_READY,
    FailureMode.UNSCHEDULABLE_TAINT,
    FailureMode.UNSCHEDULABLE_NODE_SELECTOR,
    FailureMode.UNSCHEDULABLE_AFFINITY,
)
_SAID: Final = (
    ("Insufficient memory", FailureMode.UNSCHEDULABLE_MEMORY),
    ("Insufficient cpu", FailureMode.UNSCHEDULABLE_CPU),
    ("anti-affinity", FailureMode.UNSCHEDULABLE_ANTI_AFFINITY),
    ("pod affinity", FailureMode.UNSCHEDULABLE_AFFINITY),
    ("topology spread", FailureMode.UNSCHEDULABLE_ANTI_AFFINITY),
)


def scheduling(sight: Sight) -> Iterator[Suspect]:
    """Pods of the deployment that no node takes."""
    for pod in sight.troubled:
        scheduled = condition_of(pod, "PodScheduled")
        waits = scheduled.status == "False" and scheduled.reason == "Unschedulable"
        if waits and _CLAIMS not in scheduled.message.casefold():
            found = _judged(sight, pod, scheduled.message)
            if found is not None:
                yield found


def _judged(sight: Sight, pod: KubeObject, said: str) -> Suspect | None:
    each = [blocks_of(pod, node) for node in sight.nodes]
    if each and all(each):
        block, alike = _kept_from_all(each)
        evidence = f"{alike} of {len(each)} nodes, {block.node} among them, are kept from them by this"
        return _suspect(sight, pod, block, (f"pod {name_of(pod)} is Pending: {short(said)}", evidence))
    found = _said(pod, said, nodes_known=bool(each))
    return _suspect(sight, pod, found, (f"pod {name_of(pod)} is Pending: {short(said)}",)) if found else None


def _kept_from_all(each: Sequence[tuple[Block, ...]]) -> tuple[Block, int]:
    """The block to mend, and how many nodes it is about.

    A node that is kept from the pod by one thing alone is the nearest to taking it. Where there is none, what
    keeps most nodes from it is named.
    """
    single = [blocks[0] for blocks in each if len(blocks) == 1]
    among = single or [block for blocks in each for block in blocks]
    often = Counter(block.mode for block in among)
    mode = min(often, key=lambda one: (0 if single else -often[one], _ORDER.index(one)))
    chosen = [block for block in among if block.mode is mode]
    value, alike = Counter(block.value for block in chosen).most_common(1)[0]
    return next(block for block in chosen if block.value == value), alike


def _said(pod: KubeObject, said: str, *, nodes_known: bool) -> Block | None:
    """What the scheduler's message tells by itself; where the nodes cannot be read, more is taken from it."""
    for words, mode in _SAID:
        if words in said:
            return Block(mode=mode, node="", value="")
    if nodes_known:
        return None
    spec = spec_of(pod)
    if "node affinity/selector" in said:
        wanted = spec.get("nodeSelector") or {}
        if wanted:
            return Block(mode=FailureMode.UNSCHEDULABLE_NODE_SELECTOR, node="", value=pairs(wanted))
        return Block(mode=FailureMode.UNSCHEDULABLE_AFFINITY, node="", value=affinity_words(spec))
    if "taint" in said:
        return Block(mode=FailureMode.UNSCHEDULABLE_TAINT, node="", value="?")
    return Block(mode=FailureMode.NODE_CORDONED, node="", value="true") if "unschedulable" in said else None


def _suspect(sight: Sight, pod: KubeObject, block: Block, evidence: tuple[str, ...]) -> Suspect:
    since = condition_of(pod, "PodScheduled").since
    node: KubeObject = next((one for one in sight.nodes if name_of(one) == block.node), {})
    if block.mode is FailureMode.NODE_CORDONED:
        return cordon(block.node, evidence=evidence, since=since)
    if block.mode is FailureMode.NODE_NOT_READY:
        return not_ready(node, evidence=evidence)
    if block.mode in {FailureMode.UNSCHEDULABLE_CPU, FailureMode.UNSCHEDULABLE_MEMORY}:
        resource = "cpu" if block.mode is FailureMode.UNSCHEDULABLE_CPU else "memory"
        return _too_large(sight, pod, resource, evidence, block.mode)
    title, field, value, mend = _words(pod, block)
    return Suspect(
        mode=block.mode,
        title=title,
        subject=sight.subject,
        field=field,
        value=value,
        mend=mend,
        certainty=0.94,
        evidence=evidence,
        since=since,
        action="rollback",
    )


def _words(pod: KubeObject, block: Block) -> tuple[str, str, str, str]:
    path, spec = "spec.template.spec", spec_of(pod)
    where = f"node {block.node}" if block.node else "a node"
    match block.mode:
        case FailureMode.UNSCHEDULABLE_TAINT:
            return (
                f"No node takes the pods: {where} has a taint that they do not tolerate",
                f"{path}.tolerations",
                block.value,
                f"tolerate the taint {block.value}, or take it off the node",
            )
        case FailureMode.UNSCHEDULABLE_NODE_SELECTOR:
            return (
                f"No node takes the pods: none has the label {block.value}",
                f"{path}.nodeSelector",
                block.value,
                "correct the node selector, or label a node",
            )
        case FailureMode.UNSCHEDULABLE_ANTI_AFFINITY:
            kind = "podAntiAffinity" if (spec.get("affinity") or {}).get("podAntiAffinity") else ""
            field = f"{path}.affinity.{kind}" if kind else f"{path}.topologySpreadConstraints"
            return (
                "No node takes the pods: every one has a pod that they must keep away from",
                field,
                _pod_terms(spec, "podAntiAffinity") or "required",
                "make the rule preferred instead of required, ask for fewer replicas, or add nodes",
            )
        case _:
            node_rule = bool((spec.get("affinity") or {}).get("nodeAffinity"))
            by_pods = "nodeAffinity" if block.node or node_rule else "podAffinity"
            return (
                "No node takes the pods: none fits their affinity",
                f"{path}.affinity.{by_pods}",
                block.value or _pod_terms(spec, "podAffinity") or "required",
                "correct the affinity, or add or label nodes that fit it",
            )


def _too_large(
    sight: Sight, pod: KubeObject, resource: str, evidence: Sequence[str], mode: FailureMode
) -> Suspect:
    containers = spec_of(pod).get("containers") or ()
    asked = [(one, ((one.get("resources") or {}).get("requests") or {}).get(resource)) for one in containers]
    largest: tuple[Mapping[str, Any], object] = max(
        asked, key=lambda pair: parse_quantity(pair[1]) or 0.0, default=({}, None)
    )
    room = [((node.get("status") or {}).get("allocatable") or {}).get(resource) for node in sight.nodes]
    most = max(room, key=lambda amount: parse_quantity(amount) or 0.0, default=None)
    more = (f"the largest node has {most} in all",) if most else ()
    word = "CPU" if resource == "cpu" else "memory"
    return Suspect(
        mode=mode,
        title=f"No node has the {word} that the pods request",
        subject=sight.subject,
        field=f"spec.template.spec.containers[{largest[0].get('name', '?')}].resources.requests.{resource}",
        value=str(largest[1] or "none"),
        mend=f"request less {word}, ask for fewer replicas, or add nodes",
        certainty=0.94,
        evidence=(*evidence, *more),
        since=condition_of(pod, "PodScheduled").since,
        action="resources",
    )


def _pod_terms(spec: Mapping[str, Any], kind: str) -> str:
    rules = ((spec.get("affinity") or {}).get(kind) or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or ()
    words = [
        f"{pairs((rule.get('labelSelector') or {}).get('matchLabels') or {})} by {rule.get('topologyKey')}"
        for rule in rules
    ]
    return one_line("; ".join(words), limit=200)
