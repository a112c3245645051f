"""Whether quota and nodes can hold what a plan adds. Pure: numbers in, words out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.domain.outside_text import one_line
from bot.domain.quantities import format_bytes, format_cores, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.ports.readers import KubeObject

_NAME: Final = 80
_KINDS: Final = tuple((kind, one) for kind in ("requests", "limits") for one in ("cpu", "memory"))
_ENDED: Final = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What is added: so many pods, and their requests and limits in all, by the quota's names."""

    pods: int
    amounts: Mapping[str, float]


def pod_amounts(template: Mapping[str, Any]) -> dict[str, float]:
    """What one pod of a template takes: `requests.cpu` in cores, `limits.memory` in bytes."""
    spec = template.get("spec") or {}
    amounts = {}
    for kind, resource in _KINDS:
        containers = sum(_amount(one, kind, resource) for one in spec.get("containers") or ())
        first = max((_amount(one, kind, resource) for one in spec.get("initContainers") or ()), default=0.0)
        if max(containers, first):
            amounts[f"{kind}.{resource}"] = max(containers, first)
    return amounts


def need_of_pods(template: Mapping[str, Any], count: int) -> Need:
    """What so many more pods take."""
    return Need(pods=count, amounts={key: one * count for key, one in pod_amounts(template).items()})


def need_of_change(before: Mapping[str, Any], after: Mapping[str, Any], *, replicas: int, surge: int) -> Need:
    """What other pods in the place of these take: while they are replaced, or afterwards, if that is more."""
    old, new = pod_amounts(before), pod_amounts(after)
    amounts = {
        key: max((new.get(key, 0.0) - old.get(key, 0.0)) * replicas, new.get(key, 0.0) * surge)
        for key in old.keys() | new.keys()
    }
    return Need(pods=surge, amounts={key: one for key, one in amounts.items() if one > 0})


def surge_of(deployment: KubeObject, *, replicas: int) -> tuple[int, int]:
    """How many pods a rollout makes beyond the wanted ones, and how many it may miss; one at least."""
    strategy = (deployment.get("spec") or {}).get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, replicas
    rolling = strategy.get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    return (surge, missing) if surge or missing else (0, 1)


def quota_words(quota: KubeObject, need: Need) -> tuple[list[str], list[str]]:
    """What a ResourceQuota says to that: (notes, where it is too small)."""
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    name = one_line(quota.get("metadata", {}).get("name", ""), limit=_NAME)
    wanted = {"pods": float(need.pods), **need.amounts}
    wanted |= {
        one: need.amounts[f"requests.{one}"] for one in ("cpu", "memory") if f"requests.{one}" in need.amounts
    }
    notes, short = [], []
    for resource, needed in wanted.items():
        limit, taken = parse_quantity(hard.get(resource)), parse_quantity(used.get(resource))
        if limit is None or taken is None or not needed:
            continue
        left = max(limit - taken, 0.0)
        words = f"{amount_words(resource, needed)} of {resource} needed, {amount_words(resource, left)} left"
        if needed > left:
            short.append(f"ResourceQuota {name} is too small: {words}")
        else:
            notes.append(f"ResourceQuota {name}: {words}")
    return notes, short


def has_scope(quota: KubeObject) -> bool:
    """Whether a quota is for some pods only, so that it may not count these."""
    spec = quota.get("spec") or {}
    return bool(spec.get("scopes") or spec.get("scopeSelector"))


def places_for(
    template: Mapping[str, Any], nodes: Iterable[KubeObject], pods: Sequence[KubeObject] | None
) -> int:
    """How many pods of a template the nodes have room for; without `pods`, as if the nodes were empty."""
    needs = pod_amounts(template)
    each = {"cpu": needs.get("requests.cpu", 0.0), "memory": needs.get("requests.memory", 0.0), "pods": 1.0}
    return sum(_places_on(node, each, pods or ()) for node in nodes if _takes(node, template))


def amount_words(resource: str, value: float) -> str:
    """A number of cores, bytes or things."""
    if resource.endswith("cpu"):
        return format_cores(value)
    return format_bytes(value) if resource.endswith("memory") else f"{value:g}"


def _places_on(node: KubeObject, each: Mapping[str, float], pods: Sequence[KubeObject]) -> int:
    name = node["metadata"]["name"]
    there = [
        pod
        for pod in pods
        if (pod.get("spec") or {}).get("nodeName") == name
        and (pod.get("status") or {}).get("phase") not in _ENDED
    ]
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    fits = []
    for resource, needed in each.items():
        if needed:
            total = parse_quantity(allocatable.get(resource)) or 0.0
            taken = float(len(there)) if resource == "pods" else _requested(there, resource)
            fits.append(math.floor(max(total - taken, 0.0) / needed + 1e-9))
    return min(fits)


def _requested(pods: Iterable[KubeObject], resource: str) -> float:
    return sum(pod_amounts(pod).get(f"requests.{resource}", 0.0) for pod in pods)


def _takes(node: KubeObject, template: Mapping[str, Any]) -> bool:
    """Whether the scheduler may put such a pod there, as far as selectors and taints say."""
    spec, pod = node.get("spec") or {}, template.get("spec") or {}
    labels = node["metadata"].get("labels") or {}
    conditions = {one["type"]: one["status"] for one in (node.get("status") or {}).get("conditions") or ()}
    if spec.get("unschedulable") or conditions.get("Ready") != "True":
        return False
    if any(labels.get(key) != value for key, value in (pod.get("nodeSelector") or {}).items()):
        return False
    keys = {one.get("key") for one in pod.get("tolerations") or ()}
    taints = [one for one in spec.get("taints") or () if one.get("effect") in {"NoSchedule", "NoExecute"}]
    return None in keys or all(one.get("key") in keys for one in taints)


def _share(value: object, whole: int, rounded: Any) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return int(rounded(whole * (parse_quantity(value[:-1]) or 0.0) / 100))
    return int(parse_quantity(value) or 0)


def _amount(container: Mapping[str, Any], kind: str, resource: str) -> float:
    resources = container.get("resources") or {}
    return parse_quantity((resources.get(kind) or {}).get(resource)) or 0.0
