"""Scaling: exactly one PATCH of `deployments/scale`, and only as a granted approval says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.adapters.kubernetes.connection import KubernetesConnection, object_path, place_of
from bot.domain.errors import Permanent
from bot.domain.rights import Right
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from bot.domain.approvals import Grant
    from bot.ports.readers import KubeObject
    from bot.ports.writers import ScaleTo

_PATCH_SCALE: Final = Right(verb="patch", group="apps", resource="deployments/scale")


class KubernetesScaler:
    """`bot.ports.writers.DeploymentScaler` over one connection."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    async def scale(self, grant: Grant, order: ScaleTo) -> KubeObject:
        """Patch once, never repeat. Raises Conflict, Ambiguous, Temporary (not sent) or Permanent."""
        misfit = order.misfit(grant)
        if misfit:
            raise Permanent(f"the order does not fit the approval: {misfit}")
        return await self._connection.patch_once(
            object_path(
                Resource.DEPLOYMENTS, namespace=order.namespace, name=order.name, subresource="scale"
            ),
            query={"fieldManager": order.field_manager},
            body={
                "metadata": {"resourceVersion": order.resource_version},
                "spec": {"replicas": order.replicas},
            },
            right=_PATCH_SCALE,
            place=place_of(order.namespace),
        )
