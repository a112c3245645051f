"""Dry runs of the scale sub-resource; no way leads through here to a PATCH without `dryRun=All`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.adapters.kubernetes.connection import KubernetesConnection, object_path, place_of
from bot.domain.errors import Ambiguous, Temporary
from bot.domain.rights import Right
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from bot.ports.readers import KubeObject

_PATCH_SCALE: Final = Right(verb="patch", group="apps", resource="deployments/scale")


class KubernetesScalePlanner:
    """`bot.ports.planners.ScalePlanner` over one connection."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    async def dry_run_scale(
        self, *, namespace: str, name: str, replicas: int, resource_version: str
    ) -> KubeObject:
        """The Scale object as it would be; nothing is changed, so a lost answer is only Temporary."""
        try:
            return await self._connection.patch_once(
                object_path(Resource.DEPLOYMENTS, namespace=namespace, name=name, subresource="scale"),
                query={"dryRun": "All", "fieldManager": "lightship-plan"},
                body={"metadata": {"resourceVersion": resource_version}, "spec": {"replicas": replicas}},
                right=_PATCH_SCALE,
                place=place_of(namespace),
            )
        except Ambiguous as error:
            raise Temporary(str(error), delay=error.delay) from error
