"""Kubernetes objects in memory, with what the API server adds: versions, uids, generations, managed fields.

Called by the rehearsal's cluster and its controllers. Everything handed out is a copy.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from bot.domain.errors import NotFound
from bot.domain.selectors import text_matches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bot.ports.readers import KubeObject, Resource

Key = tuple[str, str, str, str]
"""apiVersion, kind, namespace, name."""


class ObjectStore:
    """All objects of a rehearsal's cluster."""

    def __init__(self) -> None:
        self._objects: dict[Key, KubeObject] = {}
        self._versions = count(1_000)
        self.changes = 0
        """How often something was put, changed or removed."""

    def put(self, manifest: KubeObject, *, now: datetime) -> Key:
        """Create or replace an object from a manifest; missing metadata is filled in."""
        held = deepcopy(manifest)
        metadata = held.setdefault("metadata", {})
        metadata.setdefault("namespace", "default")
        key = _key_of(held)
        number = next(self._versions)
        metadata.setdefault("uid", str(uuid5(NAMESPACE_URL, f"{key}/{number}")))
        metadata.setdefault("creationTimestamp", stamp(now))
        metadata.setdefault("labels", {})
        metadata.setdefault("generation", 1)
        metadata["resourceVersion"] = str(number)
        self._objects[key] = held
        self.changes += 1
        return key

    def remove(self, key: Key) -> None:
        """Remove an object; one that is gone is no error."""
        self._objects.pop(key, None)
        self.changes += 1

    def get(self, resource: Resource, *, namespace: str, name: str) -> KubeObject:
        """One object. Raises NotFound."""
        return deepcopy(self.held((resource.api_version, resource.kind, namespace, name)))

    def held(self, key: Key) -> KubeObject:
        """The stored object itself, for the controllers. Raises NotFound."""
        if key not in self._objects:
            raise NotFound(f'{key[1].lower()} "{key[3]}" not found')
        return self._objects[key]

    def changed(self, key: Key, *, spec: bool = False) -> None:
        """Give an object that was changed in place its next version, and generation if its spec changed."""
        metadata = self.held(key)["metadata"]
        metadata["resourceVersion"] = str(next(self._versions))
        self.changes += 1
        if spec:
            metadata["generation"] += 1

    def list(
        self, resource: Resource, *, namespace: str, labels: str = "", fields: str = ""
    ) -> list[KubeObject]:
        """Objects by selectors, in the order of their names, as the API server lists them."""
        return [
            deepcopy(held)
            for key, held in sorted(self._objects.items())
            if key[:2] == (resource.api_version, resource.kind)
            and (not namespace or key[2] == namespace)
            and text_matches(labels, held["metadata"].get("labels") or {})
            and _fields_match(fields, held)
        ]

    def all_keys(self) -> tuple[Key, ...]:
        """The keys of all objects."""
        return tuple(sorted(self._objects))

    def keys(self, resource: Resource) -> Iterator[Key]:
        """The keys of all objects of a kind."""
        wanted = (resource.api_version, resource.kind)
        return iter(sorted(key for key in self._objects if key[:2] == wanted))


def stamp(moment: datetime) -> str:
    """A time as the API server writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(found: Any, patch: Any) -> Any:
    """A value after a JSON merge patch."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(found) if isinstance(found, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def take_over(held: KubeObject, *, manager: str, subresource: str, now: datetime) -> None:
    """Note who wrote last: the API server gives a field to its last writer, and forgets who owns no more."""
    entries = held["metadata"].setdefault("managedFields", [])
    mine = {"subresource": subresource} if subresource else {}
    entries[:] = [one for one in entries if (one.get("subresource") or "") != subresource]
    entries.append(
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": held["apiVersion"],
            "time": stamp(now),
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}} if subresource else {"f:template": {}}},
            **mine,
        }
    )


def _key_of(held: KubeObject) -> Key:
    metadata = held["metadata"]
    return (held["apiVersion"], held["kind"], metadata["namespace"], metadata["name"])


def _fields_match(selector: str, held: KubeObject) -> bool:
    for term in filter(None, selector.split(",")):
        path, _, value = term.partition("!=") if "!=" in term else term.partition("=")
        found: Any = held
        for part in path.strip().split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if (str(found or "") == value.strip().lstrip("=")) is ("!=" in term):
            return False
    return True
