"""What differs between two pod templates, in words. Pure; of the environment it tells names only.

Called by the check of rollouts and by the plans of rollbacks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IMAGE: Final = 160
_NAMES: Final = 8
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_WORDS: Final = {"livenessProbe": "liveness", "readinessProbe": "readiness", "startupProbe": "startup"}
_POD_FIELDS: Final = (
    "volumes", "nodeSelector", "affinity", "tolerations", "serviceAccountName", "securityContext",
    "dnsPolicy", "dnsConfig", "hostNetwork", "priorityClassName", "terminationGracePeriodSeconds",
    "imagePullSecrets", "topologySpreadConstraints", "schedulerName", "runtimeClassName",
)  # fmt: skip
_CONTAINER_FIELDS: Final = ("ports", "volumeMounts", "securityContext", "workingDir", "lifecycle")
_CONFIGURING: Final = frozenset({"volumes", "volumeMounts"})


class ChangeKind(Enum):
    """What a change is about, in the order in which changes are told."""

    IMAGE = 1
    COMMAND = 2
    ENVIRONMENT = 3
    CONFIGURATION = 4
    RESOURCES = 5
    PROBE = 6
    OTHER = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change in words, and the path of the field in the deployment where there is one."""

    kind: ChangeKind
    words: str
    path: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What changed: images first."""

    parts: tuple[Change, ...]

    def has(self, *kinds: ChangeKind) -> bool:
        """Whether one of these kinds changed."""
        return any(one.kind in kinds for one in self.parts)

    @property
    def image(self) -> bool:
        """Whether an image changed."""
        return self.has(ChangeKind.IMAGE)

    @property
    def resources(self) -> bool:
        """Whether requests or limits changed."""
        return self.has(ChangeKind.RESOURCES)

    @property
    def configuration(self) -> bool:
        """Whether environment, command or volumes changed."""
        return self.has(ChangeKind.CONFIGURATION, ChangeKind.ENVIRONMENT, ChangeKind.COMMAND)

    @property
    def probes(self) -> bool:
        """Whether a probe changed."""
        return self.has(ChangeKind.PROBE)

    @property
    def words(self) -> tuple[str, ...]:
        """Each change as a line."""
        return tuple(one.words for one in self.parts)


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Compare two pod templates."""
    found = [*_pods(before.get("spec") or {}, after.get("spec") or {})]
    found.sort(key=lambda one: one.kind.value)
    return Changes(parts=tuple(replace(one, words=one_line(one.words, limit=300)) for one in found))


def _pods(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for part in ("containers", "initContainers"):
        old, new = _by_name(before.get(part)), _by_name(after.get(part))
        what = "container" if part == "containers" else "init container"
        for name in sorted(old.keys() | new.keys()):
            path = f"spec.template.spec.{part}[{name}]"
            if name not in old:
                words = f"{what} {name} is new ({_shown(new[name].get('image'))})"
                yield Change(kind=ChangeKind.IMAGE, words=words, path=path)
            elif name not in new:
                yield Change(kind=ChangeKind.IMAGE, words=f"{what} {name} is gone", path=path)
            else:
                for one in _containers(f"{what} {name}", old[name], new[name]):
                    yield replace(one, path=f"{path}.{one.path}")
    for field in _POD_FIELDS:
        if (before.get(field) or None) != (after.get(field) or None):
            kind = ChangeKind.CONFIGURATION if field in _CONFIGURING else ChangeKind.OTHER
            yield Change(kind=kind, words=f"{field} changed", path=f"spec.template.spec.{field}")


def _containers(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Their paths are those within the container."""
    if before.get("image") != after.get("image"):
        words = f"image of {what}: {_shown(before.get('image'))} → {_shown(after.get('image'))}"
        yield Change(kind=ChangeKind.IMAGE, words=words, path="image")
    for field in ("command", "args"):
        if (before.get(field) or []) != (after.get(field) or []):
            yield Change(kind=ChangeKind.COMMAND, words=f"{field} of {what} changed", path=field)
    yield from _environment(what, before, after)
    yield from _resources(what, before.get("resources") or {}, after.get("resources") or {})
    for probe in _PROBES:
        words = _probe(f"{_PROBE_WORDS[probe]} probe of {what}", before.get(probe), after.get(probe))
        if words:
            yield Change(kind=ChangeKind.PROBE, words=words, path=probe)
    for field in _CONTAINER_FIELDS:
        if (before.get(field) or None) != (after.get(field) or None):
            kind = ChangeKind.CONFIGURATION if field in _CONFIGURING else ChangeKind.OTHER
            yield Change(kind=kind, words=f"{field} of {what} changed", path=field)


def _environment(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = _by_name(before.get("env")), _by_name(after.get("env"))
    named = (
        ("added", sorted(new.keys() - old.keys())),
        ("removed", sorted(old.keys() - new.keys())),
        ("changed", sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
    )
    parts = [f"{word} {_listed(names)}" for word, names in named if names]
    if (before.get("envFrom") or []) != (after.get("envFrom") or []):
        parts.append("other sources (envFrom)")
    if parts:
        words = f"environment of {what}: {', '.join(parts)}"
        yield Change(kind=ChangeKind.ENVIRONMENT, words=words, path="env")


def _resources(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for part in ("requests", "limits"):
        old, new = before.get(part) or {}, after.get(part) or {}
        for resource in sorted(old.keys() | new.keys()):
            if old.get(resource) != new.get(resource):
                was, now = (str(one.get(resource, "none")) for one in (old, new))
                words = f"{resource} {part} of {what}: {was} → {now}"
                yield Change(kind=ChangeKind.RESOURCES, words=words, path=f"resources.{part}.{resource}")


def _probe(what: str, before: Any, after: Any) -> str:
    """What changed in a probe; empty where nothing did."""
    old, new = before or {}, after or {}
    if old == new:
        return ""
    if not old or not new:
        return f"{what} {'added' if new else 'removed'}"
    numbers = [
        f"{name} {old.get(name, 'default')} → {new.get(name, 'default')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name.endswith(("Seconds", "Threshold"))
    ]
    return f"{what} changed{': ' + ', '.join(numbers) if numbers else ''}"


def _by_name(items: Any) -> dict[str, Mapping[str, Any]]:
    return {str(one.get("name", "")): one for one in items or () if isinstance(one, dict)}


def _shown(image: object) -> str:
    return one_line(image or "none", limit=_IMAGE)


def _listed(names: list[str]) -> str:
    rest = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {rest} more" if rest > 0 else "")
