"""The autoscaler over a deployment: finding it, and the bounds that lead to a number of replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.ports.readers import Resource

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject
    from bot.remediations.planning import Asking


async def autoscaler_of(asking: Asking, deployment: KubeObject) -> KubeObject | None:
    """The autoscaler whose target the deployment is. Raises what the reader raises."""
    metadata = deployment["metadata"]
    found = await asking.readers.cluster.list(
        Resource.HORIZONTAL_POD_AUTOSCALERS, namespace=metadata["namespace"]
    )
    return next((hpa for hpa in found if _scales(hpa, metadata["name"])), None)


def bounds_of(hpa: KubeObject) -> tuple[int, int]:
    """Its minimum, one where none is written, and its maximum."""
    spec = hpa.get("spec") or {}
    minimum = spec.get("minReplicas")
    return 1 if minimum is None else int(minimum), int(spec.get("maxReplicas") or 1)


def bounds_for(replicas: int, *, current: int, minimum: int, maximum: int) -> tuple[int, int]:
    """The bounds that bring a deployment that has `current` replicas to `replicas`, and keep what they can.

    Above the maximum both are set; between the present number and the maximum the minimum is raised, or
    lowered where it is no bound then; below the present number the maximum falls, and the minimum with it.
    """
    if replicas > maximum:
        return replicas, replicas
    if replicas >= current:
        return replicas, maximum
    return min(minimum, replicas), replicas


def _scales(hpa: KubeObject, deployment: str) -> bool:
    target: dict[str, Any] = (hpa.get("spec") or {}).get("scaleTargetRef") or {}
    if not str(target.get("apiVersion", "apps/v1")).startswith("apps/"):
        return False
    return (target.get("kind"), target.get("name")) == ("Deployment", deployment)
