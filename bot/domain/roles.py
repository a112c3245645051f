"""The least Roles that hold given rights: which namespace, which verbs on what, and on which objects alone.

`lightship rbac` writes them down, and the end-to-end tests let the bot work with nothing else. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.domain.rights import Right

CLUSTER_SCOPED: Final = frozenset(
    {
        "customresourcedefinitions",
        "mutatingwebhookconfigurations",
        "namespaces",
        "nodes",
        "persistentvolumes",
        "priorityclasses",
        "runtimeclasses",
        "storageclasses",
        "validatingwebhookconfigurations",
    }
)
"""Resources that are in no namespace, so that only a ClusterRole can grant them."""

BY_NAME: Final = frozenset({"get", "patch", "update", "delete"})
"""Verbs that RBAC can bind to names of objects; it cannot for `list`, `watch` and `create`."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Need:
    """A right in a namespace, and what needs it. `names` are the objects it is needed on; empty means all."""

    namespace: str
    right: Right
    names: tuple[str, ...] = ()
    needed_by: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class RoleRule:
    """One rule of a Role: verbs on one resource, on the named objects alone where there are names."""

    group: str
    resource: str
    names: tuple[str, ...]
    verbs: tuple[str, ...]
    needed_by: tuple[str, ...] = ()

    def manifest(self) -> dict[str, list[str]]:
        """As Kubernetes writes it."""
        named = {"resourceNames": list(self.names)} if self.names else {}
        return {
            "apiGroups": [self.group],
            "resources": [self.resource],
            **named,
            "verbs": list(self.verbs),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """The rules of one namespace, or of the cluster where `namespace` is empty."""

    namespace: str
    rules: tuple[RoleRule, ...]


def least_roles(needs: Iterable[Need]) -> tuple[Role, ...]:
    """One Role for each namespace, in their order, and one of the cluster last where anything needs it.

    Rights on named objects stay on these; a need of all objects makes names of the same right superfluous.
    """
    wanted: dict[str, dict[Right, list[Need]]] = defaultdict(lambda: defaultdict(list))
    for need in needs:
        scope = "" if need.right.resource.partition("/")[0] in CLUSTER_SCOPED else need.namespace
        wanted[scope][need.right].append(need)
    namespaces = [*sorted(filter(None, wanted)), *([""] if "" in wanted else [])]
    return tuple(Role(namespace=scope, rules=_rules(wanted[scope])) for scope in namespaces)


def _rules(by_right: Mapping[Right, list[Need]]) -> tuple[RoleRule, ...]:
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    reasons: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for right, needs in by_right.items():
        key = (right.group, right.resource, _names(right, needs))
        verbs[key].add(right.verb)
        reasons[key].update(need.needed_by for need in needs if need.needed_by)
    return tuple(
        sorted(
            RoleRule(
                group=group,
                resource=resource,
                names=names,
                verbs=tuple(sorted(verbs[group, resource, names])),
                needed_by=tuple(sorted(reasons[group, resource, names])),
            )
            for group, resource, names in verbs
        )
    )


def _names(right: Right, needs: Iterable[Need]) -> tuple[str, ...]:
    if right.verb not in BY_NAME or not all(need.names for need in needs):
        return ()
    return tuple(sorted({name for need in needs for name in need.names}))
