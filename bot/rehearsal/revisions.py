"""ReplicaSets in miniature: one for each pod template that a deployment has had, numbered as Kubernetes does.

Called by the rehearsal's deployment controller.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from bot.domain.calls import canonical
from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.ports.readers import KubeObject
    from bot.rehearsal.objects import Key, ObjectStore

REVISION: Final = "deployment.kubernetes.io/revision"
FIRST: Final = "6d4b75cb6d"
"""The ending of the first ReplicaSet's name; later ones have the hash of their template."""


class Revisions:
    """The ReplicaSets of all deployments. Those that a scenario brings along are taken over by name."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._seen: dict[tuple[str, str], Key] = {}

    def names(self, deployment: KubeObject) -> set[str]:
        """The names of a deployment's ReplicaSets."""
        return {key[3] for key in self._of(deployment)}

    def present(self, deployment: KubeObject, now: datetime) -> str:
        """The name of the ReplicaSet of the template that the deployment has now, made when it is new.

        At first sight the newest one that a scenario brought along is taken for it.
        """
        uid, sets = deployment["metadata"]["uid"], self._of(deployment)
        wanted = (uid, canonical(deployment["spec"].get("template") or {}))
        newest = max(sets, key=self._number, default=None)
        found = self._seen.get(wanted)
        if found is None and newest is not None and uid not in {known for known, _ in self._seen}:
            found = newest
        if found is None:
            found = next((key for key in sets if canonical(self._template(key)) == wanted[1]), None)
        if found is None:
            found = self._make(deployment, (self._number(newest) if newest else 0) + 1, now)
        self._seen[wanted] = found
        if found in sets and newest is not None and self._number(found) < self._number(newest):
            # Kubernetes gives an old ReplicaSet that is taken again the next number.
            self._store.held(found)["metadata"]["annotations"][REVISION] = str(self._number(newest) + 1)
            self._store.changed(found)
        if found in self._of(deployment):
            deployment["metadata"].setdefault("annotations", {})[REVISION] = str(self._number(found))
        return found[3]

    def report(self, deployment: KubeObject, owners: Iterable[str]) -> None:
        """Keep how many pods each has."""
        names = list(owners)
        for key in self._of(deployment):
            held, count = self._store.held(key), names.count(key[3])
            if (held.get("spec", {}).get("replicas") or 0) != count:
                held.setdefault("spec", {})["replicas"] = count
                held["status"] = {"replicas": count, "readyReplicas": count}
                self._store.changed(key)

    def _of(self, deployment: KubeObject) -> list[Key]:
        metadata = deployment["metadata"]
        found = []
        for key in self._store.keys(Resource.REPLICA_SETS):
            held = self._store.held(key)
            if key[2] != metadata["namespace"] or owner_name(held) != metadata["name"]:
                continue
            for owner in held["metadata"]["ownerReferences"]:
                owner["uid"] = metadata["uid"]
            found.append(key)
        return found

    def _template(self, key: Key) -> dict[str, Any]:
        template: dict[str, Any] = self._store.held(key).get("spec", {}).get("template") or {}
        return template

    def _number(self, key: Key) -> int:
        return int((self._store.held(key)["metadata"].get("annotations") or {}).get(REVISION) or 0)

    def _make(self, deployment: KubeObject, number: int, now: datetime) -> Key:
        metadata = deployment["metadata"]
        template = deepcopy(deployment["spec"].get("template") or {})
        ending = FIRST if number == 1 else uuid5(NAMESPACE_URL, canonical(template)).hex[:10]
        made = {
            "apiVersion": Resource.REPLICA_SETS.api_version,
            "kind": Resource.REPLICA_SETS.kind,
            "metadata": {
                "name": f"{metadata['name']}-{ending}",
                "namespace": metadata["namespace"],
                "labels": dict((template.get("metadata") or {}).get("labels") or {}),
                "creationTimestamp": stamp(now),
                "annotations": {REVISION: str(number)},
                "ownerReferences": [
                    {
                        "apiVersion": Resource.DEPLOYMENTS.api_version,
                        "kind": Resource.DEPLOYMENTS.kind,
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": {"replicas": 0, "template": template},
            "status": {},
        }
        return self._store.put(made, now=now)


def owner_name(held: KubeObject) -> str:
    """The name of an object's controller; empty where it has none."""
    owners = held["metadata"].get("ownerReferences") or ()
    return next((str(owner["name"]) for owner in owners if owner.get("controller")), "")
