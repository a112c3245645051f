"""Where a plan's call goes: the path, the right that it needs, the body; for dry run and real call alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.adapters.kubernetes.connection import object_path
from bot.domain.errors import Permanent
from bot.domain.remedies import CallKind
from bot.domain.rights import Right
from bot.ports.readers import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.remedies import Call

_RESOURCES: Final = {
    resource.plural: resource for resource in Resource if resource is not Resource.POD_METRICS
}
_VERBS: Final = {CallKind.EDIT: "patch", CallKind.CREATE: "create", CallKind.EVICT: "create"}


def method_of(call: Call) -> str:
    """PATCH or POST."""
    return "PATCH" if call.kind is CallKind.EDIT else "POST"


def path_of(call: Call, *, namespace: str) -> str:
    """The object's path; the list's for what is created. Raises Permanent for what no cluster has."""
    name = "" if call.kind is CallKind.CREATE else call.name
    return object_path(resource_of(call), namespace=namespace, name=name, subresource=call.subresource)


def right_of(call: Call) -> Right:
    """The right that the call needs."""
    resource = resource_of(call)
    below = f"/{call.subresource}" if call.subresource else ""
    return Right(verb=_VERBS[call.kind], group=resource.group, resource=f"{resource.plural}{below}")


def resource_of(call: Call) -> Resource:
    """The kind of object. Raises Permanent where the call is not for a cluster."""
    resource = _RESOURCES.get(call.resource)
    if resource is None or call.kind not in _VERBS:
        raise Permanent(f"Kubernetes cannot {call.kind.value} {call.resource}")
    return resource


def eviction_of(call: Call, *, namespace: str, uid: str) -> Mapping[str, Any]:
    """The Eviction of that very pod: another one of its name stays."""
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": call.name, "namespace": namespace},
        **({"deleteOptions": {"preconditions": {"uid": uid}}} if uid else {}),
    }
