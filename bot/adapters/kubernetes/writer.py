"""Writing: exactly one call, and only the one of a granted approval's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.adapters.kubernetes.calls import eviction_of, method_of, path_of, right_of
from bot.adapters.kubernetes.connection import KubernetesConnection, place_of
from bot.domain.calls import granted_call, object_for, patch_for
from bot.domain.remedies import CallKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.approvals import Grant
    from bot.domain.remedies import Call
    from bot.ports.readers import KubeObject


class KubernetesWriter:
    """`bot.ports.writers.ClusterWriter` over one connection."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    async def edit(self, grant: Grant, *, resource_version: str) -> KubeObject:
        """Patch once, never repeat."""
        call = granted_call(grant, CallKind.EDIT)
        return await self._send(grant, call, patch_for(grant, resource_version=resource_version))

    async def create(self, grant: Grant) -> KubeObject:
        """Create once, never repeat."""
        call = granted_call(grant, CallKind.CREATE)
        return await self._send(grant, call, object_for(call, approval_id=grant.approval_id))

    async def evict(self, grant: Grant) -> None:
        """Evict once, never repeat."""
        call = granted_call(grant, CallKind.EVICT)
        namespace, uid = grant.plan.target.namespace, str(grant.plan.observed.get("uid") or "")
        await self._send(grant, call, eviction_of(call, namespace=namespace, uid=uid))

    async def _send(self, grant: Grant, call: Call, body: Mapping[str, Any]) -> KubeObject:
        namespace = grant.plan.target.namespace
        return await self._connection.write_once(
            method_of(call),
            path_of(call, namespace=namespace),
            query={"fieldManager": grant.field_manager},
            body=body,
            right=right_of(call),
            place=place_of(namespace),
        )
