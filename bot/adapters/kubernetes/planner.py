"""Dry runs of a plan's call; no way leads through here to one without `dryRun=All`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.adapters.kubernetes.calls import eviction_of, method_of, path_of, right_of
from bot.adapters.kubernetes.connection import KubernetesConnection, place_of
from bot.domain.calls import object_for, patch_of
from bot.domain.errors import Ambiguous, Temporary
from bot.domain.remedies import CallKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.remedies import Call
    from bot.ports.readers import KubeObject

_PLANNING: Final = "plan"


class KubernetesPlanner:
    """`bot.ports.planners.ClusterPlanner` over one connection."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    async def dry_run(self, call: Call, *, namespace: str, resource_version: str = "") -> KubeObject:
        """The object as it would be; nothing is changed, so a lost answer is only Temporary."""
        try:
            return await self._connection.write_once(
                method_of(call),
                path_of(call, namespace=namespace),
                query={"dryRun": "All", "fieldManager": f"lightship-{_PLANNING}"},
                body=_body(call, namespace, resource_version),
                right=right_of(call),
                place=place_of(namespace),
            )
        except Ambiguous as error:
            raise Temporary(str(error), delay=error.delay) from error


def _body(call: Call, namespace: str, resource_version: str) -> Mapping[str, Any]:
    match call.kind:
        case CallKind.CREATE:
            return object_for(call, approval_id=_PLANNING)
        case CallKind.EVICT:
            return eviction_of(call, namespace=namespace, uid="")
        case _:
            return patch_of(call.edits, resource_version=resource_version)
