"""Changes that others make to a rehearsal's cluster: manifests applied and removed, scaling, releases.

Called by `bot.rehearsal.scenarios.staging` when their time has come.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from bot.domain.durations import DurationError, parse_duration
from bot.ports.readers import Resource
from bot.rehearsal.objects import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from bot.ports.readers import KubeObject
    from bot.rehearsal.cluster import RehearsalState
    from bot.rehearsal.objects import Key
    from bot.rehearsal.scenarios.models import ChangeFile, ReleaseFile

_WHEN: Final = re.compile(r"now(?:-(\S+))?")


class Changing:
    """Makes changes to the objects of one namespace, and to the deployment that the service has there."""

    def __init__(self, state: RehearsalState, *, namespace: str, deployment: str) -> None:
        self._state = state
        self._namespace = namespace
        self._key: Key = (
            Resource.DEPLOYMENTS.api_version,
            Resource.DEPLOYMENTS.kind,
            namespace,
            deployment,
        )

    def make(self, change: ChangeFile, *, at: datetime) -> None:
        """Make one."""
        store = self._state.store
        if change.apply is not None:
            self._apply(dated(change.apply, at, self._namespace), at)
        elif change.remove is not None:
            kind, name = change.remove.kind.lower(), change.remove.name
            for key in store.all_keys():
                if key[1].lower() == kind and key[2:] == (self._namespace, name):
                    store.remove(key)
        elif change.scale is not None:
            store.held(self._key)["spec"]["replicas"] = change.scale
            store.changed(self._key, spec=True)
        elif change.release is not None:
            self._release(change.release)

    def _apply(self, manifest: KubeObject, at: datetime) -> None:
        store, metadata = self._state.store, manifest["metadata"]
        key = (manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"])
        if key not in set(store.all_keys()):
            store.put(manifest, now=at)
            return
        held = store.held(key)
        _put_over(held, manifest)
        store.changed(key, spec="spec" in manifest)

    def _release(self, release: ReleaseFile) -> None:
        """Another template; the controller makes its revision of it, and rolls it out."""
        store = self._state.store
        (container, *_) = store.held(self._key)["spec"]["template"]["spec"]["containers"]
        if release.image is not None:
            container["image"] = release.image
        for name, value in release.environment.items():
            kept = [one for one in container.get("env", ()) if one["name"] != name]
            container["env"] = [*kept, {"name": name, "value": value}]
        store.changed(self._key, spec=True)


def dated(manifest: KubeObject, at: datetime, namespace: str) -> KubeObject:
    """A manifest with `now` and `now-2h` in it made times, and in the namespace unless it names one."""
    made: KubeObject = _dated(deepcopy(manifest), at)
    made.setdefault("metadata", {}).setdefault("namespace", namespace)
    return made


def _dated(value: Any, at: datetime) -> Any:
    if isinstance(value, dict):
        return {key: _dated(inner, at) for key, inner in value.items()}
    if isinstance(value, list):
        return [_dated(inner, at) for inner in value]
    found = _WHEN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    try:
        return stamp(at - parse_duration(found.group(1) or "0"))
    except DurationError:
        return value


def _put_over(held: dict[str, Any], manifest: dict[str, Any]) -> None:
    for key, value in manifest.items():
        if isinstance(value, dict) and isinstance(held.get(key), dict):
            _put_over(held[key], value)
        else:
            held[key] = value
