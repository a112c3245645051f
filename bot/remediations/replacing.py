"""What a rollout meets: pods are replaced, so budgets hold on the way and one more pod may be needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.remediations.deployments import replicas_of
from bot.remediations.room import need_of_change, surge_of
from bot.remediations.surroundings import Seen, see_budgets, see_room

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking


async def see_replacement(asking: Asking, deployment: KubeObject, template: Mapping[str, Any]) -> Seen:
    """Look around for a rollout to this template; refuse where quota or nodes cannot hold it."""
    seen, replicas = Seen(), replicas_of(deployment)
    before = deployment["spec"]["template"]
    surge, missing = surge_of(deployment, replicas=replicas)
    labels = (template.get("metadata") or {}).get("labels") or {}
    await see_budgets(asking, labels, seen, heed="; a rollout does not heed it")
    needed = need_of_change(before, template, replicas=replicas, surge=min(surge, 1))
    larger = need_of_change(before, template, replicas=replicas, surge=0)
    # Where pods may be missing for a while the rollout goes on without room for one more.
    await see_room(asking, template, needed, seen, must=not missing or bool(larger.amounts))
    return seen
