"""Pods that ail, as a real cluster would show it: crash loops, images that are not there, no room, not ready.

Called by `bot.rehearsal.scenarios.staging`, which lets troubles begin and go on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bot.domain.selectors import selector_matches
from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp
from bot.rehearsal.pods import start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bot.ports.readers import KubeObject
    from bot.rehearsal.cluster import RehearsalState
    from bot.rehearsal.objects import Key
    from bot.rehearsal.scenarios.models import TroubleFile
    from bot.rehearsal.scenarios.numbers import Numbers

_WAITING: Final = {
    "crash-loop": "CrashLoopBackOff",
    "image-pull": "ImagePullBackOff",
    "config-error": "CreateContainerConfigError",
}
_KILLED: Final = 137


@dataclass(kw_only=True, slots=True, eq=False)
class _Trouble:
    written: TroubleFile
    at: datetime
    pods: dict[Key, datetime] = field(default_factory=dict)
    """The pods that it has, each since when."""


class Ailing:
    """The troubles of a deployment's pods."""

    def __init__(
        self, state: RehearsalState, numbers: Numbers, *, start: datetime, namespace: str, deployment: str
    ) -> None:
        self._state = state
        self._numbers = numbers
        self._start = start
        self._namespace = namespace
        self._deployment = deployment
        self._troubles: list[_Trouble] = []

    def begin(self, trouble: TroubleFile, *, at: datetime) -> None:
        """Let a trouble begin."""
        self._troubles.append(_Trouble(written=trouble, at=at))

    def go_on(self, now: datetime) -> bool:
        """Bring the pods to this time, ailing or well again; whether there is any trouble to look after."""
        ailing: set[Key] = set()
        for trouble in self._troubles:
            chosen = list(self._chosen(trouble)) if self._lasts(trouble, now) else []
            for key in list(trouble.pods):
                if key not in chosen and trouble.pods.pop(key) and key not in ailing:
                    self._heal(key, now)
            for key in chosen:
                self._afflict(
                    key, trouble, trouble.pods.setdefault(key, max(trouble.at, self._made(key))), now
                )
            ailing.update(chosen)
        return bool(self._troubles)

    def _lasts(self, trouble: _Trouble, now: datetime) -> bool:
        written = trouble.written
        if written.until is not None and now - self._start >= written.until:
            return False
        return written.during is None or bool(written.during.value(self._numbers, now))

    def _chosen(self, trouble: _Trouble) -> Iterator[Key]:
        """Those that have it keep it; others follow in the order of their names."""
        keys = sorted(self._pods(), key=lambda key: (key not in trouble.pods, key))
        yield from keys[: trouble.written.count or len(keys)]

    def _pods(self) -> Iterator[Key]:
        store = self._state.store
        key = (Resource.DEPLOYMENTS.api_version, Resource.DEPLOYMENTS.kind, self._namespace, self._deployment)
        selector = store.held(key)["spec"].get("selector")
        for pod in store.keys(Resource.PODS):
            metadata = store.held(pod)["metadata"]
            if pod[2] == self._namespace and selector_matches(selector, metadata.get("labels") or {}):
                yield pod

    def _made(self, key: Key) -> datetime:
        made = str(self._state.store.held(key)["metadata"]["creationTimestamp"])
        return self._start.fromisoformat(made)

    def _heal(self, key: Key, now: datetime) -> None:
        if key in set(self._state.store.keys(Resource.PODS)):
            start(self._state.store.held(key), now)
            self._state.store.changed(key)

    def _afflict(self, key: Key, trouble: _Trouble, since: datetime, now: datetime) -> None:
        pod = self._state.store.held(key)
        before = repr(pod["status"])
        written, times = trouble.written, int((now - since) / trouble.written.every) + 1
        _not_ready(pod)
        if written.kind == "pending":
            pod["status"].update(phase="Pending", containerStatuses=[])
            pod["spec"].pop("nodeName", None)
        for container in pod["status"]["containerStatuses"]:
            container["ready"] = False
            if written.kind in _WAITING:
                container["state"] = {"waiting": {"reason": _WAITING[written.kind]}}
            if written.kind == "crash-loop":
                container["restartCount"] = times
                ended = since + written.every * (times - 1)
                container["lastState"] = {"terminated": _end(written.reason, ended)}
        if before != repr(pod["status"]):
            self._state.store.changed(key)
        if written.event is not None:
            self._state.store.put(_event(pod, written, times, since, now), now=since)


def _not_ready(pod: KubeObject) -> None:
    for condition in pod["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition.update(status="False", reason="ContainersNotReady")


def _end(reason: str, at: datetime) -> dict[str, Any]:
    return {
        "reason": reason,
        "exitCode": _KILLED if reason == "OOMKilled" else 1,
        "startedAt": stamp(at),
        "finishedAt": stamp(at),
    }


def _event(pod: KubeObject, trouble: TroubleFile, times: int, since: datetime, now: datetime) -> KubeObject:
    event = trouble.event
    assert event is not None  # noqa: S101 - asked by the only caller
    metadata = pod["metadata"]
    return {
        "apiVersion": Resource.EVENTS.api_version,
        "kind": Resource.EVENTS.kind,
        "metadata": {
            "name": f"{metadata['name']}.{event.reason.lower()}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"]},
        "type": "Warning",
        "reason": event.reason,
        "message": event.message,
        "count": times,
        "firstTimestamp": stamp(since),
        "lastTimestamp": stamp(min(since + trouble.every * (times - 1), now)),
    }
