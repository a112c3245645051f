"""What changed lately: between the last two revisions, and in ConfigMaps that are newer than the pods.

A change is no fault. It is told where an alert follows it, with less certainty than anything broken. Of the
environment only names are told, of a ConfigMap only that and when it changed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.checks.modes.configuration import config_maps_of
from bot.checks.modes.sight import is_alive
from bot.checks.reading import ago, created_at, name_of, parse_time
from bot.checks.rollout_revisions import revisions_of
from bot.domain.pod_templates import ChangeKind, changes_between
from bot.domain.redaction import without_secrets
from bot.domain.suspects import FailureMode, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bot.checks.modes.sight import Sight
    from bot.ports.readers import KubeObject

_MATTERS: Final = timedelta(days=1)
_JUST_NOW: Final = timedelta(hours=1)
_MARGIN: Final = timedelta(seconds=5)
_CONTAINER: Final = "spec.template.spec.containers[]"
_MODES: Final = {
    ChangeKind.IMAGE: (FailureMode.CHANGED_IMAGE, "The image changed", f"{_CONTAINER}.image"),
    ChangeKind.ENVIRONMENT: (FailureMode.CHANGED_ENVIRONMENT, "The environment changed", f"{_CONTAINER}.env"),
    ChangeKind.RESOURCES: (FailureMode.CHANGED_RESOURCES, "The resources changed", f"{_CONTAINER}.resources"),
    ChangeKind.PROBE: (FailureMode.CHANGED_PROBE, "A probe changed", f"{_CONTAINER}.readinessProbe"),
    ChangeKind.COMMAND: (FailureMode.CHANGED_COMMAND, "The command changed", f"{_CONTAINER}.command"),
}


def changes(sight: Sight) -> Iterator[Suspect]:
    """Changes of the last day."""
    revisions = revisions_of(sight.sets, deployment=sight.deployment)
    if len(revisions) > 1 and (began := revisions[0].began_at) and sight.now - began <= _MATTERS:
        newest = revisions[0]
        for change in changes_between(revisions[1].template, newest.template).parts:
            if change.kind not in _MODES:
                continue
            mode, title, field = _MODES[change.kind]
            yield Suspect(
                mode=mode,
                title=f"{title} with revision {newest.number}, {ago(began, now=sight.now)}",
                subject=sight.subject,
                field=change.path or field,
                value=without_secrets(change.words),
                mend=f"roll back to revision {revisions[1].number} if the alert began after it",
                certainty=_certainty(sight, began),
                evidence=(without_secrets(change.words),),
                since=began,
                action="rollback",
            )
    yield from _config_maps(sight)


def _config_maps(sight: Sight) -> Iterator[Suspect]:
    started = [made for pod in sight.pods if is_alive(pod) and (made := created_at(pod))]
    if not started:
        return
    oldest = min(started)
    used = config_maps_of(sight.template.get("spec") or {})
    for one in sight.config_maps:
        changed = config_changed_at(one)
        if name_of(one) not in used or changed is None or changed - oldest <= _MARGIN:
            continue
        if sight.now - changed > _MATTERS:
            continue
        yield Suspect(
            mode=FailureMode.CONFIG_MAP_NEWER,
            title=f"The ConfigMap {name_of(one)} is newer than the pods: {ago(changed, now=sight.now)}",
            subject=f"config map {name_of(one)}",
            field="data",
            value="changed",
            mend="restart the deployment so that all pods have the same, or take the change back",
            certainty=_certainty(sight, changed),
            evidence=(f"the oldest pod is from {ago(oldest, now=sight.now)}",),
            since=changed,
            action="restart",
        )


def config_changed_at(config_map: KubeObject) -> datetime | None:
    """When what it holds was last written, by its metadata alone."""
    metadata = config_map.get("metadata") or {}
    times = [
        parse_time(entry.get("time"))
        for entry in metadata.get("managedFields") or ()
        if {"f:data", "f:binaryData"} & set(entry.get("fieldsV1") or {})
    ]
    return max((time for time in times if time is not None), default=created_at(config_map))


def _certainty(sight: Sight, at: datetime) -> float:
    recent = sight.now - at <= _JUST_NOW
    if sight.troubled:
        return 0.45 if recent else 0.3
    return 0.35 if recent else 0.2
