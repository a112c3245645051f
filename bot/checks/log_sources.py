"""Which containers' logs are worth reading: those of the deployment's pods, the troubled ones first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.checks.reading import name_of
from bot.domain.errors import Permanent
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.ports.readers import KubeObject

_DEFAULT: Final = "kubectl.kubernetes.io/default-container"
_CONTAINERS: Final = 4
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One container's log. `started` says whether it can have written anything yet."""

    pod: str
    container: str
    started: bool


def pods_called(pods: Sequence[KubeObject], wanted: str) -> list[KubeObject]:
    """The pods of that name, or whose name ends so. Raises Permanent where there is none."""
    exact = [pod for pod in pods if name_of(pod) == wanted]
    found = exact or [pod for pod in pods if name_of(pod).endswith(wanted)]
    if not found:
        names = ", ".join(name_of(pod) for pod in pods[:_NAMED]) or "none"
        raise Permanent(f"there is no pod `{one_line(wanted, limit=80)}`; its pods are {names}")
    return found


def troubled_first(pods: Sequence[KubeObject]) -> list[KubeObject]:
    """Pods that are not ready, then those that restarted, then by name."""
    return sorted(pods, key=lambda pod: (_is_ready(pod), -_restarts(pod), name_of(pod)))


def sources_of(pod: KubeObject, *, container: str, previous: bool) -> Iterator[Source]:
    """The containers of a pod that are read: the named one, its default one, else all but finished inits."""
    spec = pod.get("spec") or {}
    statuses = {str(one.get("name")): one for one in _statuses(pod)}
    default = ((pod.get("metadata") or {}).get("annotations") or {}).get(_DEFAULT, "")
    mains = [str(one.get("name")) for one in spec.get("containers") or ()]
    inits = [str(one.get("name")) for one in spec.get("initContainers") or ()]
    if container:
        names = [name for name in (*inits, *mains) if name == container]
    else:
        unfinished = [name for name in inits if _has_trouble(statuses.get(name) or {})]
        names = [*unfinished, *([default] if default in mains else mains)][:_CONTAINERS]
    for name in names:
        status = statuses.get(name) or {}
        if not previous:
            yield Source(pod=name_of(pod), container=name, started=_has_started(status))
        elif int(status.get("restartCount") or 0) > 0 or (status.get("lastState") or {}).get("terminated"):
            yield Source(pod=name_of(pod), container=name, started=True)


def _statuses(pod: KubeObject) -> list[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _has_started(status: Mapping[str, Any]) -> bool:
    state = status.get("state") or {}
    if "running" in state or "terminated" in state:
        return True
    return bool((status.get("lastState") or {}).get("terminated"))


def _has_trouble(status: Mapping[str, Any]) -> bool:
    state = status.get("state") or {}
    return bool(state) and (state.get("terminated") or {}).get("exitCode") != 0


def _is_ready(pod: KubeObject) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _restarts(pod: KubeObject) -> int:
    return sum(int(one.get("restartCount") or 0) for one in _statuses(pod))
