"""What differs between two pod templates, in words. Pure; of the environment it tells names only.

Called by the check of rollouts and by the plans of rollbacks.
"""

from __future__ import annotations

from dataclasses import dataclass
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
_Kind = str
_IMAGE_KIND, _RESOURCES, _CONFIGURATION, _PROBE, _OTHER = "image", "resources", "config", "probe", "other"
_ORDER: Final = (_IMAGE_KIND, _CONFIGURATION, _RESOURCES, _PROBE, _OTHER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What changed, by kind, and each change as a line: images first."""

    image: bool
    resources: bool
    configuration: bool
    probes: bool
    words: tuple[str, ...]


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Compare two pod templates."""
    found = [*_pods(before.get("spec") or {}, after.get("spec") or {})]
    found.sort(key=lambda one: _ORDER.index(one[0]))
    kinds = {kind for kind, _ in found}
    return Changes(
        image=_IMAGE_KIND in kinds,
        resources=_RESOURCES in kinds,
        configuration=_CONFIGURATION in kinds,
        probes=_PROBE in kinds,
        words=tuple(one_line(words, limit=300) for _, words in found),
    )


def _pods(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[_Kind, str]]:
    for part in ("containers", "initContainers"):
        old, new = _by_name(before.get(part)), _by_name(after.get(part))
        what = "container" if part == "containers" else "init container"
        for name in sorted(old.keys() | new.keys()):
            if name not in old:
                yield _IMAGE_KIND, f"{what} {name} is new ({_shown(new[name].get('image'))})"
            elif name not in new:
                yield _IMAGE_KIND, f"{what} {name} is gone"
            else:
                yield from _containers(f"{what} {name}", old[name], new[name])
    for field in _POD_FIELDS:
        if (before.get(field) or None) != (after.get(field) or None):
            yield (_CONFIGURATION if field in _CONFIGURING else _OTHER), f"{field} changed"


def _containers(
    what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[_Kind, str]]:
    if before.get("image") != after.get("image"):
        yield (
            _IMAGE_KIND,
            f"image of {what}: {_shown(before.get('image'))} → {_shown(after.get('image'))}",
        )
    for field in ("command", "args"):
        if (before.get(field) or []) != (after.get(field) or []):
            yield _CONFIGURATION, f"{field} of {what} changed"
    yield from _environment(what, before, after)
    yield from _resources(what, before.get("resources") or {}, after.get("resources") or {})
    for probe in _PROBES:
        yield from _probe(f"{_PROBE_WORDS[probe]} probe of {what}", before.get(probe), after.get(probe))
    for field in _CONTAINER_FIELDS:
        if (before.get(field) or None) != (after.get(field) or None):
            yield (_CONFIGURATION if field in _CONFIGURING else _OTHER), f"{field} of {what} changed"


def _environment(
    what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[_Kind, str]]:
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
        yield _CONFIGURATION, f"environment of {what}: {', '.join(parts)}"


def _resources(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[_Kind, str]]:
    for part in ("requests", "limits"):
        old, new = before.get(part) or {}, after.get(part) or {}
        for resource in sorted(old.keys() | new.keys()):
            if old.get(resource) != new.get(resource):
                was, now = (str(one.get(resource, "none")) for one in (old, new))
                yield _RESOURCES, f"{resource} {part} of {what}: {was} → {now}"


def _probe(what: str, before: Any, after: Any) -> Iterator[tuple[_Kind, str]]:
    old, new = before or {}, after or {}
    if old == new:
        return
    if not old or not new:
        yield _PROBE, f"{what} {'added' if new else 'removed'}"
        return
    numbers = [
        f"{name} {old.get(name, 'default')} → {new.get(name, 'default')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name.endswith(("Seconds", "Threshold"))
    ]
    yield _PROBE, f"{what} changed{': ' + ', '.join(numbers) if numbers else ''}"


def _by_name(items: Any) -> dict[str, Mapping[str, Any]]:
    return {str(one.get("name", "")): one for one in items or () if isinstance(one, dict)}


def _shown(image: object) -> str:
    return one_line(image or "none", limit=_IMAGE)


def _listed(names: list[str]) -> str:
    rest = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {rest} more" if rest > 0 else "")
