"""What several checks read the same way: times, conditions, owners, and what they can do without.

Called by the checks over Kubernetes objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.domain.durations import rough_duration
from bot.domain.errors import Forbidden, LightshipError, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.checks.targets import CheckTarget
    from bot.ports.readers import ClusterReader, KubeObject, Resource

RECENT: Final = timedelta(hours=1)
"""What happened so long ago at most still belongs to an incident that just opened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Something that a check can do without: what was found, or a note that says why nothing was."""

    found: Sequence[KubeObject] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A condition of an object's status, empty where the object has none of that type."""

    status: str = ""
    reason: str = ""
    message: str = ""
    since: datetime | None = None


async def list_beside(
    cluster: ClusterReader,
    resource: Resource,
    namespace: str,
    *,
    what: str,
    labels: str = "",
    fields: str = "",
    limit: int = 500,
) -> Beside:
    """Objects that are beside the point: a failure becomes a note about `what`, and the check goes on."""
    try:
        found = await cluster.list(resource, namespace=namespace, labels=labels, fields=fields, limit=limit)
    except NotFound:
        return Beside(note=f"{what}: the cluster does not have them")
    except Forbidden as error:
        return Beside(note=f"{what}: the right `{error.right}` is missing, see `lightship rbac`")
    except LightshipError:
        return Beside(note=f"{what}: could not be read just now")
    return Beside(found=found)


def parse_time(text: object) -> datetime | None:
    """A time of the API; None where there is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def name_of(item: Mapping[str, Any]) -> str:
    """The object's name; empty where it has none."""
    return str((item.get("metadata") or {}).get("name", ""))


def created_at(item: Mapping[str, Any]) -> datetime | None:
    """When the object was made."""
    return parse_time((item.get("metadata") or {}).get("creationTimestamp"))


def owned_by(items: Iterable[KubeObject], *, kind: str, name: str, uid: str = "") -> list[KubeObject]:
    """Those that this object controls: by uid where both sides have one, else by kind and name."""
    return [item for item in items if any(_is_owner(one, kind, name, uid) for one in _owners(item))]


def condition_of(item: Mapping[str, Any], wanted: str) -> Condition:
    """The condition of that type."""
    for one in (item.get("status") or {}).get("conditions") or ():
        if one.get("type") == wanted:
            return Condition(
                status=str(one.get("status") or ""),
                reason=str(one.get("reason") or ""),
                message=str(one.get("message") or ""),
                since=parse_time(one.get("lastTransitionTime")),
            )
    return Condition()


def scales(item: KubeObject, deployment: str) -> bool:
    """Whether this autoscaler's target is the deployment."""
    reference = (item.get("spec") or {}).get("scaleTargetRef") or {}
    return reference.get("kind") == "Deployment" and reference.get("name") == deployment


def ago(moment: datetime | None, *, now: datetime) -> str:
    """`5m ago`; clocks of machines differ, so what is not over yet is `just now`."""
    if moment is None:
        return "at an unknown time"
    return f"{rough_duration(now - moment)} ago" if now - moment >= timedelta(seconds=1) else "just now"


def deployment_named(target: CheckTarget) -> str:
    """`namespace/deployment`. Raises Permanent, with the setting to make, where none is configured."""
    if not target.namespace or not target.deployment:
        raise Permanent(f"no deployment is configured for {target.service}: set `kubernetes`")
    return f"{target.namespace}/{target.deployment}"


def _owners(item: KubeObject) -> Sequence[Mapping[str, Any]]:
    return (item.get("metadata") or {}).get("ownerReferences") or ()


def _is_owner(owner: Mapping[str, Any], kind: str, name: str, uid: str) -> bool:
    if owner.get("kind") != kind or owner.get("name") != name:
        return False
    return not uid or not owner.get("uid") or owner["uid"] == uid
