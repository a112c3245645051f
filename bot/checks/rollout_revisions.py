"""A deployment's ReplicaSets read into revisions, the newest first. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import created_at, name_of, parse_time
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from bot.ports.readers import KubeObject

_REVISION: Final = "deployment.kubernetes.io/revision"
_HISTORY: Final = "deployment.kubernetes.io/revision-history"
_CAUSE: Final = "kubernetes.io/change-cause"


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One revision, since when it is the newest one, or was."""

    number: int
    name: str
    began_at: datetime | None
    replicas: int
    ready: int
    images: tuple[str, ...]
    change_cause: str
    template: Mapping[str, Any]
    taken_again: bool = False


def revisions_of(sets: Iterable[KubeObject], *, deployment: KubeObject) -> tuple[Revision, ...]:
    """The revisions, the newest first."""
    templated = _templated_at(deployment)
    found = sorted(map(_revision, sets), key=lambda one: (one.number, one.name), reverse=True)
    if found and found[0].taken_again and templated and found[0].began_at:
        # A rollback takes an old ReplicaSet again, which keeps the time when it was first made.
        found[0] = replace(found[0], began_at=max(templated, found[0].began_at))
    return tuple(found)


def _templated_at(deployment: KubeObject) -> datetime | None:
    """When the writer of the pod template last wrote."""
    entries = (deployment.get("metadata") or {}).get("managedFields") or ()
    times = [
        parse_time(entry.get("time"))
        for entry in entries
        if "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return max((time for time in times if time is not None), default=None)


def _revision(item: KubeObject) -> Revision:
    annotations = (item.get("metadata") or {}).get("annotations") or {}
    number = str(annotations.get(_REVISION, ""))
    template = (item.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    status = item.get("status") or {}
    return Revision(
        number=int(number) if number.isascii() and number.isdecimal() else 0,
        name=one_line(name_of(item), limit=253),
        began_at=created_at(item),
        replicas=int((item.get("spec") or {}).get("replicas") or 0),
        ready=int(status.get("readyReplicas") or 0),
        images=tuple(one_line(one.get("image", ""), limit=200) for one in containers),
        change_cause=str(annotations.get(_CAUSE, "")),
        template=template,
        taken_again=bool(annotations.get(_HISTORY)),
    )
