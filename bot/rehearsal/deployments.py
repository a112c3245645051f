"""Deployment, job and autoscaler controllers in miniature: what changes shows its effects some seconds later.

Called by the rehearsal's cluster before every call: they bring the world to the time that the clock shows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from bot.domain.selectors import selector_matches
from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp
from bot.rehearsal.pods import is_ready, new_pod, start
from bot.rehearsal.revisions import Revisions, owner_name

if TYPE_CHECKING:
    from datetime import datetime

    from bot.ports.readers import KubeObject
    from bot.rehearsal.objects import Key, ObjectStore

SETTLED = timedelta(days=2)
"""How long the pods of a new world have been running."""


class DeploymentController:
    """Keeps as many pods as deployments want. Pods that a scenario brings along keep the status they have."""

    def __init__(self, store: ObjectStore, *, starts_in: timedelta, stops_in: timedelta) -> None:
        self._store = store
        self._starts_in = starts_in
        self._stops_in = stops_in
        self._starting: dict[Key, datetime] = {}
        self._stopping: dict[Key, datetime] = {}
        self._history: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
        self._complete: dict[Key, str] = {}
        self._revisions = Revisions(store)
        self._made = 0
        self._settled_at = -1

    def populate(self, now: datetime) -> None:
        """Give every deployment the pods that it wants, long since running."""
        for key in self._store.keys(Resource.DEPLOYMENTS):
            self._reconcile(key, now - SETTLED, starts_in=timedelta(0))
        self._finish_until(now)
        for key in self._store.keys(Resource.DEPLOYMENTS):
            self._report(key, now)

    def settle(self, now: datetime) -> None:
        """Bring pods and statuses to this time; nothing is to be done while nothing was changed or is due."""
        due = any(at <= now for at in (*self._starting.values(), *self._stopping.values()))
        if not due and self._settled_at == self._store.changes:
            return
        self._finish_until(now)
        for key in self._store.keys(Resource.DEPLOYMENTS):
            self._reconcile(key, now, starts_in=self._starts_in)
            self._report(key, now)
        self._settled_at = self._store.changes

    def remove_pod(self, key: Key, now: datetime) -> None:
        """Begin to stop a pod."""
        self._store.held(key)["metadata"]["deletionTimestamp"] = stamp(now)
        self._store.changed(key)
        self._stopping[key] = now + self._stops_in

    def ready_at(self, namespace: str, name: str, moment: datetime) -> int:
        """How many pods of a deployment were ready then; before the world began, as many as at its start."""
        history = self._history.get((namespace, name), [])
        before = [ready for at, ready in history if at <= moment]
        if before:
            return before[-1]
        return history[0][1] if history else 0

    def _finish_until(self, now: datetime) -> None:
        due = [(at, key) for key, at in (self._starting | self._stopping).items() if at <= now]
        for at, key in sorted(due):
            if self._stopping.pop(key, None) is not None:
                self._starting.pop(key, None)
                self._store.remove(key)
            elif self._starting.pop(key, None) is not None:
                start(self._store.held(key), at)
                self._store.changed(key)
            for deployment in self._store.keys(Resource.DEPLOYMENTS):
                if deployment[2] == key[2]:
                    self._report(deployment, at)

    def _reconcile(self, key: Key, now: datetime, *, starts_in: timedelta) -> None:
        deployment = self._store.held(key)
        present = self._revisions.present(deployment, now)
        new, old = self._split(deployment, present)
        wanted = int(deployment.get("spec", {}).get("replicas", 1))
        for _ in range(wanted - len(new)):
            self._made += 1
            suffix = uuid5(NAMESPACE_URL, f"{key}/{self._made}").hex[:5]
            pod = new_pod(deployment, replica_set=present, suffix=suffix, now=now)
            made = self._store.put(pod, now=now)
            self._starting[made] = now + starts_in
            new.append(made)
        ready = sum(is_ready(self._store.held(pod)) for pod in new)
        surplus = [*self._surplus(old, max(wanted - ready, 0)), *self._surplus(new, wanted)]
        for pod_key in surplus:
            self.remove_pod(pod_key, now)

    def _surplus(self, pods: list[Key], wanted: int) -> list[Key]:
        # Kubernetes removes pods that are not ready first, then the newest.
        by_worth = sorted(pods, key=lambda pod: _worth(self._store.held(pod)))
        return by_worth[: max(len(pods) - wanted, 0)]

    def _split(self, deployment: KubeObject, present: str) -> tuple[list[Key], list[Key]]:
        """The pods of the present revision, and those of older ones."""
        older = self._revisions.names(deployment) - {present}
        new: list[Key] = []
        old: list[Key] = []
        for key in self._pods_of(deployment):
            (old if owner_name(self._store.held(key)) in older else new).append(key)
        return new, old

    def _pods_of(self, deployment: KubeObject) -> list[Key]:
        selector = deployment.get("spec", {}).get("selector")
        namespace = deployment["metadata"]["namespace"]
        return [
            key
            for key in self._store.keys(Resource.PODS)
            if key[2] == namespace
            and key not in self._stopping
            and selector_matches(selector, self._store.held(key)["metadata"].get("labels") or {})
        ]

    def _report(self, key: Key, now: datetime) -> None:
        deployment = self._store.held(key)
        present = self._revisions.present(deployment, now)
        new, old = self._split(deployment, present)
        pods = [self._store.held(pod) for pod in (*new, *old)]
        ready = sum(is_ready(pod) for pod in pods)
        wanted = int(deployment.get("spec", {}).get("replicas", 1))
        if not old and ready >= wanted and len(new) >= wanted:
            self._complete[key] = present
        status: dict[str, Any] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(new),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(wanted - ready, 0),
            "conditions": _conditions(ready, complete=self._complete.get(key, present) == present),
        }
        status = {name: value for name, value in status.items() if value != 0}
        kept = {**deployment.get("status", {}), **status}
        kept = {name: value for name, value in kept.items() if name in status or name not in _COUNTS}
        if kept != deployment.get("status"):
            deployment["status"] = kept
            self._store.changed(key)
        self._revisions.report(deployment, [owner_name(pod) for pod in pods])
        history = self._history.setdefault((key[2], key[3]), [])
        if not history or history[-1][1] != ready:
            history.append((now, ready))


_COUNTS = {"replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"}


def _worth(pod: KubeObject) -> tuple[bool, float]:
    created = pod["metadata"]["creationTimestamp"]
    return (is_ready(pod), -float("".join(sign for sign in created if sign.isdigit())))


def _conditions(ready: int, *, complete: bool) -> list[dict[str, str]]:
    return [
        {"type": "Available", "status": "True" if ready else "False", "reason": "MinimumReplicasAvailable"},
        {
            "type": "Progressing",
            "status": "True",
            "reason": "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated",
        },
    ]
