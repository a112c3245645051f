"""Nodes that hurt their pods: not ready, cordoned, out of memory or disk; pods that gave way to others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bot.checks.modes.sight import is_alive, is_ready, short, spec_of
from bot.checks.reading import RECENT, condition_of, created_at, name_of, parse_time
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject

_RESOURCE: Final = re.compile(r"low on resource: \[?([a-z-]+)|(DiskPressure|MemoryPressure|PIDPressure)")
_BY: Final = re.compile(r"by (?:pod )?(\S+)(?: on node (\S+))?")


def nodes(sight: Sight) -> Iterator[Suspect]:
    """Nodes of the deployment's pods, and pods that were evicted or preempted lately."""
    known = {name_of(node): node for node in sight.nodes}
    for pod in sight.pods:
        node = known.get(str(spec_of(pod).get("nodeName") or ""))
        if node is not None and is_alive(pod) and not is_ready(pod) and is_not_ready(node):
            yield not_ready(node, evidence=(f"pod {name_of(pod)} runs on it and is not ready",))
    yield from _evicted(sight)
    yield from _preempted(sight)


def is_cordoned(node: KubeObject) -> bool:
    """Whether it takes no new pods by somebody's will."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def is_not_ready(node: KubeObject) -> bool:
    """Whether its kubelet says so, or has gone silent."""
    return condition_of(node, "Ready").status in {"False", "Unknown"}


def cordon(node: str, *, evidence: tuple[str, ...], since: datetime | None) -> Suspect:
    """The suspect of a cordoned node."""
    return Suspect(
        mode=FailureMode.NODE_CORDONED,
        title=f"Node {node or '?'} is cordoned, and no other takes the pods",
        subject=f"node {node or '?'}",
        field="spec.unschedulable",
        value="true",
        mend=f"uncordon it (`kubectl uncordon {node or 'NODE'}`), or add a node that the pods fit",
        certainty=0.94,
        evidence=evidence,
        since=since,
    )


def not_ready(node: KubeObject, *, evidence: tuple[str, ...]) -> Suspect:
    """The suspect of a node that is not ready."""
    ready, name = condition_of(node, "Ready"), name_of(node)
    said = f"{ready.reason}: {short(ready.message)}" if ready.reason else "its kubelet does not report"
    return Suspect(
        mode=FailureMode.NODE_NOT_READY,
        title=f"Node {name or '?'} is not ready",
        subject=f"node {name or '?'}",
        field="status.conditions[Ready]",
        value=ready.status or "Unknown",
        mend="look at the node's kubelet and its machine; pods move when it is drained or gone",
        certainty=0.95,
        evidence=(*evidence, said),
        since=ready.since,
    )


def _evicted(sight: Sight) -> Iterator[Suspect]:
    for pod in sight.pods:
        status = pod.get("status") or {}
        if status.get("phase") != "Failed" or status.get("reason") != "Evicted":
            continue
        message, at = str(status.get("message") or ""), _evicted_at(sight, pod)
        if at is None or sight.now - at > RECENT:
            continue
        found = _RESOURCE.search(message)
        what = (found[1] or found[2].removesuffix("Pressure").casefold()) if found else "memory"
        containers: Sequence[Mapping[str, Any]] = spec_of(pod).get("containers") or ({},)
        first = next((one for one in containers if str(one.get("name")) in message), containers[0])
        requests = (first.get("resources") or {}).get("requests") or {}
        yield Suspect(
            mode=FailureMode.EVICTED_BY_PRESSURE,
            title=f"Pods were evicted because their node ran low on {what}",
            subject=sight.subject,
            field=f"spec.template.spec.containers[{first.get('name', '?')}].resources.requests.{what}",
            value=str(requests.get(what) or "none"),
            mend=f"request the {what} that it uses, so that a node with room is chosen; or make room",
            certainty=0.9,
            evidence=(f"pod {name_of(pod)} on node {spec_of(pod).get('nodeName') or '?'}", short(message)),
            since=at,
        )


def _evicted_at(sight: Sight, pod: KubeObject) -> datetime | None:
    told = sight.about("Pod", name_of(pod), "Evicted")
    since = condition_of(pod, "DisruptionTarget").since
    started = parse_time((pod.get("status") or {}).get("startTime")) or created_at(pod)
    return told[0].at if told else since or started


def _preempted(sight: Sight) -> Iterator[Suspect]:
    for happening in sight.about_gone_pods("Preempted"):
        by = _BY.search(happening.message)
        taker = by[1] if by else "?"
        yield Suspect(
            mode=FailureMode.PREEMPTED,
            title="Pods had to give way to pods of higher priority",
            subject=sight.subject,
            field="spec.template.spec.priorityClassName",
            value=str((sight.template.get("spec") or {}).get("priorityClassName") or "none"),
            mend="give it a priority class that fits its importance, or make room on the nodes",
            # A pod that waits for a node because of it is told as unschedulable too; this says why.
            certainty=0.96,
            evidence=(f"pod {happening.name} gave way to {taker}", short(happening.message)),
            since=happening.first,
        )
