"""What the bot's own account may do, as the API server says; for `lightship doctor`.

A SelfSubjectRulesReview is asked by creating one: the cluster keeps nothing, and every account may do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.adapters.kubernetes.connection import place_of
from bot.domain.granted import Granted
from bot.domain.rights import Right

if TYPE_CHECKING:
    from bot.adapters.kubernetes.connection import KubernetesConnection

_GROUP: Final = "authorization.k8s.io"
_RIGHT: Final = Right(verb="create", group=_GROUP, resource="selfsubjectrulesreviews")


class KubernetesOwnRights:
    """`bot.ports.readers.OwnRights` over one connection."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    async def granted(self, namespace: str) -> tuple[Granted, ...]:
        """Every rule that holds for the bot in a namespace. Raises what the readers raise."""
        answer = await self._connection.write_once(
            "POST",
            f"/apis/{_GROUP}/v1/selfsubjectrulesreviews",
            query={},
            body={
                "apiVersion": f"{_GROUP}/v1",
                "kind": "SelfSubjectRulesReview",
                "spec": {"namespace": namespace},
            },
            right=_RIGHT,
            place=place_of(namespace),
        )
        return tuple(_granted(rule) for rule in (answer.get("status") or {}).get("resourceRules") or ())


def _granted(rule: dict[str, Any]) -> Granted:
    return Granted(
        groups=frozenset(rule.get("apiGroups") or ()),
        resources=frozenset(rule.get("resources") or ()),
        verbs=frozenset(rule.get("verbs") or ()),
        names=frozenset(rule.get("resourceNames") or ()),
    )
