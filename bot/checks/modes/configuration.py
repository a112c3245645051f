"""What a pod refers to and cannot have: a ConfigMap, a Secret, a key of them, a volume's claim, a mount.

Secrets are never read: that one is missing is the kubelet's word.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bot.checks.modes.sight import clean, containers_of, short, spec_of
from bot.checks.reading import condition_of, name_of
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject

_CONFIG_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_MISSING: Final = re.compile(r'(configmap|secret) "([^"/]+/)?([^"]+)" not found', re.IGNORECASE)
_KEY: Final = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) [^\s/]+/(\S+)", re.IGNORECASE)
_MOUNT_KEY: Final = re.compile(
    r'volume "([^"]+)"\s*:.*references non-existent (?:config|secret) key: ?(\S+)', re.IGNORECASE
)
_VOLUME: Final = re.compile(r'volume "([^"]+)"')
_CLAIM_MISSING: Final = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_CLAIM: Final = re.compile(
    r"unbound (?:immediate )?PersistentVolumeClaims|persistentvolumeclaim", re.IGNORECASE
)
_MOUNT_REASONS: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_KINDS: Final = {"configmap": "ConfigMap", "secret": "Secret"}
_REFERENCES: Final = {
    "ConfigMap": ("configMap", "configMapRef", "configMapKeyRef", "name"),
    "Secret": ("secret", "secretRef", "secretKeyRef", "secretName"),
}


def configuration(sight: Sight) -> Iterator[Suspect]:
    """References of pods that are not ready to what is not there."""
    for pod in sight.troubled:
        found = [*_waiting(sight, pod), *_mounts(sight, pod)]
        yield from found
        yield from _claims(sight, pod)


def _waiting(sight: Sight, pod: KubeObject) -> Iterator[Suspect]:
    for one in containers_of(pod):
        if one.waiting.get("reason") in _CONFIG_REASONS:
            suspect = _missing(sight, pod, str(one.waiting.get("message") or ""), where=one.path)
            if suspect is not None:
                yield suspect


def _mounts(sight: Sight, pod: KubeObject) -> Iterator[Suspect]:
    if any(one.running_since for one in containers_of(pod)):
        return
    seen: set[str] = set()
    for happening in sight.about("Pod", name_of(pod), *_MOUNT_REASONS):
        volume = _VOLUME.search(happening.raw)
        named = volume[1] if volume else ""
        if named in seen or (not named and seen):
            continue
        seen.add(named)
        path = f"spec.template.spec.volumes[{named}]" if named else "spec.template.spec.volumes"
        found = _missing(sight, pod, happening.raw, where=path)
        since = happening.first
        if found is not None:
            yield replace(found, since=since)
            continue
        yield Suspect(
            mode=FailureMode.MOUNT_FAILS,
            title=f"A volume cannot be mounted{f': {named}' if named else ''}",
            subject=sight.subject,
            field=path,
            value=named or "?",
            mend="free the volume where it is still attached, or correct what it names",
            certainty=0.88,
            evidence=(f"pod {name_of(pod)}: {happening.reason}", short(happening.message)),
            since=since,
        )


def _missing(sight: Sight, pod: KubeObject, said: str, *, where: str) -> Suspect | None:
    """The ConfigMap, Secret or key that this message calls missing."""
    if key := _KEY.search(said):
        kind, name, what = _KINDS[key[2].casefold()], key[3].strip('."'), key[1].strip('"')
        field = reference_to(spec_of(pod), kind, name, key=what) or where
        return _key_missing(sight, pod, said, field=field, value=f"{what} of {kind} {name}")
    if key := _MOUNT_KEY.search(said):
        return _key_missing(sight, pod, said, field=f"{where}.items", value=f"{key[2]} in volume {key[1]}")
    found = _MISSING.search(said)
    if found is None:
        return None
    kind, name = _KINDS[found[1].casefold()], clean(found[3], limit=253)
    return Suspect(
        mode=FailureMode.CONFIG_MAP_MISSING if kind == "ConfigMap" else FailureMode.SECRET_MISSING,
        title=f"{kind} {name} is not there",
        subject=sight.subject,
        field=reference_to(spec_of(pod), kind, name) or where,
        value=name,
        mend=f"create the {kind} {name} in the namespace, or correct its name in the deployment",
        certainty=0.95,
        evidence=(f"pod {name_of(pod)}: {short(said)}",),
        action="rollback",
    )


def _key_missing(sight: Sight, pod: KubeObject, said: str, *, field: str, value: str) -> Suspect:
    return Suspect(
        mode=FailureMode.CONFIG_KEY_MISSING,
        title=f"The key {value} is not there",
        subject=sight.subject,
        field=field,
        value=value,
        mend="add the key, or correct its name in the deployment",
        certainty=0.95,
        evidence=(f"pod {name_of(pod)}: {short(said)}",),
        action="rollback",
    )


def _claims(sight: Sight, pod: KubeObject) -> Iterator[Suspect]:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.status != "False" or not _CLAIM.search(scheduled.message):
        return
    claims = {name_of(one): one for one in sight.claims}
    for volume in spec_of(pod).get("volumes") or ():
        name = str((volume.get("persistentVolumeClaim") or {}).get("claimName") or "")
        if not name:
            continue
        absent = _CLAIM_MISSING.search(scheduled.message)
        if name in claims and (claims[name].get("status") or {}).get("phase") == "Bound":
            continue
        if name not in claims and (absent is None or absent[1] != name) and sight.claims:
            continue
        yield _unbound(sight, pod, volume, claims.get(name))


def _unbound(sight: Sight, pod: KubeObject, volume: Mapping[str, Any], claim: KubeObject | None) -> Suspect:
    name = str(volume["persistentVolumeClaim"]["claimName"])
    said = condition_of(pod, "PodScheduled").message
    evidence = [f"pod {name_of(pod)} waits for it: {short(said)}"]
    if claim is None:
        title, value, mend = (
            f"The volume claim {name} is not there",
            name,
            f"create the claim {name}, or name another",
        )
        subject, field = (
            sight.subject,
            f"spec.template.spec.volumes[{volume.get('name')}].persistentVolumeClaim.claimName",
        )
    else:
        told = sight.about("PersistentVolumeClaim", name)
        evidence += [short(told[0].message)] if told else []
        title = f"The volume claim {name} is not bound to a volume"
        subject, field = f"persistent volume claim {name}", "spec.storageClassName"
        value = str((claim.get("spec") or {}).get("storageClassName") or "none")
        mend = "name a storage class that exists, or make a volume that fits the claim"
    return Suspect(
        mode=FailureMode.VOLUME_CLAIM_UNBOUND,
        title=title,
        subject=subject,
        field=field,
        value=clean(value, limit=253),
        mend=mend,
        certainty=0.93,
        evidence=tuple(evidence),
        since=condition_of(pod, "PodScheduled").since,
    )


def reference_to(spec: Mapping[str, Any], kind: str, name: str, *, key: str = "") -> str:
    """Where a pod's spec names this ConfigMap or Secret, as a path in the deployment; else empty."""
    volume_part, source, key_ref, name_field = _REFERENCES[kind]
    for part in ("initContainers", "containers"):
        for container in spec.get(part) or ():
            path = f"spec.template.spec.{part}[{container.get('name')}]"
            for variable in container.get("env") or ():
                wanted = (variable.get("valueFrom") or {}).get(key_ref) or {}
                if wanted.get("name") == name and (not key or wanted.get("key") == key):
                    return f"{path}.env[{variable.get('name')}].valueFrom.{key_ref}"
            if any((one.get(source) or {}).get("name") == name for one in container.get("envFrom") or ()):
                return f"{path}.envFrom.{source}"
    for volume in spec.get("volumes") or ():
        if (volume.get(volume_part) or {}).get(name_field) == name:
            return f"spec.template.spec.volumes[{volume.get('name')}].{volume_part}"
    return ""


def config_maps_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the ConfigMaps that a pod's spec refers to, in order."""
    containers: Sequence[Mapping[str, Any]] = (
        *(spec.get("initContainers") or ()),
        *(spec.get("containers") or ()),
    )
    variables = (one.get("valueFrom") or {} for each in containers for one in each.get("env") or ())
    sources = (one for each in containers for one in each.get("envFrom") or ())
    volumes = [*(spec.get("volumes") or ())]
    projected = (one for each in volumes for one in (each.get("projected") or {}).get("sources") or ())
    named = (
        *((one.get("configMapKeyRef") or {}).get("name") for one in variables),
        *((one.get("configMapRef") or {}).get("name") for one in sources),
        *((one.get("configMap") or {}).get("name") for one in (*volumes, *projected)),
    )
    return tuple(dict.fromkeys(str(name) for name in named if name))
