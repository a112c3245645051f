"""Reading objects and logs. Every method is one GET, bounded in time and size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from bot.adapters.kubernetes.connection import KubernetesConnection, object_path, place_of
from bot.domain.errors import Permanent
from bot.domain.rights import Right
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from bot.ports.readers import KubeObject

_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class KubernetesReader:
    """`bot.ports.readers.ClusterReader` over one connection."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    async def get(self, resource: Resource, *, namespace: str, name: str) -> KubeObject:
        """One object. Raises NotFound, Forbidden (with the right that is missing) or Temporary."""
        if not name:
            raise Permanent(f"the name of the {resource.kind} is missing")
        return await self._connection.read_json(
            object_path(resource, namespace=namespace, name=name),
            query={},
            right=resource.right("get"),
            place=place_of(namespace),
        )

    async def list(
        self, resource: Resource, *, namespace: str, labels: str = "", fields: str = "", limit: int = 500
    ) -> Sequence[KubeObject]:
        """Objects of a namespace by label and field selector; at most `limit`."""
        query = {"limit": str(limit)}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        answer = await self._connection.read_json(
            object_path(resource, namespace=namespace),
            query=query,
            right=resource.right("list"),
            place=place_of(namespace),
        )
        found: list[Any] = answer.get("items") or []
        # The API leaves these two out of a list's items; everything that reads an object wants them.
        named = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [{**named, **item} for item in found[:limit]]

    async def metadata(self, resource: Resource, *, namespace: str, limit: int = 500) -> Sequence[KubeObject]:
        """The metadata of a namespace's objects and nothing else: what they hold never leaves the server."""
        answer = await self._connection.read_json(
            object_path(resource, namespace=namespace),
            query={"limit": str(limit)},
            right=resource.right("list"),
            place=place_of(namespace),
            accept=_METADATA_ONLY,
        )
        if answer.get("kind") != "PartialObjectMetadataList":
            raise Permanent(f"Kubernetes does not serve the metadata of {resource.plural} alone")
        named = {"apiVersion": resource.api_version, "kind": resource.kind}
        found: list[Any] = answer.get("items") or []
        return [{**named, "metadata": item.get("metadata") or {}} for item in found[:limit]]

    async def logs(
        self,
        *,
        namespace: str,
        pod: str,
        container: str = "",
        tail: int = 100,
        previous: bool = False,
        since: timedelta | None = None,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """The last lines of a container's log, those of the time `since`; undecodable bytes replaced."""
        query = {"tailLines": str(tail), "limitBytes": str(limit_bytes)}
        if container:
            query["container"] = container
        if previous:
            query["previous"] = "true"
        if since is not None:
            query["sinceSeconds"] = str(max(math.ceil(since.total_seconds()), 1))
        body = await self._connection.read(
            object_path(Resource.PODS, namespace=namespace, name=pod, subresource="log"),
            query=query,
            right=Right(verb="get", group="", resource="pods/log"),
            place=place_of(namespace),
            max_bytes=limit_bytes,
        )
        return body.decode(errors="replace")
