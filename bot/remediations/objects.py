"""Reading the objects that remediations are about, by the names that calls have for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.domain.errors import NotFound
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from bot.domain.remedies import Call, Target
    from bot.ports.readers import ClusterReader, KubeObject

_RESOURCES: Final = {one.plural: one for one in Resource if one is not Resource.POD_METRICS}


async def read_edited(call: Call, target: Target, reader: ClusterReader) -> KubeObject:
    """The object that a call edits or evicts. Raises what the reader raises."""
    return await reader.get(_RESOURCES[call.resource], namespace=target.namespace, name=call.name)


async def read_or_none(
    resource: Resource, *, namespace: str, name: str, reader: ClusterReader
) -> KubeObject | None:
    """An object, or None where there is none. Raises what else the reader raises."""
    try:
        return await reader.get(resource, namespace=namespace, name=name)
    except NotFound:
        return None
