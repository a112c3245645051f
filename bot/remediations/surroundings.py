"""What stands around a deployment that is to be changed: budgets, quotas, limit ranges, room on the nodes.

Called by the plans. What cannot be read is said in a note; what cannot hold the change is a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.domain.errors import Forbidden, LightshipError
from bot.domain.outside_text import one_line
from bot.domain.remedies import RefusalReason
from bot.domain.selectors import selector_matches
from bot.ports.readers import Resource
from bot.remediations.planning import Refused
from bot.remediations.room import has_scope, places_for, quota_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking
    from bot.remediations.room import Need

_NAME: Final = 80
_MOST_PODS: Final = 3_000


@dataclass(slots=True)
class Seen:
    """What was seen: notes to know, warnings that speak against it."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


async def see_budgets(asking: Asking, labels: Mapping[str, str], seen: Seen, *, heed: str = "") -> None:
    """Note the PodDisruptionBudgets over pods with these labels; `heed` is added to each."""
    for budget in await _read(asking, Resource.POD_DISRUPTION_BUDGETS, seen):
        spec, status = budget.get("spec") or {}, budget.get("status") or {}
        if not selector_matches(spec.get("selector"), labels):
            continue
        bounds = [word for word in ("minAvailable", "maxUnavailable") if word in spec]
        bound = f"{bounds[0]} {one_line(spec[bounds[0]], limit=20)}" if bounds else "no bound"
        name = one_line(budget.get("metadata", {}).get("name", ""), limit=_NAME)
        allowed = status.get("disruptionsAllowed", "?")
        seen.notes.append(f"PodDisruptionBudget {name}: {bound}, disruptions allowed now: {allowed}{heed}")


async def see_room(
    asking: Asking, template: Mapping[str, Any], need: Need, seen: Seen, *, must: bool = True
) -> None:
    """Note what quotas and nodes say to what is added; refuse where they cannot hold it, or warn of it.

    `must` says that the change needs it all: else too little room only makes it slower.
    """
    if not need.pods and not need.amounts:
        return
    for quota in await _read(asking, Resource.RESOURCE_QUOTAS, seen):
        notes, short = quota_words(quota, need)
        seen.notes += notes
        _too_little(short, seen, refuse=must and not has_scope(quota))
    if need.pods:
        short = await _short_nodes(asking, template, need.pods, seen)
        _too_little(short, seen, refuse=must and not asking.bounds.nodes_may_grow)


async def limit_ranges(asking: Asking, seen: Seen) -> Sequence[KubeObject]:
    """The LimitRanges of the namespace."""
    return await _read(asking, Resource.LIMIT_RANGES, seen)


def _too_little(short: list[str], seen: Seen, *, refuse: bool) -> None:
    if short and refuse:
        raise Refused(RefusalReason.NO_ROOM, f"{'; '.join(short)}.")
    seen.warnings += short


async def _short_nodes(asking: Asking, template: Mapping[str, Any], count: int, seen: Seen) -> list[str]:
    """What the nodes lack; nothing where that cannot be told."""
    nodes = await _read(asking, Resource.NODES, seen, everywhere=True)
    if not nodes or ((template.get("spec") or {}).get("affinity") or {}).get("nodeAffinity"):
        return []
    pods: Sequence[KubeObject] | None = None
    try:
        pods = await asking.readers.cluster.list(Resource.PODS, namespace="", limit=_MOST_PODS)
    except LightshipError:
        seen.notes.append("nodes: what runs on them already is not looked at")
    if pods is not None and len(pods) >= _MOST_PODS:
        pods = None
    places = places_for(template, nodes, pods)
    if places >= count:
        return []
    return [f"the nodes have room for {places} more pods of this size, not for {count}"]


async def _read(
    asking: Asking, resource: Resource, seen: Seen, *, everywhere: bool = False
) -> Sequence[KubeObject]:
    namespace = "" if everywhere else asking.request.target.namespace
    try:
        return await asking.readers.cluster.list(resource, namespace=namespace)
    except Forbidden as error:
        seen.notes.append(f"{resource.kind}: not looked at, the right `{error.right}` is missing")
    except LightshipError:
        seen.notes.append(f"{resource.kind}: could not be looked at just now")
    return ()
